// How a place looks by its colour and its depth, for the vertex shaders that draw one point a place.
uniform vec2 fog;         // strength, depth
uniform vec3 grey;        // of a place without a colour
uniform sampler2D palette;

vec3 ownColour() {
  if (colour == 0xffffu) return grey;
  return texelFetch(palette, ivec2(colour & 63u, colour >> 6u), 0).rgb;
}

/** How much larger than at the target's depth, where w is 1. */
float nearness(float w) { return clamp(1.0 / w, 0.45, 4.0); }

/** How much of it the depth takes away. */
float hazeAt(float w) { return fog.x * clamp(0.2 + 0.8 * (w - 1.0) / fog.y, 0.0, 1.0); }
