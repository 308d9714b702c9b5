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

/** A miss by this many CSS pixels still picks, where nothing is hit: small points are hard to hit. */
const REACH = 7;

/**
 * The place whose point is drawn topmost at (x, y), CSS pixels from the corner; else the nearest within reach; else null.
 *
 * One pass over all points, a handful of multiplications each: a million take a few milliseconds, and there is no index
 * to keep in step with camera, filter or map.
 */
export function pick(samples: Samples, drawn: Drawn, x: number, y: number): number | null {
  const { positions, flags, arrived } = samples;
  const { clip, view, radius, shape, flat, parted } = drawn;
  const [m0, m4, m8, m12] = [clip[0]!, clip[4]!, clip[8]!, clip[12]!];
  const [m1, m5, m9, m13] = [clip[1]!, clip[5]!, clip[9]!, clip[13]!];
  const [m3, m7, m11, m15] = [clip[3]!, clip[7]!, clip[11]!, clip[15]!];
  const [halfWidth, halfHeight] = [view.width / 2, view.height / 2];
  // (sx - px) in pixels is halfWidth * (clipX / w - pointerX)
  const [pointerX, pointerY] = [x / halfWidth - 1, 1 - y / halfHeight];
  const [wide, high] = shape ?? [1, 1];
  let top: number | null = null;
  let topDepth = Number.POSITIVE_INFINITY;
  let nearest: number | null = null;
  let nearestSquare = REACH * REACH;
  for (let place = 0, at = 0; place < arrived; place++, at += 3) {
    const px = positions[at]!;
    const py = positions[at + 1]!;
    const pz = positions[at + 2]!;
    const w = m3 * px + m7 * py + m11 * pz + m15;
    const dx = (m0 * px + m4 * py + m8 * pz + m12 - pointerX * w) * halfWidth;
    const dy = (m1 * px + m5 * py + m9 * pz + m13 - pointerY * w) * halfHeight;
    const grown = radius * Math.min(4 * w, Math.max(0.45 * w, 1));
    const limit = Math.max(grown, REACH * w);
    if (dx > limit || dx < -limit || dy > limit || dy < -limit || w <= 0) continue;
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
