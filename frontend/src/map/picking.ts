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

/**
 * The place whose point is drawn topmost at (x, y), CSS pixels from the corner; else the nearest within reach; else null.
 *
 * One pass over all points, a handful of multiplications each: a million take a few milliseconds, and there is no index
 * to keep in step with camera, filter or map.
 */
export function pick(samples: Samples, drawn: Drawn, x: number, y: number, reach = REACH): number | null {
  const { positions, flags, arrived } = samples;
  const { clip, view, radius, shape, flat, parted } = drawn;
  // rows that give, for a point in map units, its way from the pointer in pixels, times its w; and its w
  const [m3, m7, m11, m15] = [clip[3]!, clip[7]!, clip[11]!, clip[15]!];
  const [halfWidth, halfHeight] = [view.width / 2, view.height / 2];
  const [pointerX, pointerY] = [x / halfWidth - 1, 1 - y / halfHeight];
  const across = [0, 4, 8, 12].map((at) => halfWidth * (clip[at]! - pointerX * clip[at + 3]!));
  const upwards = [0, 4, 8, 12].map((at) => halfHeight * (clip[at + 1]! - pointerY * clip[at + 3]!));
  const [ax, ay, az, a1] = across as [number, number, number, number];
  const [ux, uy, uz, u1] = upwards as [number, number, number, number];
  const [wide, high] = shape ?? [1, 1];
  const farthest = Math.max(reach, MOST_GROWN * radius);
  let top: number | null = null;
  let topDepth = Number.POSITIVE_INFINITY;
  let nearest: number | null = null;
  let nearestSquare = reach * reach;
  for (let place = 0, at = 0; place < arrived; place++, at += 3) {
    const px = positions[at]!;
    const py = positions[at + 1]!;
    const pz = positions[at + 2]!;
    const w = m3 * px + m7 * py + m11 * pz + m15;
    const dx = ax * px + ay * py + az * pz + a1;
    // behind the eye w, and with it the limit, is below zero: nothing is within it
    const limit = farthest * w;
    if (!(dx <= limit && dx >= -limit)) continue;
    const dy = ux * px + uy * py + uz * pz + u1;
    if (!(dy <= limit && dy >= -limit)) continue;
    const grown = radius * Math.min(MOST_GROWN * w, Math.max(LEAST_GROWN * w, 1));
    const bits = flags[place]!;
    if (bits & HIDDEN || isAbsent(px)) continue;
    const inside = shape
      ? Math.abs(dx) <= grown * wide && Math.abs(dy) <= grown * high
      : dx * dx + dy * dy <= grown * grown;
    if (inside) {
      const depth = (flat ? -place / arrived : w) - (parted && bits & IN_FRONT ? 1e9 : 0);
      if (depth <= topDepth) [top, topDepth] = [place, depth];
    } else if (top === null) {
      const square = (dx * dx + dy * dy) / (w * w);
      if (square <= nearestSquare) [nearest, nearestSquare] = [place, square];
    }
  }
  return top ?? nearest;
}
