uniform vec3 background;

flat in vec3 shade;
flat in float radius;
flat in float strength;
flat in float edged;
out vec4 drawn;

void main() {
  float away = length(gl_PointCoord - 0.5) * (2.0 * radius + 1.5);
  float cover = clamp(radius - away + 0.5, 0.0, 1.0) * strength;
  if (cover < 0.03) discard;
  float rim = edged > 0.0 ? edged * smoothstep(radius - 1.6, radius - 0.4, away) : 0.0;
  drawn = vec4(mix(shade, background, rim), cover);
}
