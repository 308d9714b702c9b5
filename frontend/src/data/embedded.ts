/** Answers from the page itself: a run that was exported into one file, opened from disk without a server. */

import { type Answer, Answers, array, type Query, query, serverOnly } from "./answers";
import { textToRows } from "./row_code";
import {
  type ColumnInfo,
  type ColumnPart,
  type Found,
  type Job,
  type Metric,
  type Neighbours,
  type OrderPart,
  type Overview,
  type PointsPart,
  Refused,
  type Said,
  type Sample,
  type SearchMode,
  type SetKey,
  type SortedBy,
  type Source,
  type Trust,
} from "./source";

/** The element that holds the answers: `board/dashboard/embedded.py` writes it. */
export const ELEMENT = "embedding-lab-data";

/** What is known of one sample set once it was asked for. */
interface Known {
  rowAt: Uint32Array;
  placeOf: Uint32Array;
  ids: readonly string[];
}

export class EmbeddedSource implements Source {
  readonly metrics = ["euclidean"] as const;
  readonly tellsTrust = false;
  private readonly known = new Map<string, Known>();
  private readonly pages = new Map<string, Promise<ImageBitmap>>();
  private readonly addresses = new Map<string, string>();
  private readonly answers: Answers;
  private readonly told: Overview;

  constructor(answers: Readonly<Record<string, Answer>>) {
    this.answers = new Answers(answers);
    this.told = this.answers.overview();
  }

  /** The source of this document; null where nothing was laid into it. */
  static of(document: Document): EmbeddedSource | null {
    const text = document.getElementById(ELEMENT)?.textContent;
    return text ? new EmbeddedSource(JSON.parse(text) as Record<string, Answer>) : null;
  }

  async overview(): Promise<Overview> {
    return this.told;
  }

  async order(set: SetKey, from: number, count: number): Promise<OrderPart> {
    const rows = this.about(set).rowAt.slice(from, from + count);
    return { total: this.about(set).rowAt.length, from, count: rows.length, rows };
  }

  async points(set: SetKey, map: string, from: number, count: number): Promise<PointsPart> {
    const block = this.answers.block("points", { ...query(set), map });
    const dims = block.header.dims as 2 | 3;
    const points = array(block, "points") as Float32Array;
    const present = block.arrays.get("present")?.values as Uint8Array | undefined;
    const end = Math.min(block.total, from + count);
    return {
      generation: block.generation,
      total: block.total,
      from,
      count: end - from,
      dims,
      bounds: block.header.bounds as PointsPart["bounds"],
      points: points.slice(from * dims, end * dims),
      present: present && bits(present, from, end),
    };
  }

  async columns(set: SetKey, map: string | null): Promise<readonly ColumnInfo[]> {
    return this.answers.json<readonly ColumnInfo[]>("columns", { ...query(set), map });
  }

  async column(set: SetKey, name: string, map: string | null, from: number, count: number): Promise<ColumnPart> {
    const values = this.values(set, name, map).slice(from, from + count) as ColumnPart["values"];
    return { from, count: values.length, values };
  }

  async samples(set: SetKey, rows: readonly number[], map: string | null): Promise<readonly Sample[]> {
    const known = this.about(set);
    const columns = (await this.columns(set, map)).filter((column) => column.name !== "id");
    return rows.map((row) => ({
      row,
      id: known.ids[row] ?? String(row),
      values: Object.fromEntries(columns.map((column) => [column.name, this.cell(set, column, map, row)])),
    }));
  }

  async search(set: SetKey, mode: SearchMode, text: string, map: string | null): Promise<Uint32Array> {
    if (mode === "filter") throw serverOnly("A filter");
    const matches = mode === "regex" ? regex(text) : contains(text);
    const isIt = mode === "regex" ? wholeNumber(text) : equals(text);
    const found = new Set<number>();
    const known = this.about(set);
    for (const column of await this.columns(set, map)) {
      if (column.kind === "text") {
        this.texts(set, column.name).forEach((each, row) => {
          if (each !== null && matches(each)) found.add(row);
        });
        continue;
      }
      const right = column.categories?.map(matches);
      this.values(set, column.name, column.source === "map" ? map : null).forEach((value, place) => {
        if (right ? right[value] : isIt(value)) found.add(known.rowAt[place] as number);
      });
    }
    return Uint32Array.from(found).sort();
  }

