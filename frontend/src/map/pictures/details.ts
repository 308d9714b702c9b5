/** Sharp pictures of the few places that are seen large: single cells copied from fine pages, the oldest given up first. */

import { cellAt, type Pictures } from "./source";

const SIDE = 2048;
const AT_ONCE = 3;

export const NO_SLOT = 0xffff;

export class Details {
  readonly texture: WebGLTexture;
  readonly cell: readonly [number, number];
  readonly columns: number;
  readonly side = SIDE;
  private readonly slots: number;
  private readonly scratch: WebGLTexture;
  private readonly reader: WebGLFramebuffer;
  /** The slot of each place, the longest unseen first. */
  private readonly held = new Map<number, number>();
  private queue: [page: number, places: number[]][] = [];
  private readonly asked = new Set<number>();
  private disposed = false;

  /** `moved` is told of every place whose slot changes; `arrived` when some have. */
  constructor(
    private readonly gl: WebGL2RenderingContext,
    private readonly pictures: Pictures,
    readonly level: number,
    private readonly moved: (place: number, slot: number) => void,
    private readonly arrived: () => void,
  ) {
    this.cell = cellAt(pictures, level);
    this.columns = Math.floor(SIDE / this.cell[0]);
    this.slots = Math.min(NO_SLOT, this.columns * Math.floor(SIDE / this.cell[1]));
    this.texture = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, this.texture);
    gl.texStorage2D(gl.TEXTURE_2D, 1, gl.RGBA8, SIDE, SIDE);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR);
    this.scratch = gl.createTexture();
    this.reader = gl.createFramebuffer();
  }

  /** How many places can be sharp at once. */
  get most(): number {
    return this.slots;
  }

  /** These are in view, and large: at most `most` of them. */
  want(places: Uint32Array): void {
    const pages = new Map<number, number[]>();
    for (const place of places) {
      const slot = this.held.get(place);
      if (slot !== undefined) {
        this.held.delete(place);
        this.held.set(place, slot);
        continue;
      }
      const page = Math.floor(place / this.pictures.perPage);
      const others = pages.get(page);
      if (others) others.push(place);
      else pages.set(page, [place]);
    }
    for (const page of this.asked) pages.delete(page);
    this.queue = [...pages].sort((a, b) => b[1].length - a[1].length);
    while (this.asked.size < AT_ONCE && this.queue.length) void this.loadNext();
  }

  /** Pages with the most pictures in view come first; a page no longer wanted is not asked for. */
  private async loadNext(): Promise<void> {
    for (let next = this.queue.shift(); next && !this.disposed; next = this.queue.shift()) {
      const [page, places] = next;
      this.asked.add(page);
      const image = await this.pictures.page(this.level, page).catch(() => null);
      this.asked.delete(page);
      if (image && !this.disposed) this.take(image, page, places);
      image?.close();
    }
  }

  private take(image: ImageBitmap, page: number, places: readonly number[]): void {
    const { gl, cell } = this;
    if (gl.isContextLost()) return;
    gl.bindTexture(gl.TEXTURE_2D, this.scratch);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, image);
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.reader);
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, this.scratch, 0);
    gl.bindTexture(gl.TEXTURE_2D, this.texture);
    const onPage = Math.max(1, Math.floor(image.width / cell[0]));
    for (const place of places) {
      const slot = this.slotFor(place);
      const at = place - page * this.pictures.perPage;
      const [fromX, fromY] = [(at % onPage) * cell[0], Math.floor(at / onPage) * cell[1]];
      const [toX, toY] = [(slot % this.columns) * cell[0], Math.floor(slot / this.columns) * cell[1]];
      gl.copyTexSubImage2D(gl.TEXTURE_2D, 0, toX, toY, fromX, fromY, cell[0], cell[1]);
      this.moved(place, slot);
    }
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    this.arrived();
  }

  private slotFor(place: number): number {
    const known = this.held.get(place);
    if (known !== undefined) return known;
    let slot = this.held.size;
    if (slot >= this.slots) {
      const [oldest, freed] = this.held.entries().next().value!;
      this.held.delete(oldest);
      this.moved(oldest, NO_SLOT);
      slot = freed;
    }
    this.held.set(place, slot);
    return slot;
  }

  dispose(): void {
    this.disposed = true;
    for (const place of this.held.keys()) this.moved(place, NO_SLOT);
    this.gl.deleteTexture(this.texture);
    this.gl.deleteTexture(this.scratch);
    this.gl.deleteFramebuffer(this.reader);
  }
}
