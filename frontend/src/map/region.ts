/** Which places lie inside a shape drawn on the screen: a box, or anything drawn by hand. */

import type { Viewport } from "./camera";
import { HIDDEN, isAbsent, type Samples } from "./samples";

export type Polygon = readonly (readonly [number, number])[];

/**
 * The shown places inside a polygon of CSS pixels, ascending; where it crosses itself, the even-odd rule holds.
 *
 * Its edges are sorted into bands of height, so that a point asks only the few that cross its own.
 */
export function placesWithin(samples: Samples, clip: Float64Array, view: Viewport, polygon: Polygon): Uint32Array {
  if (polygon.length < 3) return new Uint32Array();
  const { positions, flags, arrived } = samples;
  const [xs, ys] = [polygon.map((each) => each[0]), polygon.map((each) => each[1])];
  const [left, right] = [Math.min(...xs), Math.max(...xs)];
  const [top, bottom] = [Math.min(...ys), Math.max(...ys)];
  const isInside = insideTest(polygon, top, bottom);
  const [halfWidth, halfHeight] = [view.width / 2, view.height / 2];
  let found = new Uint32Array(1024);
  let count = 0;
  for (let place = 0, at = 0; place < arrived; place++, at += 3) {
    const px = positions[at]!;
    const py = positions[at + 1]!;
    const pz = positions[at + 2]!;
    const w = clip[3]! * px + clip[7]! * py + clip[11]! * pz + clip[15]!;
    if (w <= 0 || isAbsent(px) || flags[place]! & HIDDEN) continue;
    const x = halfWidth * (1 + (clip[0]! * px + clip[4]! * py + clip[8]! * pz + clip[12]!) / w);
    if (x < left || x > right) continue;
    const y = halfHeight * (1 - (clip[1]! * px + clip[5]! * py + clip[9]! * pz + clip[13]!) / w);
    if (y < top || y > bottom || !isInside(x, y)) continue;
    if (count === found.length) {
      const larger = new Uint32Array(2 * count);
      larger.set(found);
      found = larger;
    }
    found[count++] = place;
  }
  return found.slice(0, count);
}

function insideTest(polygon: Polygon, top: number, bottom: number): (x: number, y: number) => boolean {
  const bands = Math.min(512, 4 * polygon.length);
  const height = (bottom - top) / bands || 1;
  const bandOf = (y: number) => Math.max(0, Math.min(bands - 1, Math.floor((y - top) / height)));
  const edges: number[][] = Array.from({ length: bands }, () => []);
  polygon.forEach(([x0, y0], at) => {
    const [x1, y1] = polygon[(at + 1) % polygon.length]!;
    if (y0 === y1) return;
    const last = bandOf(Math.max(y0, y1));
    for (let band = bandOf(Math.min(y0, y1)); band <= last; band++) edges[band]!.push(x0, y0, x1, y1);
  });
  return (x, y) => {
    const crossed = edges[bandOf(y)]!;
    let inside = false;
    for (let at = 0; at < crossed.length; at += 4) {
      const [x0, y0, x1, y1] = [crossed[at]!, crossed[at + 1]!, crossed[at + 2]!, crossed[at + 3]!];
      if (y0 > y !== y1 > y && x < x0 + ((y - y0) * (x1 - x0)) / (y1 - y0)) inside = !inside;
    }
    return inside;
  };
}
