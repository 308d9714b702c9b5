/** Which row lies at which place of the fair order, as far as it is known yet. */

import { inTurns } from "../turns";

export class Places {
  /** How many places, from the first on, are known. */
  known = 0;
  /** One more than the row or the place; 0 where it is not known. */
  private readonly rowAt: Uint32Array;
  private readonly placeAt: Uint32Array;
  private readonly complete: Promise<void>;
  private finish!: () => void;

  /** So many places are held; there may be more rows, of which those at the other places are not known. */
  constructor(
    readonly total: number,
    readonly rowCount = total,
  ) {
    this.rowAt = new Uint32Array(total);
    this.placeAt = new Uint32Array(rowCount);
    this.complete = new Promise((resolve) => {
      this.finish = resolve;
    });
    if (!total) this.finish();
  }

  /** The rows of the places from `from` on, in the order in which the server sends them. */
  add(from: number, rows: Uint32Array): void {
    for (let at = 0; at < rows.length; at++) {
      this.rowAt[from + at] = rows[at]! + 1;
      this.placeAt[rows[at]!] = from + at + 1;
    }
    if (from === this.known) this.known += rows.length;
    if (this.known === this.total) this.finish();
  }

  /** Resolves when every place is known. */
  whole(): Promise<void> {
    return this.complete;
  }

  row(place: number): number | null {
    return known(this.rowAt[place]);
  }

  place(row: number): number | null {
    return known(this.placeAt[row]);
  }

  /** Rows of places, those that are known, ascending; of many millions in turns. */
  rows(places: ArrayLike<number>): Promise<Uint32Array> {
    return translated(places, this.rowAt, this.rowCount);
  }

  /** Places of rows, those that are known, ascending; of many millions in turns. */
  places(rows: ArrayLike<number>): Promise<Uint32Array> {
    return translated(rows, this.placeAt, this.total);
  }
}

function known(oneMore: number | undefined): number | null {
  return oneMore ? oneMore - 1 : null;
}

/** What a table says of some numbers: it is ticked off among all there may be, and that is read from the first on. */
async function translated(numbers: ArrayLike<number>, table: Uint32Array, others: number): Promise<Uint32Array> {
  const ticked = new Uint8Array(others);
  await inTurns(numbers.length, (from, end) => {
    for (let at = from; at < end; at++) {
      const oneMore = table[numbers[at]!];
      if (oneMore) ticked[oneMore - 1] = 1;
    }
  });
  const found = new Uint32Array(numbers.length);
  let count = 0;
  await inTurns(ticked.length, (from, end) => {
    for (let other = from; other < end; other++) if (ticked[other]) found[count++] = other;
  });
  return found.subarray(0, count);
}
