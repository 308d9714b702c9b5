/** The pictures layer: the thumbnail of every place at any zoom, from as few and as coarse pages as the view needs. */

import { Program } from "../gl/program";
import { guardedViewport, type Look, viewUniforms } from "../look";
import type { Places } from "../places";
import shadeSource from "../shade.glsl?raw";
import viewSource from "../view.glsl?raw";
import { Details, NO_SLOT } from "./details";
import { Pages } from "./pages";
import fragmentSource from "./pictures.frag.glsl?raw";
import vertexSource from "./pictures.vert.glsl?raw";
import { cellAt, finestWithin, levelFor, type Pictures } from "./source";

/** Graphics memory for the pages that hold every picture; what is seen large has its own. */
const PAGES_BYTES = 64e6;
const COARSE_BYTES = 16e6;
const COARSE_SIZE = 8;
const SLOT_LOCATION = 4;

export class PicturesLayer {
  readonly program: Program;
  private readonly nothing: { flat: WebGLTexture; array: WebGLTexture };
  private pictures: Pictures | null = null;
  /** How wide a point can be drawn here, device pixels; to ask makes the page wait, so it is asked once. */
  private largest: number | null = null;
  private total = 0;
  private coarse: Pages | null = null;
  private fine: Pages | null = null;
  private details: Details | null = null;
  private slots: WebGLBuffer | null = null;
  private arrived: () => void = () => {};

  constructor(
    private readonly gl: WebGL2RenderingContext,
    private readonly palette: WebGLTexture,
  ) {
    this.program = new Program(gl, `#define MORPHING\n${viewSource}${shadeSource}${vertexSource}`, fragmentSource);
    this.nothing = { flat: gl.createTexture(), array: gl.createTexture() };
    gl.bindTexture(gl.TEXTURE_2D, this.nothing.flat);
    gl.texStorage2D(gl.TEXTURE_2D, 1, gl.RGBA8, 1, 1);
    gl.bindTexture(gl.TEXTURE_2D_ARRAY, this.nothing.array);
    gl.texStorage3D(gl.TEXTURE_2D_ARRAY, 1, gl.RGBA8, 1, 1, 1);
  }

  /** `arrived` is called whenever pictures came that should be drawn. */
  show(pictures: Pictures | null, total: number, arrived: () => void): void {
    this.forget();
    this.pictures = pictures;
    this.total = total;
    this.arrived = arrived;
  }

  /** Width and height of a picture, the wider side being 1. */
  get shape(): readonly [number, number] {
    const [width, height] = this.pictures?.cell ?? [1, 1];
    return [width / Math.max(width, height), height / Math.max(width, height)];
  }

  /** Whether pictures of this size (device pixels) would be sharper with single ones fetched; then how many can be. */
  detailsFor(size: number): number {
    const { pictures } = this;
    this.load(size);
    const sharpest = this.fine ?? this.coarse;
    if (!pictures || !sharpest?.complete || levelFor(pictures, size) >= sharpest.level) return 0;
    return Math.floor((2048 / pictures.cell[0]) * (2048 / pictures.cell[1]));
  }

  /** These are in view, and large. */
  wantDetails(places: Uint32Array, size: number, buffers: Places): void {
    const { gl, pictures } = this;
    if (!pictures) return;
    const level = levelFor(pictures, size);
    if (!this.slots) {
      this.slots = buffers.property(SLOT_LOCATION, new Uint16Array(this.total).fill(NO_SLOT));
    }
    const slots = this.slots;
    if (this.details && this.details.level > level) {
      this.details.dispose();
      this.details = null;
    }
    this.details ??= new Details(
      gl,
      pictures,
      level,
      (place, slot) => {
        gl.bindBuffer(gl.ARRAY_BUFFER, slots);
        gl.bufferSubData(gl.ARRAY_BUFFER, 2 * place, new Uint16Array([slot]));
      },
      this.arrived,
    );
    this.details.want(places.subarray(0, this.details.most));
  }

