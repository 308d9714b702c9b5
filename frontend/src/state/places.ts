/** Which row lies at which place of the fair order, as far as it is known yet. */

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
    rows.forEach((row, index) => {
      this.placeAt[row] = from + index;
    });
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
  rows(places: Uint32Array): Uint32Array {
    const rows = places.map((place) => this.rowAt[place] ?? UNKNOWN).sort();
    const end = rows.indexOf(UNKNOWN);
    return end < 0 ? rows : rows.subarray(0, end);
  }

  /** Places of rows, those that are known, ascending. */
  places(rows: ArrayLike<number>): Uint32Array {
    const places = Uint32Array.from(rows, (row) => this.placeAt[row] ?? UNKNOWN).sort();
    const end = places.indexOf(UNKNOWN);
    return end < 0 ? places : places.subarray(0, end);
  }
}
