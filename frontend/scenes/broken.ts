import { Program } from "../src/map/gl/program";
import type { Scene } from "./stage";

export const scene: Scene = {
  says: "A shader that does not compile says where.",
  show() {
    const gl = document.createElement("canvas").getContext("webgl2")!;
    try {
      new Program(gl, "void main() {\n  gl_Position = vec4(nowhere);\n}\n", "void main() {}\n").use({});
    } catch (error) {
      document.body.append(Object.assign(document.createElement("pre"), { textContent: String(error) }));
    }
  },
};