  /** Begins to load what pictures of a size (device pixels) need, if it is not there yet. */
  private load(size: number): void {
    const { gl, pictures, total } = this;
    if (!pictures || total === 0) return;
    const bytes = (level: number) => 4 * cellAt(pictures, level)[0] * cellAt(pictures, level)[1] * pictures.perPage;
    const pages = (level: number, most: number) =>
      new Pages(gl, pictures, level, total, Math.floor(most / bytes(level)), () => this.arrived());
    const last = pictures.levels - 1;
    const roughest = finestWithin(pictures, total, COARSE_BYTES);
    const finest = finestWithin(pictures, total, PAGES_BYTES);
    // where not even the coarsest pages fit into memory, the first of them are there: those of a fair sample
    this.coarse ??=
      roughest === null
        ? pages(last, PAGES_BYTES)
        : pages(Math.max(levelFor(pictures, COARSE_SIZE), roughest), COARSE_BYTES);
    const wanted = Math.max(finest ?? last, levelFor(pictures, size));
    if (!this.coarse.complete || wanted >= this.coarse.level) return;
    if (this.fine && this.fine.level <= wanted) return;
    this.fine?.dispose();
    this.fine = pages(wanted, PAGES_BYTES);
  }

  draw(look: Look, places: Places, from: number, count: number): void {
    const { gl, pictures, coarse, fine, details, nothing } = this;
    const side = look.diameter * look.ratio;
    this.load(side);
    this.largest ??= (gl.getParameter(gl.ALIASED_POINT_SIZE_RANGE) as Float32Array)[1]!;
    const margin = Math.ceil(Math.min(2 * side, 256));
    guardedViewport(gl, look, margin);
    gl.enable(gl.DEPTH_TEST);
    gl.depthFunc(gl.LEQUAL);
    gl.disable(gl.BLEND);
    for (const [unit, kind, texture] of [
      [0, gl.TEXTURE_2D, this.palette],
      [1, gl.TEXTURE_2D_ARRAY, coarse?.loaded ? coarse.texture : nothing.array],
      [2, gl.TEXTURE_2D_ARRAY, fine?.loaded ? fine.texture : nothing.array],
      [3, gl.TEXTURE_2D, details?.texture ?? nothing.flat],
    ] as const) {
      gl.activeTexture(gl.TEXTURE0 + unit);
      gl.bindTexture(kind, texture);
    }
    gl.activeTexture(gl.TEXTURE0);
    if (!this.slots) gl.vertexAttribI4ui(SLOT_LOCATION, NO_SLOT, 0, 0, 0);
    const { background, grey } = look.colours;
    const widest = (each: { cell: readonly [number, number] } | null) => (each ? Math.max(...each.cell) : 1e6);
    this.program.use({
      ...viewUniforms(look, margin),
      side,
      largest: this.largest,
      fog: look.fog,
      background,
      grey,
      palette: 0,
      coarse: 1,
      fine: 2,
      details: 3,
      perPage: pictures?.perPage ?? 1,
      loaded: [coarse?.loaded ?? 0, fine?.loaded ?? 0, details ? 1 : 0],
      widest: [widest(coarse), widest(fine ?? coarse)],
      columns: [coarse?.columns ?? 1, fine?.columns ?? 1, details?.columns ?? 1],
      stack: [coarse?.stack ?? 1, fine?.stack ?? 1],
      coarseCell: coarse?.cell ?? [1, 1],
      fineCell: fine?.cell ?? [1, 1],
      detailCell: details?.cell ?? [1, 1],
      shape: this.shape,
    });
    places.draw(from, count);
  }

  private forget(): void {
    this.details?.dispose();
    this.coarse?.dispose();
    this.fine?.dispose();
    this.details = null;
    this.coarse = null;
    this.fine = null;
    this.slots = null;
  }

  dispose(): void {
    this.forget();
    this.gl.deleteTexture(this.nothing.flat);
    this.gl.deleteTexture(this.nothing.array);
    this.program.dispose();
  }
}
