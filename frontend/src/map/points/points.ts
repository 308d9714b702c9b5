/** The points layer: a round, sharp point for every place, smaller and paler where it is farther away. */

import { Program } from "../gl/program";
import { guardedViewport, type Look, viewUniforms } from "../look";
import type { Places } from "../places";
import shadeSource from "../shade.glsl?raw";
import viewSource from "../view.glsl?raw";
import fragmentSource from "./points.frag.glsl?raw";
import vertexSource from "./points.vert.glsl?raw";

export class PointsLayer {
  readonly program: Program;
  private readonly morphing: Program;

  constructor(
    private readonly gl: WebGL2RenderingContext,
    private readonly palette: WebGLTexture,
  ) {
    // in software a point costs what its shader reads, and most of the time all places are where they belong
    const vertex = viewSource + shadeSource + vertexSource;
    this.program = new Program(gl, vertex, fragmentSource);
    this.morphing = new Program(gl, `#define MORPHING\n${vertex}`, fragmentSource);
  }

  draw(look: Look, places: Places, from: number, count: number): void {
    const { gl } = this;
    const diameter = look.diameter * look.ratio;
    const margin = Math.ceil(2 * diameter);
    guardedViewport(gl, look, margin);
    gl.enable(gl.DEPTH_TEST);
    gl.depthFunc(gl.LEQUAL);
    gl.enable(gl.BLEND);
    gl.blendFuncSeparate(gl.SRC_ALPHA, gl.ONE_MINUS_SRC_ALPHA, gl.ONE, gl.ONE);
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, this.palette);
    const { background, grey, context } = look.colours;
    const program = look.morph < 1 ? this.morphing : this.program;
    program.use({
      ...viewUniforms(look, margin),
      diameter,
      fog: look.fog,
      background,
      grey,
      context,
      palette: 0,
    });
    places.draw(from, count);
    this.morphing.begin(); // it is there when another map comes, and the first points do not wait for it
  }

  dispose(): void {
    this.program.dispose();
    this.morphing.dispose();
  }
}
