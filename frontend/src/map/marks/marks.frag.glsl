uniform float thickness;
uniform vec3 ink, accent, warning, background;

flat in float reach;
flat in int sort;
out vec4 drawn;

void main() {
  vec2 at = (gl_PointCoord - 0.5) * (2.0 * reach + 4.0);
  float away = length(at);
  float ring = clamp(thickness * 0.5 - abs(away - reach + thickness * 0.5) + 0.5, 0.0, 1.0);
  float halo = 0.8 * clamp(thickness * 0.5 + 1.0 - abs(away - reach + thickness * 0.5) + 0.5, 0.0, 1.0);
  // a false neighbour is told by its broken ring too, not by its colour alone
  if (sort == 2) ring *= smoothstep(-0.15, 0.15, sin(atan(at.y, at.x) * 5.0));
  vec3 shade = sort == 0 ? ink : sort == 1 ? accent : warning;
  float cover = max(ring, halo);
  if (cover < 0.03) discard;
  drawn = vec4(mix(background, shade, ring), cover);
}
