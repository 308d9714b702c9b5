/** The marks layer: rings over the hovered point, its neighbours, and its false neighbours. */

import { Program } from "../gl/program";
import type { Look } from "../look";
import fragmentSource from "./marks.frag.glsl?raw";
import vertexSource from "./marks.vert.glsl?raw";

export type MarkKind = "hovered" | "neighbour" | "false neighbour";
const KINDS: readonly MarkKind[] = ["hovered", "neighbour", "false neighbour"];

/** In CSS pixels. */
export interface Mark {
  x: number;
  y: number;
  radius: number;
  kind: MarkKind;
}

export class MarksLayer {
  readonly program: Program;
  private readonly array: WebGLVertexArrayObject;
  private readonly buffer: WebGLBuffer;

  constructor(private readonly gl: WebGL2RenderingContext) {
    this.program = new Program(gl, vertexSource, fragmentSource);
    this.array = gl.createVertexArray();
    this.buffer = gl.createBuffer();
    gl.bindVertexArray(this.array);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffer);
    for (const [at, size, offset] of [
      [0, 2, 0],
      [1, 1, 8],
      [2, 1, 12],
    ] as const) {
      gl.enableVertexAttribArray(at);
      gl.vertexAttribPointer(at, size, gl.FLOAT, false, 16, offset);
    }
    gl.bindVertexArray(null);
  }

  draw(look: Look, marks: readonly Mark[]): void {
    if (marks.length === 0) return;
    const { gl } = this;
    const { width, height, ratio } = look;
    const data = marks.flatMap((each) => [
      each.x * ratio,
      each.y * ratio,
      each.radius * ratio,
      KINDS.indexOf(each.kind),
    ]);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffer);
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array(data), gl.STREAM_DRAW);
    gl.viewport(0, 0, width, height);
    gl.disable(gl.DEPTH_TEST);
    gl.enable(gl.BLEND);
    gl.blendFuncSeparate(gl.SRC_ALPHA, gl.ONE_MINUS_SRC_ALPHA, gl.ONE, gl.ONE);
    this.program.use({ size: [width, height], thickness: 2 * ratio, ...look.colours });
    gl.bindVertexArray(this.array);
    gl.drawArrays(gl.POINTS, 0, marks.length);
    gl.bindVertexArray(null);
  }

  dispose(): void {
    this.gl.deleteBuffer(this.buffer);
    this.gl.deleteVertexArray(this.array);
    this.program.dispose();
  }
}
