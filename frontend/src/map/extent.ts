/** How much room points take: the sphere to look at, without being led astray by a few that lie far out. */

import type { Vector } from "./camera";
import type { Samples } from "./samples";

const ENOUGH = 5000;
const KEPT = 0.99;

export interface Sphere {
  centre: Vector;
  radius: number;
}

/** Of some places, or of all that are shown. A fair sample of them is asked; null where none has a point. */
export function sphereOf(samples: Samples, places: Uint32Array | null): Sphere | null {
  const found: Vector[] = [];
  const end = places ? places.length : samples.arrived;
  // places are in a fair order, but a list of them may have been sorted by anything: step through it evenly
  const step = places ? Math.max(1, Math.floor(end / ENOUGH)) : 1;
  for (let at = 0; at < end && found.length < ENOUGH; at += step) {
    const position = samples.at(places ? places[at]! : at, 1);
    if (position) found.push(position);
  }
  if (found.length === 0) return null;
  const centre = [0, 1, 2].map((axis) => {
    const sorted = found.map((each) => each[axis]!).sort((a, b) => a - b);
    const cut = Math.floor(((1 - KEPT) / 2) * sorted.length);
    return (sorted[cut]! + sorted[sorted.length - 1 - cut]!) / 2;
  }) as Vector;
  const distances = found
    .map((each) => Math.hypot(each[0] - centre[0], each[1] - centre[1], each[2] - centre[2]))
    .sort((a, b) => a - b);
  return { centre, radius: Math.max(0.01, distances[Math.ceil(KEPT * distances.length) - 1]!) };
}