  async sort(set: SetKey, rows: Uint32Array, by: SortedBy, map: string | null): Promise<Uint32Array> {
    const column = (await this.columns(set, map)).find(({ name }) => name === by.column);
    const down = by.direction === "descending" ? -1 : 1;
    const key = (row: number) => {
      if (!column) return this.about(set).ids[row] ?? null;
      const value = this.cell(set, column, map, row);
      return column.categories && value !== null ? column.categories.indexOf(String(value)) : value;
    };
    const keyed = Array.from(rows, (row) => ({ row, value: key(row) }));
    keyed.sort(({ value: one }, { value: other }) => {
      if (one === null || other === null) return Number(one === null) - Number(other === null);
      return one === other ? 0 : one < other ? -down : down;
    });
    return Uint32Array.from(keyed, ({ row }) => row);
  }

  async rowsOf(set: SetKey, ids: readonly string[]): Promise<Found> {
    const wanted = new Set(ids);
    const rows = Uint32Array.from(this.about(set).ids.flatMap((id, row) => (wanted.has(id) ? [row] : [])));
    return { rows, unknown: wanted.size - rows.length };
  }

  async idsOf(set: SetKey, rows: Uint32Array): Promise<readonly string[]> {
    const { ids } = this.about(set);
    return Array.from(rows, (row) => ids[row]!);
  }

  async neighbours(
    set: SetKey,
    row: number,
    k: number,
    metric: Metric | null,
    map: string | null,
  ): Promise<Neighbours> {
    const block = this.answers.block("near", query(set));
    const wide = block.arrays.get("rows")?.shape[1] ?? 0;
    if (metric === "cosine" || k > wide)
      throw serverOnly(`A search for more than ${wide} neighbours, or by cosine,`);
    const known = this.about(set);
    const rows = [...array(block, "rows").subarray(row * wide, row * wide + k)];
    const distances = array(block, "distances").subarray(row * wide, row * wide + k);
    const onMap = map === null ? null : await this.nearOnMap(set, map, row, k);
    const id = (each: number) => known.ids[each] ?? String(each);
    return {
      metric: "euclidean",
      elapsed_ms: 0,
      recall: 1,
      neighbours: rows.map((each, at) => ({
        row: each,
        id: id(each),
        distance: distances[at] as number,
        kept: onMap?.includes(each) ?? null,
      })),
      false_neighbours: (onMap ?? [])
        .filter((each) => !rows.includes(each))
        .map((each) => ({ row: each, id: id(each) })),
    };
  }

  async atlas(set: SetKey, level: number, page: number): Promise<ImageBitmap> {
    const key = JSON.stringify([set, level, page]);
    const found = this.pages.get(key);
    if (found) return found;
    const made = this.page(set, level, page);
    this.pages.set(key, made);
    return made;
  }

  media(set: SetKey, column: string, row: number): string | null {
    return this.file("media", set, { name: column, row });
  }

  picture(set: SetKey, row: number): string {
    const pictures = this.step(set)?.pictures;
    if (!pictures) return EMPTY;
    const original = this.file("picture", set, { row });
    if (original) return original;
    const [width, height] = pictures.cell;
    const place = this.about(set).placeOf[row] as number;
    const page = Math.floor(place / pictures.per_page);
    const answer = this.answers.get("atlas", { ...query(set), level: 0, page });
    // the page as it lies here, of which the view box shows one cell
    const columns = Math.floor(1024 / width);
    const at = place % pictures.per_page;
    const [x, y] = [(at % columns) * width, Math.floor(at / columns) * height];
    const sheet = `data:${answer.type};base64,${answer.base64}`;
    const picture =
      `<svg xmlns="http://www.w3.org/2000/svg" viewBox="${x} ${y} ${width} ${height}" width="${width}" height="${height}">` +
      `<image href="${sheet}" style="image-rendering:pixelated"/></svg>`;
    return URL.createObjectURL(new Blob([picture], { type: "image/svg+xml" }));
  }

