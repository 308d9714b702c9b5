/**
 * How many points a frame may draw, learnt from how long the last ones took.
 *
 * It counts in small points: a large one, or a picture, weighs as many as it costs in software rendering.
 */

/** Between these rates a weak machine draws fewer frames before it draws fewer points than FEW. */
const SMOOTH_MS = 1000 / 30;
const TURNING_MS = 1000 / 14;
const FEW = 40_000;
/** With fewer, what a frame costs anyway weighs more than the points. */
const LEAST = 10_000;
const LEAST_SLICE = 25_000;

/** A slice at rest: short enough that a gesture begun meanwhile is answered at once. */
const SLICE_MS = 30;

/** How many small points one of so many pixels weighs: its corner of the arithmetic, then pixel by pixel. */
export function weightOf(diameter: number): number {
  return 1 + diameter ** 2 / 25;
}

/** How much larger points are drawn while only so many of them are, so that a sparse map stays a map. */
export function enlargement(drawn: number, of: number): number {
  return Math.max(1, Math.min(1.8, (of / Math.max(1, drawn)) ** 0.2));
}

export class Budget {
  /** While the camera moves. Begins low: the first frame tells. */
  moving = 60_000;
  /** In one slice of the picture at rest. */
  slice = 60_000;

  /** Learns from a frame drawn while moving: the points it drew, and the time until the next could begin. */
  moved(points: number, milliseconds: number): void {
    if (points < 0.9 * this.moving && milliseconds <= SMOOTH_MS) return; // all there were: says nothing about more
    const fitting = (limit: number) => points * Math.max(0.5, Math.min(1.3, limit / Math.max(1, milliseconds)));
    const smooth = fitting(SMOOTH_MS);
    const wanted = smooth >= FEW ? smooth : Math.min(FEW, fitting(TURNING_MS));
    this.moving = Math.max(LEAST, 0.6 * this.moving + 0.4 * wanted);
  }

  /** Learns from a slice drawn at rest. */
  refined(points: number, milliseconds: number): void {
    const fitting = points * Math.max(0.5, Math.min(2, SLICE_MS / Math.max(1, milliseconds)));
    this.slice = Math.max(LEAST_SLICE, 0.5 * this.slice + 0.5 * fitting);
  }
}
