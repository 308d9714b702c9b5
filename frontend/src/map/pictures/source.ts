/** Where thumbnails come from, and which level of them serves which size. */

/**
 * The thumbnails of the samples: pages of cells in the order of places, row by row, at several levels, each half the size
 * of the one before. `perPage` is the same at every level; the last page may be shorter.
 */
export interface Pictures {
  /** Width and height of a cell at level 0, pixels. */
  cell: readonly [number, number];
  perPage: number;
  levels: number;
  page(level: number, page: number): Promise<ImageBitmap | null>;
}

export function cellAt({ cell }: Pictures, level: number): readonly [width: number, height: number] {
  return [Math.max(1, Math.ceil(cell[0] / 2 ** level)), Math.max(1, Math.ceil(cell[1] / 2 ** level))];
}

/** The coarsest level that is still as sharp as the screen for pictures of a size, device pixels on the wider side. */
export function levelFor({ cell, levels }: Pictures, size: number): number {
  const halvings = Math.floor(Math.log2(Math.max(...cell) / Math.max(1, size)) + 0.2);
  return Math.max(0, Math.min(levels - 1, halvings));
}

/** The finest level of which all pages together take at most so many bytes; null where none does. */
export function finestWithin(pictures: Pictures, total: number, bytes: number): number | null {
  for (let level = 0; level < pictures.levels; level++) {
    const [width, height] = cellAt(pictures, level);
    const padded = Math.ceil(total / pictures.perPage) * pictures.perPage;
    if (4 * width * height * padded <= bytes) return level;
  }
  return null;
}
