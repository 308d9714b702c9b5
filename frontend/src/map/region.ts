/** Which places lie inside a shape drawn on the screen: a box, or anything drawn by hand. */

import { Growing } from "../growing";
import { breath, SAMPLES_A_TURN } from "../turns";
import type { Viewport } from "./camera";
import { HIDDEN, isAbsent, type Samples } from "./samples";

export type Polygon = readonly (readonly [number, number])[];

/**
 * The shown places inside a polygon of CSS pixels, ascending; where it crosses itself, the even-odd rule holds.
 *
 * Asked are those from `from` up to `end`, until there are `enough`: many millions are asked part by part, with a breath
 * between. The polygon's edges are sorted into bands of height, so that a point asks only the few that cross its own.
 */
export function placesWithin(
  samples: Samples,
  clip: Float64Array,
  view: Viewport,
  polygon: Polygon,
  from = 0,
  end = samples.arrived,
  enough = Number.POSITIVE_INFINITY,
): Uint32Array {
  if (polygon.length < 3) return new Uint32Array();
  const { positions, flags } = samples;
  const [xs, ys] = [polygon.map((each) => each[0]), polygon.map((each) => each[1])];
  const [left, right] = [Math.min(...xs), Math.max(...xs)];
  const [top, bottom] = [Math.min(...ys), Math.max(...ys)];
  const isInside = insideTest(polygon, top, bottom);
  const [halfWidth, halfHeight] = [view.width / 2, view.height / 2];
  const [x0, x1, x2, x3] = [clip[0]!, clip[4]!, clip[8]!, clip[12]!];
  const [y0, y1, y2, y3] = [clip[1]!, clip[5]!, clip[9]!, clip[13]!];
  const [w0, w1, w2, w3] = [clip[3]!, clip[7]!, clip[11]!, clip[15]!];
  // the polygon's box in clip space, where asking costs no division
  const [least, most] = [left / halfWidth - 1, right / halfWidth - 1];
  const [lowest, highest] = [1 - bottom / halfHeight, 1 - top / halfHeight];
  const found = new Growing();
  for (let place = from, at = 3 * from; place < end && found.length < enough; place++, at += 3) {
    const px = positions[at]!;
    const py = positions[at + 1]!;
    const pz = positions[at + 2]!;
    const w = w0 * px + w1 * py + w2 * pz + w3;
    const across = x0 * px + x1 * py + x2 * pz + x3;
    if (!(across >= least * w && across <= most * w)) continue;
    const upwards = y0 * px + y1 * py + y2 * pz + y3;
    if (!(upwards >= lowest * w && upwards <= highest * w)) continue;
    if (w <= 0 || isAbsent(px) || flags[place]! & HIDDEN) continue;
    if (isInside(halfWidth * (1 + across / w), halfHeight * (1 - upwards / w))) found.push(place);
  }
  return found.values;
}

/**
 * The same of many millions part by part, so that the page goes on meanwhile; all of it as the map was seen at first.
 *
 * Resolves to null where nobody wants it any more.
 */
export async function placesWithinInParts(
  samples: Samples,
  clip: Float64Array,
  view: Viewport,
  polygon: Polygon,
  isWanted: () => boolean,
): Promise<Uint32Array | null> {
  const parts: Uint32Array[] = [];
  for (let from = 0; from < samples.arrived; from += SAMPLES_A_TURN) {
    if (from > 0) await breath();
    if (!isWanted()) return null;
    parts.push(placesWithin(samples, clip, view, polygon, from, Math.min(from + SAMPLES_A_TURN, samples.arrived)));
  }
  const places = new Uint32Array(parts.reduce((sum, each) => sum + each.length, 0));
  let at = 0;
  for (const each of parts) {
    places.set(each, at);
    at += each.length;
  }
  return places;
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
      const x0 = crossed[at]!;
      const y0 = crossed[at + 1]!;
      const x1 = crossed[at + 2]!;
      const y1 = crossed[at + 3]!;
      if (y0 > y !== y1 > y && x < x0 + ((y - y0) * (x1 - x0)) / (y1 - y0)) inside = !inside;
    }
    return inside;
  };
}
