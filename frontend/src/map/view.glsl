// Where a place is on the screen: the beginning of every vertex shader that draws one point a place. While places are on
// their way from one map to another, MORPHING is defined.
layout(location = 0) in vec3 position;
#ifdef MORPHING
layout(location = 1) in vec3 previous;
#endif
layout(location = 2) in uint colour;
layout(location = 3) in uint flags;

uniform mat4 clip;        // from map units
#ifdef MORPHING
uniform float morph;      // 0: at previous, 1: at position
#endif
uniform float total;      // places
uniform bool flat_;       // two dimensions: a later place lies over an earlier one
uniform bool parted;      // some places lie in front of all others
uniform vec2 guard;       // the part of the drawn area that the canvas is; beyond it lie halves of points

const uint IN_FRONT = 13u;      // selected, neighbour, false neighbour
const float ABSENT = 1.0e8;

bool isAbsent() { return position.x > ABSENT; }
bool isInFront() { return (flags & IN_FRONT) != 0u; }

/** Clip position; before the guard band is taken off, w is 1 at the target's depth and less nearer to the eye. */
vec4 placed() {
  vec3 at = position;
#ifdef MORPHING
  if (previous.x < ABSENT) at = mix(previous, position, morph);
#endif
  vec4 p = clip * vec4(at, 1.0);
  if (flat_) p.z = p.w * (1.0 - 2.0 * (float(gl_VertexID) + 0.5) / total);
  if (parted) p.z = 0.5 * (p.z + (isInFront() ? -p.w : p.w));
  p.xy *= guard;
  return p;
}
