/** The values of columns, streamed place by place and kept while the same samples are shown. */

import type { ColumnInfo } from "../data/source";
import { Growing } from "../growing";
import { inTurns } from "../turns";

export type Values = Uint16Array | Uint32Array | Float32Array;

/** One column's values as they come. */
export class ColumnValues {
  values: Values | null = null;
  /** How many places, from the first on, have come. */
  known = 0;
  private ordered: readonly number[] | null = null;
  /** By lists of places: several panels count the same millions. */
  private readonly counted = new WeakMap<Uint32Array, { known: number; counts: readonly number[] }>();

  constructor(
    readonly info: ColumnInfo,
    readonly total: number,
  ) {}

  add(from: number, part: Values): void {
    this.values ??= new (part.constructor as new (length: number) => Values)(this.total);
    this.values.set(part, from);
    if (from === this.known) this.known += part.length;
  }

  /** The categories as people look for them: their positions, "class 2" before "class 10" where nobody chose an order. */
  get inOrder(): readonly number[] {
    this.ordered ??= codesInOrder(this.info.categories ?? []);
    return this.ordered;
  }

  /** The category's position at a place; null where there is none, or none yet. */
  code(place: number): number | null {
    if (!this.values || place >= this.known || this.info.kind !== "category") return null;
    const code = this.values[place]!;
    return code < (this.info.categories?.length ?? 0) ? code : null;
  }

  /** The number at a place; null where there is none, or none yet. */
  number(place: number): number | null {
    if (!this.values || place >= this.known || this.info.kind !== "number") return null;
    const value = this.values[place]!;
    return Number.isNaN(value) ? null : value;
  }

  /** The places of a category. */
  placesOf(code: number): Uint32Array {
    const found = new Growing();
    const { values, known } = this;
    for (let place = 0; place < known; place++) if (values![place] === code) found.push(place);
    return found.values;
  }

  /** The places whose numbers lie from `least` to `greatest`. */
  placesWithin(least: number, greatest: number): Uint32Array {
    const found = new Growing();
    const { values, known } = this;
    for (let place = 0; place < known; place++) {
      const value = values![place]!;
      if (value >= least && value <= greatest) found.push(place);
    }
    return found.values;
  }

  /** How many of some places, or of all that have come, are in each category. */
  counts(places?: Uint32Array): readonly number[] {
    const { known } = this;
    const before = places && this.counted.get(places);
    if (before?.known === known) return before.counts;
    const counts = this.noCounts();
    this.count(counts, 0, places?.length ?? known, places);
    if (places) this.counted.set(places, { known, counts });
    return counts;
  }

  /** Counts some places in turns, so that whoever asks for their counts has them at once. */
  async expectCounts(places: Uint32Array): Promise<void> {
    const { known } = this;
    const counts = this.noCounts();
    await inTurns(places.length, (from, end) => this.count(counts, from, end, places));
    if (known === this.known) this.counted.set(places, { known, counts });
  }

  private noCounts(): number[] {
    return new Array<number>(this.info.categories?.length ?? 0).fill(0);
  }

  private count(counts: number[], from: number, end: number, places?: Uint32Array): void {
    const { values } = this;
    const found = new Uint32Array(counts.length);
    if (!values) return;
    // a code beyond the categories is none, and adds nothing
    if (places) for (let at = from; at < end; at++) found[values[places[at]!]!]!++;
    else for (let place = from; place < end; place++) found[values[place]!]!++;
    for (let code = 0; code < counts.length; code++) counts[code]! += found[code]!;
  }
}

const LONGEST_NUMBER = 20;

/** Positions of names; those that stand as a machine sorts them are put as people do. */
export function codesInOrder(names: readonly string[]): number[] {
  const codes = names.map((_, code) => code);
  const bySigns = names.every((name, code) => code === 0 || names[code - 1]! <= name);
  if (!bySigns) return codes; // somebody chose it
  const keys = names.map((name) => name.replace(/\d+/g, (number) => number.padStart(LONGEST_NUMBER, "0")));
  return codes.sort((one, other) => (keys[one]! < keys[other]! ? -1 : 1));
}

/** The parts in which a long stream is asked for: small at first, so that something is there at once. */
export function partsOf(total: number, first = 16_384, greatest = 262_144): [from: number, count: number][] {
  const parts: [number, number][] = [];
  let size = first;
  for (let from = 0; from < total; from += parts.at(-1)![1]) {
    parts.push([from, Math.min(size, total - from)]);
    size = Math.min(greatest, 4 * size);
  }
  return parts;
}
