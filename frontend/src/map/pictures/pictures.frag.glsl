uniform sampler2DArray coarse, fine;
uniform sampler2D details;
uniform vec2 coarseCell, fineCell, detailCell;
uniform vec2 shape;            // width and height of a cell, the wider side being 1
uniform vec3 background;

flat in vec3 shade;
flat in float pixels;
flat in float haze;
flat in int kind;
flat in ivec3 cellAt;
out vec4 drawn;

/** Within the cell: half a pixel from its edge, or the next picture would shine in. */
vec2 within(vec2 at, vec2 cell) {
  return vec2(cellAt.xy) * cell + clamp(at * cell, vec2(0.5), cell - 0.5);
}

void main() {
  vec2 at = (gl_PointCoord - 0.5) / shape + 0.5;
  if (min(at.x, at.y) < 0.0 || max(at.x, at.y) > 1.0) discard;

  vec4 picture = vec4(shade, 1.0);
  if (kind == 1) picture = texture(coarse, vec3(within(at, coarseCell) / vec2(textureSize(coarse, 0).xy), cellAt.z));
  else if (kind == 2) picture = texture(fine, vec3(within(at, fineCell) / vec2(textureSize(fine, 0).xy), cellAt.z));
  else if (kind == 3) picture = texture(details, within(at, detailCell) / vec2(textureSize(details, 0)));
  vec3 seen = picture.rgb + background * (1.0 - picture.a);   // premultiplied, as image bitmaps are

  // small pictures take on their class's colour, large ones only a frame of it
  float bright = dot(seen, vec3(0.299, 0.587, 0.114));
  float tint = 1.0 - smoothstep(12.0, 30.0, pixels);
  seen = mix(seen, shade * (0.25 + 0.75 * bright), 0.75 * tint);
  vec2 edge = min(at, 1.0 - at) * shape * pixels;
  float frame = max(1.0, 0.045 * pixels);
  if (min(edge.x, edge.y) < frame && pixels > 9.0) seen = shade;
  drawn = vec4(mix(seen, background, haze), 1.0);
}
