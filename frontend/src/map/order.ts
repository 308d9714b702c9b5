/** In which order places are drawn: selected ones and neighbours first, then the rest, each in the fair order. */

import { Growing } from "../growing";
import { FALSE_NEIGHBOUR, HIDDEN, IN_FRONT, isAbsent, NEIGHBOUR, type Samples, SELECTED } from "./samples";

const MOST_MARKS = 2000;

export interface Order {
  /** Places drawn in front of all others, ascending. */
  front: Uint32Array;
  /** The rest, ascending; null where it is simply every place that has arrived. */
  back: Uint32Array | null;
  /** How many places in both. */
  count: number;
}

/**
 * The order as it is made, places by places: of many millions in turns, so that the page goes on meanwhile. When more
 * points arrive it is continued, and begun anew when flags change.
 *
 * Hidden and absent places are in neither list. While nothing is flagged or absent, nothing is listed.
 */
export class Ordering {
  order: Order = { front: new Uint32Array(), back: null, count: 0 };
  /** Of the neighbours that rings are drawn around, the first. */
  readonly marked: number[] = [];
  /** Whether anything is selected. */
  selecting = false;
  private asked = 0;
  private readonly front = new Growing();
  private back: Growing | null = null;

  /** Goes on with at most so many places; returns whether it has come to the last that has arrived. */
  advance(samples: Samples, most: number): boolean {
    const { flags, positions, arrived } = samples;
    const end = Math.min(arrived, this.asked + most);
    for (let place = this.asked; place < end; place++) {
      const bits = flags[place]!;
      if (bits & SELECTED) this.selecting = true;
      const seen = !(bits & HIDDEN) && !isAbsent(positions[3 * place]!);
      if (seen && !(bits & IN_FRONT)) {
        this.back?.push(place);
        continue;
      }
      this.back ??= Growing.upTo(place);
      if (!seen) continue;
      this.front.push(place);
      if (bits & (NEIGHBOUR | FALSE_NEIGHBOUR) && this.marked.length < MOST_MARKS) this.marked.push(place);
    }
    this.asked = end;
    this.order = {
      front: this.front.values,
      back: this.back?.values ?? null,
      count: this.front.length + (this.back?.length ?? end),
    };
    return end === arrived;
  }

  /** Whether all that has arrived is in it. */
  isComplete(samples: Samples): boolean {
    return this.asked === samples.arrived;
  }
}
