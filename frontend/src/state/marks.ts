/** What is selected, hidden and marked as a neighbour, place by place, in the bits that the map draws. */

import { batch, signal } from "@preact/signals-core";
import { Growing } from "../growing";
import { FALSE_NEIGHBOUR, HIDDEN, NEIGHBOUR, SELECTED } from "../map/view";
import { inTurns } from "../turns";

export type Change = "replace" | "add" | "remove";

const REMEMBERED = 50;
/** In all that can be undone: of large selections fewer are remembered. */
const MOST_PLACES = 20_000_000;

/** Places, ascending. */
export interface Listed {
  selected: Uint32Array;
  hidden: Uint32Array;
}

/**
 * Every change is made in turns on a copy of the flags, and takes their place when it is whole: among many millions nobody
 * waits for it, and nobody sees half of it. Changes come one after the other.
 */
export class Marks {
  /** Counts up with every change: who depends on the marks reads it. */
  readonly version = signal(0);
  readonly selectedCount = signal(0);
  readonly hiddenCount = signal(0);
  readonly canUndo = signal(false);
  /** The name under which what is selected was saved; null when it was changed since. */
  readonly savedName = signal<string | null>(null);
  /** Bits of every place; not to be changed. */
  flags: Uint8Array = new Uint8Array();
  private listed: Listed = { selected: new Uint32Array(), hidden: new Uint32Array() };
  private undone: Uint32Array[] = [];
  /** Places in what can be undone. */
  private room = 0;
  private underWay: Promise<void> = Promise.resolve();
  /** Another one with other samples. */
  private samples = {};

  /** @param expect makes ready what others will want to know of a change, before they see it. */
  constructor(private readonly expect: (found: Listed) => Promise<void> = async () => {}) {}

  /** Forgets everything, for other samples. */
  reset(total: number): void {
    this.samples = {};
    this.undone = [];
    this.room = 0;
    this.savedName.value = null;
    this.settle(new Uint8Array(total), { selected: new Uint32Array(), hidden: new Uint32Array() });
  }

  /** Selects places, or takes them away; what was selected before can be had back with `undo`. */
  select(places: ArrayLike<number>, change: Change = "replace"): Promise<void> {
    return this.change(async (flags) => {
      this.remember();
      this.savedName.value = null;
      if (change === "replace") await clearEverywhere(flags, SELECTED);
      if (change === "remove") await clear(flags, places, SELECTED);
      else await set(flags, places, SELECTED);
    });
  }

  /** Selects a place, or takes it away where it is selected once the changes before this one are made. */
  toggle(place: number): Promise<void> {
    return this.change(async (flags) => {
      this.remember();
      this.savedName.value = null;
      flags[place]! ^= SELECTED;
    });
  }

  undo(): Promise<void> {
    return this.change(async (flags) => {
      const before = this.undone.pop();
      if (!before) return;
      this.room -= before.length;
      this.savedName.value = null;
      await clearEverywhere(flags, SELECTED);
      await set(flags, before, SELECTED);
    });
  }

  hideSelected(): Promise<void> {
    return this.change((flags) =>
      inTurns(flags.length, (from, end) => {
        for (let place = from; place < end; place++) if (flags[place]! & SELECTED) flags[place]! |= HIDDEN;
      }),
    );
  }

  hide(places: ArrayLike<number>): Promise<void> {
    return this.change((flags) => set(flags, places, HIDDEN));
  }

  show(places: ArrayLike<number>): Promise<void> {
    return this.change((flags) => clear(flags, places, HIDDEN));
  }

  showAll(): Promise<void> {
    return this.change((flags) => clearEverywhere(flags, HIDDEN));
  }

  /** Hides all but these. */
  showOnly(places: ArrayLike<number>): Promise<void> {
    return this.change(async (flags) => {
      await inTurns(flags.length, (from, end) => {
        for (let place = from; place < end; place++) flags[place]! |= HIDDEN;
      });
      await clear(flags, places, HIDDEN);
    });
  }

  /** Hides all that is not selected. */
  isolate(): Promise<void> {
    return this.change((flags) =>
      inTurns(flags.length, (from, end) => {
        for (let place = from; place < end; place++) if (!(flags[place]! & SELECTED)) flags[place]! |= HIDDEN;
      }),
    );
  }

  /** Marks neighbours in the layer, and those that are near on the map only. */
  setNeighbours(neighbours: ArrayLike<number>, falseOnes: ArrayLike<number>): Promise<void> {
    return this.change(async (flags) => {
      await clearEverywhere(flags, NEIGHBOUR | FALSE_NEIGHBOUR);
      await set(flags, neighbours, NEIGHBOUR);
      await set(flags, falseOnes, FALSE_NEIGHBOUR);
    });
  }

  /** The selected places, ascending; not to be changed. */
  selected(): Uint32Array {
    return this.listed.selected;
  }

  /** The hidden places, ascending; not to be changed. */
  hidden(): Uint32Array {
    return this.listed.hidden;
  }

  /** The places that are not hidden, ascending. */
  shown(): Uint32Array {
    const found = new Growing();
    this.flags.forEach((bits, place) => {
      if (!(bits & HIDDEN)) found.push(place);
    });
    return found.values;
  }

  private remember(): void {
    this.undone.push(this.selected());
    this.room += this.selected().length;
    while (this.undone.length > REMEMBERED || (this.room > MOST_PLACES && this.undone.length > 1))
      this.room -= this.undone.shift()!.length;
  }

  private change(work: (flags: Uint8Array) => Promise<void>): Promise<void> {
    const { samples } = this;
    const isWanted = () => this.samples === samples;
    const made = this.underWay.then(async () => {
      if (!isWanted()) return;
      const flags = this.flags.slice();
      await work(flags);
      const found = await listed(flags);
      await this.expect(found);
      if (isWanted()) this.settle(flags, found);
    });
    this.underWay = made.catch(() => {}); // whoever asked for it hears of it; the next change is made all the same
    return made;
  }

  private settle(flags: Uint8Array, found: Listed): void {
    this.flags = flags;
    this.listed = found;
    batch(() => {
      this.selectedCount.value = found.selected.length;
      this.hiddenCount.value = found.hidden.length;
      this.canUndo.value = this.undone.length > 0;
      this.version.value = this.version.peek() + 1;
    });
  }
}

function set(flags: Uint8Array, places: ArrayLike<number>, bit: number): Promise<void> {
  return inTurns(places.length, (from, end) => {
    for (let at = from; at < end; at++) if (places[at]! < flags.length) flags[places[at]!]! |= bit;
  });
}

function clear(flags: Uint8Array, places: ArrayLike<number>, bit: number): Promise<void> {
  return inTurns(places.length, (from, end) => {
    for (let at = from; at < end; at++) if (places[at]! < flags.length) flags[places[at]!]! &= ~bit;
  });
}

function clearEverywhere(flags: Uint8Array, bit: number): Promise<void> {
  return inTurns(flags.length, (from, end) => {
    for (let place = from; place < end; place++) flags[place]! &= ~bit;
  });
}

async function listed(flags: Uint8Array): Promise<Listed> {
  const [selected, hidden] = [new Growing(), new Growing()];
  await inTurns(flags.length, (from, end) => {
    for (let place = from; place < end; place++) {
      const bits = flags[place]!;
      if (bits & SELECTED) selected.push(place);
      if (bits & HIDDEN) hidden.push(place);
    }
  });
  return { selected: selected.values, hidden: hidden.values };
}
