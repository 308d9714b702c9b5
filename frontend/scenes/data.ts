/** Made-up samples for the scenes: the same at every run. */

/** A small generator of numbers from 0 to 1, the same for the same seed. */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

export interface Clusters {
  points: Float32Array;
  bounds: [number[], number[]];
  classes: Uint16Array;
}

/** Classes as t-SNE shows them: lobes of each class beside each other, with a few strays between. */
export function clusters(total: number, dims: 2 | 3, classCount: number, seed = 1): Clusters {
  const next = random(seed);
  const normal = () => next() + next() + next() + next() - 2;
  const lobes = Array.from({ length: 3 * classCount }, (_, lobe) => {
    const turn = 2 * Math.PI * ((lobe % classCount) / classCount + 0.06 * normal());
    const height = 1.6 * next() - 0.8;
    const out = 9 * Math.sqrt(0.25 + 0.75 * next());
    const centre = [out * Math.cos(turn), out * Math.sin(turn), 9 * height];
    return { centre, size: [0.8 + next(), 0.8 + next(), 0.8 + next()] };
  });
  const points = new Float32Array(dims * total);
  const classes = new Uint16Array(total);
  for (let place = 0; place < total; place++) {
    const lobe = Math.floor(next() * lobes.length);
    const { centre, size } = lobes[lobe]!;
    const stray = next() < 0.015 ? 4 : 1;
    classes[place] = lobe % classCount;
    for (let axis = 0; axis < dims; axis++)
      points[dims * place + axis] = centre[axis]! + stray * size[axis]! * normal() * 1.1;
  }
  return { points, bounds: boundsOf(points, dims), classes };
}

export function boundsOf(points: Float32Array, dims: number): [number[], number[]] {
  const bounds: [number[], number[]] = [Array(dims).fill(Infinity), Array(dims).fill(-Infinity)];
  for (let at = 0; at < points.length; at++) {
    const axis = at % dims;
    bounds[0][axis] = Math.min(bounds[0][axis]!, points[at]!);
    bounds[1][axis] = Math.max(bounds[1][axis]!, points[at]!);
  }
  return bounds;
}

/** Ten colours that colour-blind eyes tell apart too. */
export const TEN = new Uint8Array(
  ["4477aa", "ee6677", "228833", "ccbb44", "66ccee", "aa3377", "e08214", "8c6bb1", "35978f", "bf812d"].flatMap(
    (hex) => [...[0, 2, 4].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)), 255],
  ),
);

/** Pages of pictures, as the server would send them; which were asked for is kept. */
function paged(
  side: number,
  perPage: number,
  draw: (level: number, page: number, size: number) => ImageBitmapSource,
) {
  return {
    cell: [side, side] as const,
    perPage,
    levels: 3,
    asked: [] as [level: number, page: number][],
    async page(level: number, page: number): Promise<ImageBitmap> {
      this.asked.push([level, page]);
      return createImageBitmap(draw(level, page, side / 2 ** level));
    },
  };
}

/** Pages of thumbnails with each place's class written on them. */
export function writtenPictures(classes: Uint16Array, side = 28, perPage = 256) {
  const columns = Math.sqrt(perPage);
  return paged(side, perPage, (_level, page, size) => {
    const canvas = new OffscreenCanvas(size * columns, size * columns);
    const context = canvas.getContext("2d")!;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.font = `700 ${0.78 * size}px sans-serif`;
    for (let at = 0; at < perPage && page * perPage + at < classes.length; at++) {
      const [x, y] = [(at % columns) * size, Math.floor(at / columns) * size];
      const place = page * perPage + at;
      context.fillStyle = "black";
      context.fillRect(x, y, size, size);
      context.fillStyle = "white";
      context.save();
      context.translate(x + size / 2, y + 0.54 * size);
      context.rotate(0.5 * Math.sin(place));
      context.fillText(String(classes[place]! % 10), 0, 0);
      context.restore();
    }
    return canvas;
  });
}

/** Pages of plain pictures whose colour tells their place, and whose blue tells their level. */
export function plainPictures(total: number, side: number, perPage: number) {
  const columns = Math.sqrt(perPage);
  return paged(side, perPage, (level, page, size) => {
    const width = size * columns;
    const image = new ImageData(width, width);
    const pixels = new Uint32Array(image.data.buffer);
    for (let at = 0; at < perPage && page * perPage + at < total; at++) {
      const tone = ((page * perPage + at) % 25) * 10;
      const colour = (0xff << 24) | ((100 * level) << 16) | ((255 - tone) << 8) | tone;
      const corner = Math.floor(at / columns) * size * width + (at % columns) * size;
      for (let row = 0; row < size; row++) pixels.fill(colour, corner + row * width, corner + row * width + size);
    }
    return image;
  });
}
