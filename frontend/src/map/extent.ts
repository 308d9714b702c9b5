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
  const axes = [0, 1, 2].map(() => new Float64Array(ENOUGH));
  let count = 0;
  const end = places ? places.length : samples.arrived;
  // places are in a fair order, but a list of them may have been sorted by anything: step through it evenly
  const step = places ? Math.max(1, Math.floor(end / ENOUGH)) : 1;
  for (let at = 0; at < end && count < ENOUGH; at += step) {
    const place = places ? places[at]! : at;
    if (!samples.isShown(place)) continue;
    for (const [axis, values] of axes.entries()) values[count] = samples.positions[3 * place + axis]!;
    count++;
  }
  if (count === 0) return null;
  const centre = axes.map((values) => {
    const sorted = values.slice(0, count).sort();
    const cut = Math.floor(((1 - KEPT) / 2) * count);
    return (sorted[cut]! + sorted[count - 1 - cut]!) / 2;
  }) as Vector;
  const [x, y, z] = axes as [Float64Array, Float64Array, Float64Array];
  const distances = Float64Array.from({ length: count }, (_, at) =>
    Math.hypot(x[at]! - centre[0], y[at]! - centre[1], z[at]! - centre[2]),
  ).sort();
  return { centre, radius: Math.max(0.01, distances[Math.ceil(KEPT * count) - 1]!) };
}
