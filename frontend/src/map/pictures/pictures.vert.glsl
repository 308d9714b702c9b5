layout(location = 4) in uint slot;

uniform float side;            // device pixels of the wider side at the target's depth
uniform float largest;         // what the machine can draw
uniform bool selecting;
uniform int perPage;
uniform vec3 loaded;           // pages that are there: coarse, fine; and whether there are details
uniform vec2 widest;           // of a cell: coarse, fine
uniform vec3 columns;          // coarse, fine, details
uniform vec2 stack;            // pages one below the other in a layer: coarse, fine

flat out vec3 shade;
flat out float pixels;
flat out float haze;
flat out int kind;             // 0 none yet, 1 coarse, 2 fine, 3 details
flat out ivec3 cellAt;         // column, row, page

void main() {
  pixels = 1.0;
  haze = 0.0;
  shade = grey;
  kind = 0;
  cellAt = ivec3(0);
  gl_PointSize = 1.0;
  gl_Position = vec4(2.0, 2.0, 2.0, 1.0);
  if (isAbsent()) return;

  gl_Position = placed();
  float w = gl_Position.w;
  bool rest = selecting && !isInFront();
  pixels = min(largest, side * nearness(w));
  gl_PointSize = pixels;
  shade = rest ? grey : ownColour();
  haze = hazeAt(w);
  if (rest) haze = max(haze, 0.75);

  int page = gl_VertexID / perPage;
  int cell = gl_VertexID - page * perPage;
  bool isFine = float(page) < loaded.y;
  bool isCoarse = float(page) < loaded.x;
  if (loaded.z > 0.0 && slot != 0xffffu && pixels > widest.y) {
    kind = 3;
    cell = int(slot);
    page = 0;
  } else if (isFine && (!isCoarse || pixels > 0.8 * widest.x)) kind = 2;
  else if (isCoarse) kind = 1;
  int across = int(kind == 3 ? columns.z : kind == 2 ? columns.y : columns.x);
  int stacked = int(kind == 3 ? 1.0 : kind == 2 ? stack.y : stack.x);
  int lines = (perPage + across - 1) / across;
  cellAt = ivec3(cell % across, cell / across + page % stacked * lines, page / stacked);
}
