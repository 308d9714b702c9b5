layout(location = 0) in vec2 centre;    // device pixels, y downwards
layout(location = 1) in float radius;   // device pixels
layout(location = 2) in float kind;

uniform vec2 size;
uniform float thickness;

flat out float reach;
flat out int sort;

void main() {
  gl_Position = vec4(2.0 * centre.x / size.x - 1.0, 1.0 - 2.0 * centre.y / size.y, 0.0, 1.0);
  reach = radius + thickness;
  gl_PointSize = 2.0 * reach + 4.0;
  sort = int(kind);
}
