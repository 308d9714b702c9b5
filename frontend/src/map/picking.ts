/** Which place is under the pointer: exact, over every point that is shown, by asking each of them. */

import type { Viewport } from "./camera";
import { HIDDEN, IN_FRONT, isAbsent, type Samples } from "./samples";

/** What picking must know of how points are drawn. */
export interface Drawn {
  clip: Float64Array;
  view: Viewport;
  /** Radius at the target's depth, CSS pixels, and the share of it that is wide and high (pictures are not round). */
  radius: number;
  shape: readonly [number, number] | null;
  flat: boolean;
  parted: boolean;
}

/** What is near is drawn larger, what is far smaller, but not by more: as the shaders have it. */
const MOST_GROWN = 4;
const LEAST_GROWN = 0.45;

/** A miss by this many CSS pixels still picks, where nothing is hit: small points are hard to hit. */
export const REACH = 7;

/** So many places are looked at before those near the pointer are compared. */
const PART = 4096;
const found = new Uint32Array(PART);

/**
 * The place whose point is drawn topmost at (x, y), CSS pixels from the corner; else the nearest within reach; else null.
 *
 * One pass over all points, a handful of multiplications each: a million take a few milliseconds, and there is no index
 * to keep in step with camera, filter or map.
 */
export function pick(samples: Samples, drawn: Drawn, x: number, y: number, reach = REACH): number | null {
  const { positions, flags, arrived } = samples;
  const { radius, shape, flat, parted } = drawn;
  const ways = waysFrom(drawn, x, y);
  const [wide, high] = shape ?? [1, 1];
  const farthest = Math.max(reach, MOST_GROWN * radius);
  let top = -1;
  let topDepth = Number.POSITIVE_INFINITY;
  let nearest = -1;
  let nearestSquare = reach * reach;
  for (let from = 0; from < arrived; from += PART) {
    const count = placesNear(positions, from, Math.min(from + PART, arrived), ways, farthest);
    for (let at = 0; at < count; at++) {
      const place = found[at]!;
      const bits = flags[place]!;
      if (bits & HIDDEN || isAbsent(positions[3 * place]!)) continue;
      const dx = along(ways, 0, positions, 3 * place);
      const dy = along(ways, 4, positions, 3 * place);
      const w = along(ways, 8, positions, 3 * place);
      const grown = radius * Math.min(MOST_GROWN * w, Math.max(LEAST_GROWN * w, 1));
      const inside = shape
        ? Math.abs(dx) <= grown * wide && Math.abs(dy) <= grown * high
        : dx * dx + dy * dy <= grown * grown;
      if (inside) {
        const depth = (flat ? -place / arrived : w) - (parted && bits & IN_FRONT ? 1e9 : 0);
        if (depth <= topDepth) [top, topDepth] = [place, depth];
      } else if (top < 0) {
        const square = (dx * dx + dy * dy) / (w * w);
        if (square <= nearestSquare) [nearest, nearestSquare] = [place, square];
      }
    }
  }
  const picked = top < 0 ? nearest : top;
  return picked < 0 ? null : picked;
}

/** Rows that give, for a point in map units, its way from the pointer across and upwards in pixels, times its w; and w. */
function waysFrom({ clip, view }: Drawn, x: number, y: number): Float64Array {
  const [halfWidth, halfHeight] = [view.width / 2, view.height / 2];
  const [pointerX, pointerY] = [x / halfWidth - 1, 1 - y / halfHeight];
  const columns = [0, 4, 8, 12];
  return Float64Array.of(
    ...columns.map((at) => halfWidth * (clip[at]! - pointerX * clip[at + 3]!)),
    ...columns.map((at) => halfHeight * (clip[at + 1]! - pointerY * clip[at + 3]!)),
    ...columns.map((at) => clip[at + 3]!),
  );
}

function along(ways: Float64Array, row: number, positions: Float32Array, at: number): number {
  return (
    ways[row]! * positions[at]! +
    ways[row + 1]! * positions[at + 1]! +
    ways[row + 2]! * positions[at + 2]! +
    ways[row + 3]!
  );
}

/**
 * Puts into `found` the places not farther from the pointer than so many pixels, times w, either way; returns how many.
 *
 * It has no branch that is taken seldom: the browser would compile the loop without it, and fall back to slow code, for
 * millions of points, when it is taken for the first time.
 */
function placesNear(
  positions: Float32Array,
  from: number,
  end: number,
  ways: Float64Array,
  farthest: number,
): number {
  const [ax, ay, az, a1] = [ways[0]!, ways[1]!, ways[2]!, ways[3]!];
  const [ux, uy, uz, u1] = [ways[4]!, ways[5]!, ways[6]!, ways[7]!];
  const [wx, wy, wz, w1] = [ways[8]!, ways[9]!, ways[10]!, ways[11]!];
  let count = 0;
  for (let place = from, at = 3 * from; place < end; place++, at += 3) {
    const px = positions[at]!;
    const py = positions[at + 1]!;
    const pz = positions[at + 2]!;
    // behind the eye w, and with it the limit, is below zero: nothing is within it
    const limit = farthest * (wx * px + wy * py + wz * pz + w1);
    const dx = ax * px + ay * py + az * pz + a1;
    const dy = ux * px + uy * py + uz * pz + u1;
    found[count] = place; // the next takes its room, unless it is near
    count += dx <= limit && dx >= -limit && dy <= limit && dy >= -limit ? 1 : 0;
  }
  return count;
}
