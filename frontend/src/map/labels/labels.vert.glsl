layout(location = 0) in vec2 corner;    // device pixels, y downwards
layout(location = 1) in vec2 source;    // pixels of the sheet
layout(location = 2) in float alpha;

uniform vec2 size, sheetSize;

out vec2 at;
out float shown;

void main() {
  gl_Position = vec4(2.0 * corner.x / size.x - 1.0, 1.0 - 2.0 * corner.y / size.y, 0.0, 1.0);
  at = source / sheetSize;
  shown = alpha;
}
