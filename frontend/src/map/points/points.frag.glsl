uniform vec3 background;

flat in vec3 shade;
flat in float steepness;
flat in float edged;
out vec4 drawn;

// In software a point costs what is done for each of its pixels, and what comes with it: both are kept few.
void main() {
  float inside = (0.5 - length(gl_PointCoord - 0.5)) * steepness;  // pixels from its outermost edge
  if (inside < 0.03) discard;
  float rim = edged * smoothstep(0.0, 1.0, 1.75 - inside / 1.2);
  drawn = vec4(mix(shade, background, rim), min(inside, 1.0));
}
