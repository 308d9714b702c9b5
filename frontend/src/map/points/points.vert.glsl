uniform float diameter;   // device pixels at the target's depth
uniform bool selecting;
uniform vec3 background, context;

flat out vec3 shade;
flat out float steepness;  // how much of it is there, from its rim (none) to its middle, if it went on as it begins
flat out float edged;

void main() {
  steepness = 0.0;
  edged = 0.0;
  shade = grey;
  gl_PointSize = 1.0;
  gl_Position = vec4(2.0, 2.0, 2.0, 1.0);
  if (isAbsent()) return;

  gl_Position = placed();
  float w = gl_Position.w;
  bool rest = selecting && !isInFront();
  float radius = 0.5 * diameter * nearness(w) * (rest ? 0.8 : 1.0);
  gl_PointSize = 2.0 * radius + 1.0;  // half a pixel more all round, in which it ends
  steepness = gl_PointSize * min(1.0, 4.0 * radius * radius);  // paler where it is smaller than a pixel
  // a thin rim keeps neighbours apart; points of few pixels have no room for one
  edged = (rest ? 0.22 : 0.55) * smoothstep(1.4, 2.6, radius);
  shade = rest ? context : ownColour();
  shade = mix(shade, background, hazeAt(w));
}
