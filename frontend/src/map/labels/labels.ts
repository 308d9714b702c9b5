/** The labels layer: class names at the centres of their points, fading in and out so that none covers another. */

import type { Viewport } from "../camera";
import { Program } from "../gl/program";
import type { Look } from "../look";
import type { Colours } from "../theme";
import fragmentSource from "./labels.frag.glsl?raw";
import vertexSource from "./labels.vert.glsl?raw";
import { withoutOverlap } from "./layout";
import { type Cell, drawnNames, type Name } from "./sheet";

/** A name with the middle of where it belongs, in CSS pixels; null where that is behind the eye or nowhere. */
export interface PlacedName extends Name {
  at: readonly [number, number] | null;
}

const FADE_MS = 160;
/** CSS pixels above the middle of its points, so that a name does not cover a small group. */
const LIFT = 18;

export class LabelsLayer {
  readonly program: Program;
  private readonly array: WebGLVertexArrayObject;
  private readonly buffer: WebGLBuffer;
  private readonly texture: WebGLTexture;
  private cells: Cell[] = [];
  private sheet = { width: 1, height: 1 };
  private drawnFor = "";
  private alphas: number[] = [];
  private last = 0;
  private count = 0;
  private prepared = false;

  constructor(private readonly gl: WebGL2RenderingContext) {
    this.program = new Program(gl, vertexSource, fragmentSource);
    this.array = gl.createVertexArray();
    this.buffer = gl.createBuffer();
    this.texture = gl.createTexture();
    gl.bindVertexArray(this.array);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffer);
    for (const [at, size, offset] of [
      [0, 2, 0],
      [1, 2, 8],
      [2, 1, 16],
    ] as const) {
      gl.enableVertexAttribArray(at);
      gl.vertexAttribPointer(at, size, gl.FLOAT, false, 20, offset);
    }
    gl.bindVertexArray(null);
  }

  /** Has the browser begin what it writes with, before there is anything to draw that it would have to wait for. */
  prepare(colours: Colours): void {
    if (this.prepared) return;
    this.prepared = true;
    drawnNames([{ text: "0", colour: colours.ink }], colours, 1);
  }

  /** Decides who is shown now; returns whether anything is still fading. */
  arrange(names: readonly PlacedName[], look: Look, screen: Viewport, now: number): boolean {
    this.redrawSheet(names, look);
    const { ratio } = look;
    const wanted = this.cells.map((cell, at) => {
      const [x, y] = names[at]!.at ?? [-1, -1];
      return {
        x,
        y: y - LIFT,
        width: cell.width / ratio,
        height: cell.height / ratio,
        shown: this.alphas[at]! > 0.5,
      };
    });
    const show = withoutOverlap(wanted, screen);
    const step = Math.min(1, (now - this.last) / FADE_MS);
    this.last = names.length ? now : 0; // where there were none, the first are there at once
    this.alphas = this.alphas.map((alpha, at) => {
      if (!names[at]!.at) return 0;
      return show[at] ? Math.min(1, alpha + step) : Math.max(0, alpha - step);
    });
    this.fill(wanted, ratio);
    return this.alphas.some((alpha, at) => alpha !== (show[at] ? 1 : 0));
  }

  private redrawSheet(names: readonly PlacedName[], { colours, ratio }: Look): void {
    const needed = JSON.stringify([names.map(({ text, colour }) => [text, colour]), colours, ratio]);
    if (needed === this.drawnFor) return;
    this.drawnFor = needed;
    if (!names.length) {
      [this.cells, this.alphas] = [[], []];
      return;
    }
    const { gl } = this;
    const { canvas, cells } = drawnNames(names, colours, ratio);
    this.cells = cells;
    this.alphas = cells.map(() => 0);
    this.sheet = { width: canvas.width, height: canvas.height };
    gl.bindTexture(gl.TEXTURE_2D, this.texture);
    gl.pixelStorei(gl.UNPACK_PREMULTIPLY_ALPHA_WEBGL, true);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, canvas);
    gl.pixelStorei(gl.UNPACK_PREMULTIPLY_ALPHA_WEBGL, false);
    for (const [name, value] of [
      [gl.TEXTURE_MIN_FILTER, gl.NEAREST],
      [gl.TEXTURE_MAG_FILTER, gl.NEAREST],
      [gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE],
      [gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE],
    ] as const)
      gl.texParameteri(gl.TEXTURE_2D, name, value);
  }

  private fill(placed: readonly { x: number; y: number }[], ratio: number): void {
    const data: number[] = [];
    this.cells.forEach((cell, at) => {
      const alpha = this.alphas[at]!;
      if (alpha === 0) return;
      // whole pixels keep the letters sharp
      const left = Math.round(placed[at]!.x * ratio - cell.width / 2);
      const top = Math.round(placed[at]!.y * ratio - cell.height / 2);
      for (const [u, v] of [
        [0, 0],
        [1, 0],
        [0, 1],
        [0, 1],
        [1, 0],
        [1, 1],
      ] as const)
        data.push(
          left + u * cell.width,
          top + v * cell.height,
          cell.x + u * cell.width,
          cell.y + v * cell.height,
          alpha,
        );
    });
    const { gl } = this;
    this.count = data.length / 5;
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffer);
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array(data), gl.STREAM_DRAW);
  }

  draw(look: Look): void {
    if (this.count === 0) return;
    const { gl } = this;
    gl.viewport(0, 0, look.width, look.height);
    gl.disable(gl.DEPTH_TEST);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, this.texture);
    const { width, height } = this.sheet;
    this.program.use({ size: [look.width, look.height], sheetSize: [width, height], sheet: 0 });
    gl.bindVertexArray(this.array);
    gl.drawArrays(gl.TRIANGLES, 0, this.count);
    gl.bindVertexArray(null);
  }

  dispose(): void {
    const { gl } = this;
    gl.deleteBuffer(this.buffer);
    gl.deleteTexture(this.texture);
    gl.deleteVertexArray(this.array);
    this.program.dispose();
  }
}
