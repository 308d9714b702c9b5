/** The canvas as a PNG file. */

/**
 * What is on the canvas in this very frame: it is read at once, since a browser may empty the canvas when the frame ends.
 * null where nothing could be read, as in the moment in which the graphics card is taken away.
 */
export function pictureOf(gl: WebGL2RenderingContext): Promise<Blob> | null {
  const { drawingBufferWidth: width, drawingBufferHeight: height } = gl;
  const row = 4 * width;
  const fromBelow = new Uint8Array(height * row);
  gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, fromBelow);
  if (fromBelow[3] === 0) return null; // the canvas has no holes
  const pixels = new Uint8ClampedArray(fromBelow.length);
  for (let y = 0; y < height; y++)
    pixels.set(fromBelow.subarray((height - 1 - y) * row, (height - y) * row), y * row);

  const page = Object.assign(document.createElement("canvas"), { width, height });
  page.getContext("2d")!.putImageData(new ImageData(pixels, width), 0, 0);
  return new Promise((resolve, reject) => {
    page.toBlob((file) => (file ? resolve(file) : reject(new Error("The browser made no picture of the map."))));
  });
}
