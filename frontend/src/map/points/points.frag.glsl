uniform vec3 background;

flat in vec3 shade;
flat in float radius;
flat in float edged;
out vec4 drawn;

void main() {
  float away = length(gl_PointCoord - 0.5) * (2.0 * radius + 1.5);
  float cover = clamp(radius - away + 0.5, 0.0, 1.0) * min(1.0, 4.0 * radius * radius);
  if (cover < 0.03) discard;
  // a thin rim keeps neighbours apart; points of few pixels have no room for one
  float rim = smoothstep(radius - 1.6, radius - 0.4, away) * smoothstep(1.4, 2.6, radius);
  drawn = vec4(mix(shade, background, 0.55 * rim * edged), cover);
}
