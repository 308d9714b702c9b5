/** Every place's position, colour and flags, as the map on the screen has them: what drawing, picking and regions read. */

import type { Dims, Vector } from "./camera";

/** Of a whole map: [least of each axis, greatest of each axis]. */
export type Bounds = readonly [readonly number[], readonly number[]];

/** The bits of a place's flags. */
export const SELECTED = 1;
export const HIDDEN = 2;
export const NEIGHBOUR = 4;
export const FALSE_NEIGHBOUR = 8;
/** Drawn before and over all others. */
export const IN_FRONT = SELECTED | NEIGHBOUR | FALSE_NEIGHBOUR;

/** The colour index of a place without a value. */
export const NO_COLOUR = 0xffff;

/** The coordinate of a place that has no point on the map; all real ones are small. The shaders test the same. */
const ABSENT = 1e9;
export const isAbsent = (coordinate: number): boolean => coordinate > 1e8;

export class Samples {
  /** x, y, z of each place that has arrived, in map units (see Camera); z is 0 in two dimensions. */
  positions: Float32Array;
  /** The same where they come from, while points move. */
  previous: Float32Array | null = null;
  readonly colours: Uint16Array;
  readonly flags: Uint8Array;
  dims: Dims = 3;
  /** Places 0 … arrived-1 of the current map are known. */
  arrived = 0;
  /** As many were known of the map before. */
  arrivedBefore = 0;
  /** How far any point may lie from the origin. */
  radius = 1;
  private map: string | null = null;
  private centre: number[] = [0, 0, 0];
  private scale = 1;

  constructor(readonly total: number) {
    this.positions = new Float32Array(3 * total);
    this.colours = new Uint16Array(total).fill(NO_COLOUR);
    this.flags = new Uint8Array(total);
  }

  isCurrent(map: string): boolean {
    return this.map === map;
  }

  /** Another map begins; `morph` is how far the points had come on their way to the last one. */
  begin(map: string, dims: Dims, bounds: Bounds, morph: number): void {
    const standing = this.arrived > 0;
    if (standing && this.previous && morph < 1) this.stopAt(morph);
    const spare = this.previous ?? (standing ? new Float32Array(3 * this.total) : this.positions);
    this.previous = standing ? this.positions.fill(ABSENT, 3 * this.arrived) : null;
    this.positions = standing ? spare : this.positions;
    this.arrivedBefore = this.arrived;
    this.map = map;
    this.dims = dims;
    this.arrived = 0;
    this.fitTo(bounds, dims);
  }

  private stopAt(morph: number): void {
    const from = this.previous!;
    const to = this.positions;
    for (let at = 0; at < 3 * this.arrived; at++)
      if (!isAbsent(to[at]!) && !isAbsent(from[at]!)) to[at] = from[at]! + morph * (to[at]! - from[at]!);
  }

  private fitTo([least, greatest]: Bounds, dims: Dims): void {
    const axes = [0, 1, 2].slice(0, dims);
    const widest = Math.max(...axes.map((axis) => greatest[axis]! - least[axis]!));
    this.scale = widest > 0 && Number.isFinite(widest) ? 2 / widest : 1;
    this.centre = axes
      .map((axis) => (least[axis]! + greatest[axis]!) / 2)
      .map((each) => (Number.isFinite(each) ? each : 0));
    const halves = axes.map((axis) => ((greatest[axis]! - least[axis]!) / 2) * this.scale);
    this.radius = Math.max(1, Math.hypot(...halves.filter(Number.isFinite)));
  }

  /** A chunk of the current map; returns how many places it holds. `present`: a bit per place, least first. */
  add(from: number, points: Float32Array, present?: Uint8Array): number {
    const { dims, positions, scale } = this;
    const count = points.length / dims;
    if (!Number.isInteger(count) || from < 0 || from > this.arrived || from + count > this.total)
      throw new RangeError(
        `A chunk of points does not fit: got places ${from} to ${from + count}, expected it to begin at or before ` +
          `${this.arrived} and to end at or before ${this.total}. Ask for the chunks in order.`,
      );
    const [cx, cy, cz] = [this.centre[0]!, this.centre[1]!, this.centre[2] ?? 0];
    for (let at = 0; at < count; at++) {
      const x = (points[dims * at]! - cx) * scale;
      const y = (points[dims * at + 1]! - cy) * scale;
      const z = dims === 3 ? (points[dims * at + 2]! - cz) * scale : 0;
      const here = (present === undefined || (present[at >> 3]! >> (at & 7)) & 1) && Math.abs(x + y + z) < 1e6;
      positions[3 * (from + at)] = here ? x : ABSENT;
      positions[3 * (from + at) + 1] = here ? y : ABSENT;
      positions[3 * (from + at) + 2] = here ? z : ABSENT;
    }
    this.arrived = Math.max(this.arrived, from + count);
    return count;
  }

  /** Whether a place has a point that may be seen. */
  isShown(place: number): boolean {
    return place < this.arrived && !(this.flags[place]! & HIDDEN) && !isAbsent(this.positions[3 * place]!);
  }

  /** Where a place is on the screen's map right now. */
  at(place: number, morph: number): Vector | null {
    if (!this.isShown(place)) return null;
    const read = (all: Float32Array) => [all[3 * place]!, all[3 * place + 1]!, all[3 * place + 2]!] as Vector;
    const to = read(this.positions);
    if (!this.previous || morph >= 1) return to;
    const from = read(this.previous);
    return isAbsent(from[0]) ? to : (to.map((each, axis) => from[axis]! + morph * (each - from[axis]!)) as Vector);
  }
}