  async trust(): Promise<Trust> {
    throw serverOnly("How far a selection is real");
  }

  async saveSelection(): Promise<void> {
    throw serverOnly("Keeping a selection");
  }

  async removeSelection(): Promise<void> {
    throw serverOnly("Removing a selection");
  }

  async selection(set: SetKey, name: string): Promise<Found> {
    const { rows, unknown } = this.answers.json<{ rows: string; unknown: number }>("selection", {
      ...query(set),
      name,
    });
    return { rows: textToRows(rows) ?? new Uint32Array(), unknown };
  }

  async annotate(): Promise<void> {
    throw serverOnly("Noting something down");
  }

  async withdraw(): Promise<void> {
    throw serverOnly("Taking something back");
  }

  async annotations(run: string): Promise<readonly Said[]> {
    return this.answers.json<{ annotations: readonly Said[] }>("annotations", { run }).annotations;
  }

  async measure(): Promise<void> {}

  async jobs(): Promise<readonly Job[]> {
    return [];
  }

  async startJob(): Promise<string> {
    throw serverOnly("A new map");
  }

  async cancelJob(): Promise<void> {}

  async download(set: SetKey, map: string | null, rows: Uint32Array | null, format: string): Promise<Blob> {
    if (format !== "csv") throw serverOnly("A Parquet file");
    const chosen = rows ? [...rows] : this.about(set).ids.map((_, row) => row);
    const columns = (await this.columns(set, map)).filter((column) => column.name !== "id");
    const lines = [["id", ...columns.map((column) => column.name)].map(quoted).join(",")];
    for (const sample of await this.samples(set, chosen, map)) {
      lines.push([sample.id, ...columns.map((column) => sample.values[column.name] ?? "")].map(quoted).join(","));
    }
    return new Blob([`${lines.join("\n")}\n`], { type: "text/csv" });
  }

  /** The address of a file that was laid into the page; null where there was no room for it. */
  private file(route: string, set: SetKey, which: Query): string | null {
    const asked = { run: set.run, samples: this.step(set)?.samples ?? "", ...which };
    if (!this.answers.has(route, asked)) return null;
    const name = JSON.stringify([route, asked]);
    const address = this.addresses.get(name);
    if (address) return address;
    const made = URL.createObjectURL(
      new Blob([this.answers.bytes(route, asked)], { type: this.answers.get(route, asked).type }),
    );
    this.addresses.set(name, made);
    return made;
  }

  private step(set: SetKey) {
    const run = this.told.runs.find((each) => each.name === set.run);
    return run?.layers.find((each) => each.name === set.layer)?.steps.find((each) => each.step === set.step);
  }

  private about(set: SetKey): Known {
    const name = JSON.stringify(query(set));
    const found = this.known.get(name);
    if (found) return found;
    const rowAt = array(this.answers.block("order", query(set)), "row") as Uint32Array;
    const placeOf = new Uint32Array(rowAt.length);
    rowAt.forEach((row, place) => {
      placeOf[row] = place;
    });
    const ids = this.texts(set, "id") as readonly string[];
    const made = { rowAt, placeOf, ids };
    this.known.set(name, made);
    return made;
  }

  private values(set: SetKey, name: string, map: string | null): Uint16Array | Uint32Array | Float32Array {
    const own = { ...query(set), name };
    const which = this.answers.has("column", own) ? own : { ...own, map };
    const block = this.answers.block("column", which);
    return (block.arrays.get("codes") ?? block.arrays.get("values"))?.values as Float32Array;
  }

