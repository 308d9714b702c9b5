/** One level's pages as a texture array, loaded in order, so that what is there is the pictures of a fair sample. */

import { cellAt, type Pictures } from "./source";

const AT_ONCE = 3;

export class Pages {
  readonly texture: WebGLTexture;
  readonly cell: readonly [number, number];
  /** Cells side by side on a page. */
  columns = 1;
  size: readonly [number, number] = [1, 1];
  /** Pages one below the other in each layer of the texture, where there are more pages than layers. */
  readonly stack: number;
  /** Pages 0 … loaded-1 are there. */
  loaded = 0;
  private readonly pageCount: number;
  private asked = 0;
  private readonly waiting = new Map<number, ImageBitmap | null>();
  private disposed = false;

  /** `most`: of pages that fit into memory. `arrived` is called whenever there are more. */
  constructor(
    private readonly gl: WebGL2RenderingContext,
    private readonly pictures: Pictures,
    readonly level: number,
    total: number,
    most: number,
    private readonly arrived: () => void,
  ) {
    this.texture = gl.createTexture();
    this.cell = cellAt(pictures, level);
    this.pageCount = Math.min(Math.ceil(total / pictures.perPage), most);
    const layers = gl.getParameter(gl.MAX_ARRAY_TEXTURE_LAYERS) as number;
    this.stack = Math.max(1, Math.ceil(this.pageCount / layers));
    for (let at = 0; at < AT_ONCE; at++) void this.loadNext();
  }

  get complete(): boolean {
    return this.loaded === this.pageCount;
  }

  private async loadNext(): Promise<void> {
    while (this.asked < this.pageCount && !this.disposed) {
      const page = this.asked++;
      const image = await this.pictures.page(this.level, page).catch(() => null);
      if (this.disposed) return image?.close();
      this.waiting.set(page, image);
      this.takeInOrder();
    }
  }

  private takeInOrder(): void {
    for (let image = this.waiting.get(this.loaded); image !== undefined; image = this.waiting.get(this.loaded)) {
      this.waiting.delete(this.loaded);
      if (image) this.upload(image);
      image?.close();
      this.loaded++;
    }
    this.arrived();
  }

  private upload(image: ImageBitmap): void {
    const { gl } = this;
    if (gl.isContextLost()) return;
    gl.bindTexture(gl.TEXTURE_2D_ARRAY, this.texture);
    if (this.size[0] === 1) {
      this.size = [image.width, image.height];
      this.columns = Math.max(1, Math.floor(image.width / this.cell[0]));
      const layers = Math.ceil(this.pageCount / this.stack);
      gl.texStorage3D(gl.TEXTURE_2D_ARRAY, 1, gl.RGBA8, image.width, this.stack * image.height, layers);
      for (const [name, value] of [
        [gl.TEXTURE_MIN_FILTER, gl.LINEAR],
        [gl.TEXTURE_MAG_FILTER, gl.LINEAR],
        [gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE],
        [gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE],
      ] as const)
        gl.texParameteri(gl.TEXTURE_2D_ARRAY, name, value);
    }
    const [width, height] = [Math.min(image.width, this.size[0]), Math.min(image.height, this.size[1])];
    const format = [gl.RGBA, gl.UNSIGNED_BYTE] as const;
    const [layer, at] = [Math.floor(this.loaded / this.stack), this.loaded % this.stack];
    gl.texSubImage3D(gl.TEXTURE_2D_ARRAY, 0, 0, at * this.size[1], layer, width, height, 1, ...format, image);
  }

  dispose(): void {
    this.disposed = true;
    for (const image of this.waiting.values()) image?.close();
    this.gl.deleteTexture(this.texture);
  }
}
