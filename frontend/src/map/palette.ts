/** The colours that indices stand for, as a texture that the layers share. */

const SIDE = 64;
export const MOST_COLOURS = SIDE * SIDE;

/** Of up to MOST_COLOURS colours, four bytes each. */
export function checkedPalette(rgba: Uint8Array): Uint8Array {
  if (rgba.length % 4 || rgba.length > 4 * MOST_COLOURS)
    throw new RangeError(
      `A palette of ${rgba.length} bytes: expected four a colour, and at most ${MOST_COLOURS} colours. Share colours.`,
    );
  const padded = new Uint8Array(4 * MOST_COLOURS).fill(128);
  padded.set(rgba);
  return padded;
}

export class Palette {
  readonly texture: WebGLTexture;

  constructor(
    private readonly gl: WebGL2RenderingContext,
    padded: Uint8Array,
  ) {
    this.texture = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, this.texture);
    gl.texStorage2D(gl.TEXTURE_2D, 1, gl.RGBA8, SIDE, SIDE);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
    this.changed(padded);
  }

  changed(padded: Uint8Array): void {
    const { gl } = this;
    gl.bindTexture(gl.TEXTURE_2D, this.texture);
    gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, SIDE, SIDE, gl.RGBA, gl.UNSIGNED_BYTE, padded);
  }

  dispose(): void {
    this.gl.deleteTexture(this.texture);
  }
}
