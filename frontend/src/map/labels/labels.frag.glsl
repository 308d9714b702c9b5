uniform sampler2D sheet;

in vec2 at;
in float shown;
out vec4 drawn;

void main() {
  drawn = texture(sheet, at) * shown;   // premultiplied
}