  private texts(set: SetKey, name: string): readonly (string | null)[] {
    return this.answers.json("texts", { ...query(set), name });
  }

  private cell(set: SetKey, column: ColumnInfo, map: string | null, row: number): string | number | null {
    if (column.kind === "text") return this.texts(set, column.name)[row] ?? null;
    const value = this.values(set, column.name, map)[this.about(set).placeOf[row] as number] as number;
    if (column.kind === "category") return column.categories?.[value] ?? null;
    return Number.isNaN(value) ? null : shortest(value);
  }

  /** The k rows that lie nearest on a map; null where the sample is not on it. */
  private async nearOnMap(set: SetKey, map: string, row: number, k: number): Promise<number[] | null> {
    const { points, dims, present, total } = await this.points(set, map, 0, Number.MAX_SAFE_INTEGER);
    const known = this.about(set);
    const own = known.placeOf[row] as number;
    const there = (place: number) => !present || ((present[place >> 3] as number) >> (place & 7)) & 1;
    if (!there(own)) return null;
    const near: { row: number; far: number }[] = [];
    for (let place = 0; place < total; place++) {
      if (place === own || !there(place)) continue;
      let far = 0;
      for (let axis = 0; axis < dims; axis++) {
        far += ((points[place * dims + axis] as number) - (points[own * dims + axis] as number)) ** 2;
      }
      if (near.length === k && far >= (near[k - 1] as { far: number }).far) continue;
      const at = near.findIndex((each) => far < each.far);
      near.splice(at < 0 ? near.length : at, 0, { row: known.rowAt[place] as number, far });
      if (near.length > k) near.pop();
    }
    return near.map((each) => each.row);
  }

  private async page(set: SetKey, level: number, page: number): Promise<ImageBitmap> {
    const bytes = this.answers.bytes("atlas", { ...query(set), level: 0, page });
    const whole = await createImageBitmap(new Blob([bytes]));
    const cell = this.step(set)?.pictures?.cell;
    if (level === 0 || !cell) return whole;
    const coarser = (side: number, own: number) => Math.floor(side / own) * Math.ceil(own / 2 ** level);
    return createImageBitmap(whole, {
      resizeWidth: coarser(whole.width, cell[0]),
      resizeHeight: coarser(whole.height, cell[1]),
      resizeQuality: "high",
    });
  }
}

const EMPTY = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==";

function bits(mask: Uint8Array, from: number, end: number): Uint8Array {
  const cut = new Uint8Array(Math.ceil((end - from) / 8));
  for (let place = from; place < end; place++) {
    if (((mask[place >> 3] as number) >> (place & 7)) & 1) cut[(place - from) >> 3]! |= 1 << ((place - from) & 7);
  }
  return cut;
}

function contains(text: string): (name: string) => boolean {
  const wanted = text.toLowerCase();
  return (name) => wanted !== "" && name.toLowerCase().includes(wanted);
}

function regex(text: string): (name: string) => boolean {
  try {
    const expression = new RegExp(text, "i");
    return (name) => expression.test(name);
  } catch (error) {
    throw new Refused({
      happened: "The regular expression cannot be read.",
      got: String(error instanceof Error ? error.message : error),
      expected: "",
      remedy: "",
    });
  }
}

/** Whether a number is the one that the text says. */
function equals(text: string): (value: number) => boolean {
  const wanted = text.trim() === "" ? Number.NaN : Math.fround(Number(text));
  return (value) => value === wanted;
}

/** Whether an expression matches the whole of a number. */
function wholeNumber(text: string): (value: number) => boolean {
  const matches = regex(`^(?:${text})$`);
  return (value) => !Number.isNaN(value) && matches(String(shortest(value)));
}

/** A number of 32 bits with no more digits than tell it from its neighbours: 0.7, not 0.699999988079071. */
function shortest(value: number): number {
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return value;
}

function quoted(value: string | number | boolean): string {
  const text = String(value);
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
