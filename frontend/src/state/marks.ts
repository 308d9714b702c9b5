/** What is selected, hidden and marked as a neighbour, place by place, in the bits that the map draws. */

import { batch, signal } from "@preact/signals-core";
import { FALSE_NEIGHBOUR, HIDDEN, NEIGHBOUR, SELECTED } from "../map/view";

export type Change = "replace" | "add" | "remove";

const REMEMBERED = 50;
/** In all that can be undone: of large selections fewer are remembered. */
const MOST_PLACES = 20_000_000;

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
  /** Places in what can be undone. */
  private room = 0;
  private listed: { selected: Uint32Array | null; hidden: Uint32Array | null } = { selected: null, hidden: null };

  /** Forgets everything, for other samples. */
  reset(total: number): void {
    this.flags = new Uint8Array(total);
    this.undone = [];
    this.room = 0;
    this.savedName.value = null;
    this.settle();
  }

  /** Selects places, or takes them away; what was selected before can be had back with `undo`. */
  select(places: ArrayLike<number>, change: Change = "replace"): void {
    this.remember();
    this.savedName.value = null;
    if (change === "replace") this.clearBit(SELECTED);
    if (change === "remove") this.clear(places, SELECTED);
    else this.set(places, SELECTED);
    this.settle();
  }

  undo(): void {
    const before = this.undone.pop();
    if (!before) return;
    this.room -= before.length;
    this.savedName.value = null;
    this.clearBit(SELECTED);
    this.set(before, SELECTED);
    this.settle();
  }

  hide(places: ArrayLike<number>): void {
    this.set(places, HIDDEN);
    this.settle();
  }

  show(places: ArrayLike<number>): void {
    this.clear(places, HIDDEN);
    this.settle();
  }

  showAll(): void {
    this.clearBit(HIDDEN);
    this.settle();
  }

  /** Hides all that is not selected. */
  isolate(): void {
    const { flags } = this;
    for (let place = 0; place < flags.length; place++) if (!(flags[place]! & SELECTED)) flags[place]! |= HIDDEN;
    this.settle();
  }

  /** Marks neighbours in the layer, and those that are near on the map only. */
  setNeighbours(neighbours: ArrayLike<number>, falseOnes: ArrayLike<number>): void {
    this.clearBit(NEIGHBOUR | FALSE_NEIGHBOUR);
    this.set(neighbours, NEIGHBOUR);
    this.set(falseOnes, FALSE_NEIGHBOUR);
    this.settle();
  }

  isSelected(place: number): boolean {
    return Boolean(this.flags[place]! & SELECTED);
  }

  /** The selected places, ascending; not to be changed. */
  selected(): Uint32Array {
    this.listed.selected ??= this.withBit(SELECTED, this.selectedCount.peek());
    return this.listed.selected;
  }

  /** The hidden places, ascending; not to be changed. */
  hidden(): Uint32Array {
    this.listed.hidden ??= this.withBit(HIDDEN, this.hiddenCount.peek());
    return this.listed.hidden;
  }

  private withBit(bit: number, count: number): Uint32Array {
    const { flags } = this;
    const places = new Uint32Array(count);
    let at = 0;
    for (let place = 0; at < count; place++) if (flags[place]! & bit) places[at++] = place;
    return places;
  }

  private set(places: ArrayLike<number>, bit: number): void {
    const { flags } = this;
    for (let at = 0; at < places.length; at++) if (places[at]! < flags.length) flags[places[at]!]! |= bit;
  }

  private clear(places: ArrayLike<number>, bit: number): void {
    const { flags } = this;
    for (let at = 0; at < places.length; at++) if (places[at]! < flags.length) flags[places[at]!]! &= ~bit;
  }

  private clearBit(bit: number): void {
    const { flags } = this;
    for (let place = 0; place < flags.length; place++) flags[place]! &= ~bit;
  }

  private remember(): void {
    this.undone.push(this.selected());
    this.room += this.selected().length;
    while (this.undone.length > REMEMBERED || (this.room > MOST_PLACES && this.undone.length > 1))
      this.room -= this.undone.shift()!.length;
  }

  /** Counts anew, place by place but all at once: everything else asks for what was counted. */
  private settle(): void {
    const { flags } = this;
    let [selected, hidden] = [0, 0];
    for (let place = 0; place < flags.length; place++) {
      const bits = flags[place]!;
      if (bits & SELECTED) selected++;
      if (bits & HIDDEN) hidden++;
    }
    this.listed = { selected: null, hidden: null };
    batch(() => {
      this.selectedCount.value = selected;
      this.hiddenCount.value = hidden;
      this.canUndo.value = this.undone.length > 0;
      this.version.value = this.version.peek() + 1;
    });
  }
}
