/** Which row lies at which place of the fair order, as far as it is known yet. */

import { Growing } from "../growing";

const UNKNOWN = 0xffffffff;

export class Places {
  /** How many places, from the first on, are known. */
  known = 0;
  private readonly rowAt: Uint32Array;
  private readonly placeAt: Uint32Array;
  private readonly complete: Promise<void>;
  private finish!: () => void;

  constructor(readonly total: number) {
    this.rowAt = new Uint32Array(total).fill(UNKNOWN);
    this.placeAt = new Uint32Array(total).fill(UNKNOWN);
    this.complete = new Promise((resolve) => {
      this.finish = resolve;
    });
    if (!total) this.finish();
  }

  /** The rows of the places from `from` on, in the order in which the server sends them. */
  add(from: number, rows: Uint32Array): void {
    this.rowAt.set(rows, from);
    for (let at = 0; at < rows.length; at++) this.placeAt[rows[at]!] = from + at;
    if (from === this.known) this.known += rows.length;
    if (this.known === this.total) this.finish();
  }

  /** Resolves when every place is known. */
  whole(): Promise<void> {
    return this.complete;
  }

  row(place: number): number | null {
    const row = this.rowAt[place];
    return row === undefined || row === UNKNOWN ? null : row;
  }

  place(row: number): number | null {
    const place = this.placeAt[row];
    return place === undefined || place === UNKNOWN ? null : place;
  }

  /** Rows of places, those that are known, ascending. */
  rows(places: ArrayLike<number>): Uint32Array {
    return translated(places, this.rowAt);
  }

  /** Places of rows, those that are known, ascending. */
  places(rows: ArrayLike<number>): Uint32Array {
    return translated(rows, this.placeAt);
  }
}

/** What a table says of some numbers, ascending: few are sorted, many are ticked off and read from the first on. */
function translated(numbers: ArrayLike<number>, table: Uint32Array): Uint32Array {
  const found = new Growing();
  if (numbers.length < table.length / 16) {
    for (let at = 0; at < numbers.length; at++) {
      const other = table[numbers[at]!];
      if (other !== undefined && other !== UNKNOWN) found.push(other);
    }
    return found.values.sort();
  }
  const ticked = new Uint8Array(table.length);
  for (let at = 0; at < numbers.length; at++) {
    const other = table[numbers[at]!];
    if (other !== undefined && other !== UNKNOWN) ticked[other] = 1;
  }
  for (let other = 0; other < ticked.length; other++) if (ticked[other]) found.push(other);
  return found.values;
}
