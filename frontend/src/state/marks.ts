/** What is selected, hidden and marked as a neighbour, place by place, in the bits that the map draws. */

import { signal } from "@preact/signals-core";
import { FALSE_NEIGHBOUR, HIDDEN, NEIGHBOUR, SELECTED } from "../map/view";

export type Change = "replace" | "add" | "remove";

const REMEMBERED = 50;

export class Marks {
  /** Counts up with every change: who depends on the marks reads it. */
  readonly version = signal(0);
  readonly selectedCount = signal(0);
  readonly hiddenCount = signal(0);
  readonly canUndo = signal(false);
  /** The name under which what is selected was saved; null when it was changed since. */
  readonly savedName = signal<string | null>(null);
  flags = new Uint8Array();
  private undone: Uint32Array[] = [];

  /** Forgets everything, for other samples. */
  reset(total: number): void {
    this.flags = new Uint8Array(total);
    this.undone = [];
    this.savedName.value = null;
    this.settle();
  }

  /** Selects places, or takes them away; what was selected before can be had back with `undo`. */
  select(places: Iterable<number>, change: Change = "replace"): void {
    this.remember();
    this.savedName.value = null;
    if (change === "replace") this.clearBit(SELECTED);
    for (const place of places) {
      if (change === "remove") this.flags[place]! &= ~SELECTED;
      else if (place < this.flags.length) this.flags[place]! |= SELECTED;
    }
    this.settle();
  }

  undo(): void {
    const before = this.undone.pop();
    if (!before) return;
    this.savedName.value = null;
    this.clearBit(SELECTED);
    for (const place of before) this.flags[place]! |= SELECTED;
    this.settle();
  }

  hide(places: Iterable<number>): void {
    for (const place of places) {
      if (place < this.flags.length) this.flags[place]! |= HIDDEN;
    }
    this.settle();
  }

  show(places: Iterable<number>): void {
    for (const place of places) {
      if (place < this.flags.length) this.flags[place]! &= ~HIDDEN;
    }
    this.settle();
  }

  showAll(): void {
    this.clearBit(HIDDEN);
    this.settle();
  }

  /** Hides all that is not selected. */
  isolate(): void {
    for (let place = 0; place < this.flags.length; place++) {
      if (!(this.flags[place]! & SELECTED)) this.flags[place]! |= HIDDEN;
    }
    this.settle();
  }

  /** Marks neighbours in the layer, and those that are near on the map only. */
  setNeighbours(neighbours: Iterable<number>, falseOnes: Iterable<number>): void {
    this.clearBit(NEIGHBOUR | FALSE_NEIGHBOUR);
    for (const place of neighbours) this.flags[place]! |= NEIGHBOUR;
    for (const place of falseOnes) this.flags[place]! |= FALSE_NEIGHBOUR;
    this.settle();
  }

  isSelected(place: number): boolean {
    return Boolean(this.flags[place]! & SELECTED);
  }

  isHidden(place: number): boolean {
    return Boolean(this.flags[place]! & HIDDEN);
  }

  /** The selected places, ascending. */
  selected(): Uint32Array {
    return this.withBit(SELECTED);
  }

  hidden(): Uint32Array {
    return this.withBit(HIDDEN);
  }

  private withBit(bit: number): Uint32Array {
    const places = new Uint32Array(this.count(bit));
    let at = 0;
    for (let place = 0; place < this.flags.length; place++) {
      if (this.flags[place]! & bit) places[at++] = place;
    }
    return places;
  }

  private count(bit: number): number {
    let count = 0;
    for (const flag of this.flags) if (flag & bit) count++;
    return count;
  }

  private clearBit(bit: number): void {
    for (let place = 0; place < this.flags.length; place++) this.flags[place]! &= ~bit;
  }

  private remember(): void {
    this.undone.push(this.selected());
    if (this.undone.length > REMEMBERED) this.undone.shift();
  }

  private settle(): void {
    this.selectedCount.value = this.count(SELECTED);
    this.hiddenCount.value = this.count(HIDDEN);
    this.canUndo.value = this.undone.length > 0;
    this.version.value = this.version.peek() + 1;
  }
}
