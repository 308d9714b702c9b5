/** Asks the server that the page came from, at addresses relative to the page's own. */

import { rowsToText, textToRows } from "./row_code";
import {
  type Annotation,
  type ColumnInfo,
  type ColumnPart,
  type Found,
  type Job,
  type Metric,
  type Neighbours,
  type NewMap,
  type OrderPart,
  type Overview,
  type PointsPart,
  type Problem,
  Refused,
  type Said,
  type Sample,
  type SearchMode,
  type SetKey,
  type SortedBy,
  type Source,
  type Trust,
} from "./source";
import { BrokenBlock, readBlock, type WireBlock } from "./wire";

type Query = Record<string, string | number | null | undefined>;

export class ServerSource implements Source {
  readonly metrics = ["cosine", "euclidean"] as const;
  readonly tellsTrust = true;
  private token: string | null = null;
  private latest: Overview | null = null;
  private latestText = "";

  /** @param base the folder of the routes, such as `https://host/data/plugin/embedding_lab/`. */
  constructor(private readonly base: URL) {}

  async overview(signal?: AbortSignal): Promise<Overview> {
    // asked for anew, but sent only when it is new: the browser keeps it with its tag
    const answer = await this.ask("overview", {}, { cache: "no-cache", ...(signal && { signal }) });
    const text = await answer.text();
    if (!this.latest || text !== this.latestText) {
      this.latest = JSON.parse(text) as Overview;
      this.latestText = text;
      this.token = this.latest.token;
    }
    return this.latest;
  }

  async order(set: SetKey, from: number, count: number, signal?: AbortSignal): Promise<OrderPart> {
    const block = await this.block("order", { ...asQuery(set), from, count }, signal);
    return { total: block.total, from: block.from, count: block.count, rows: part(block, "row", Uint32Array) };
  }

  async points(set: SetKey, map: string, from: number, count: number, signal?: AbortSignal): Promise<PointsPart> {
    const block = await this.block("points", { ...asQuery(set), map, from, count }, signal);
    return {
      generation: block.generation,
      total: block.total,
      from: block.from,
      count: block.count,
      dims: block.header.dims as 2 | 3,
      bounds: block.header.bounds as PointsPart["bounds"],
      points: part(block, "points", Float32Array),
      present: block.arrays.get("present")?.values as Uint8Array | undefined,
    };
  }

  columns(set: SetKey, map: string | null, signal?: AbortSignal): Promise<readonly ColumnInfo[]> {
    return this.json("columns", { ...asQuery(set), map }, signal);
  }

  async column(
    set: SetKey,
    name: string,
    map: string | null,
    from: number,
    count: number,
    signal?: AbortSignal,
  ): Promise<ColumnPart> {
    const block = await this.block("column", { ...asQuery(set), name, map, from, count }, signal);
    const values = (block.arrays.get("codes") ?? block.arrays.get("values"))?.values;
    return { from: block.from, count: block.count, values: values as ColumnPart["values"] };
  }

  samples(
    set: SetKey,
    rows: readonly number[],
    map: string | null,
    signal?: AbortSignal,
  ): Promise<readonly Sample[]> {
    return this.json("samples", { ...asQuery(set), rows: rows.join(","), map }, signal);
  }

  async search(
    set: SetKey,
    mode: SearchMode,
    query: string,
    map: string | null,
    signal?: AbortSignal,
  ): Promise<Uint32Array> {
    return part(await this.block("search", { ...asQuery(set), mode, query, map }, signal), "rows", Uint32Array);
  }

  async sort(set: SetKey, rows: Uint32Array, by: SortedBy, map: string | null): Promise<Uint32Array> {
    const answer = await this.send("sort", {
      set: asQuery(set),
      rows: rowsToText(rows),
      by: by.column,
      direction: by.direction,
      ...(map && { map }),
    });
    return part(readBlock(await answer.arrayBuffer()), "rows", Uint32Array);
  }

  async rowsOf(set: SetKey, ids: readonly string[]): Promise<Found> {
    return asFound(await (await this.send("rows", { set: asQuery(set), ids })).json());
  }

  async idsOf(set: SetKey, rows: Uint32Array): Promise<readonly string[]> {
    const answer = await this.send("ids", { set: asQuery(set), rows: rowsToText(rows) });
    return (await answer.json()) as readonly string[];
  }

  neighbours(
    set: SetKey,
    row: number,
    k: number,
    metric: Metric | null,
    map: string | null,
    signal?: AbortSignal,
  ): Promise<Neighbours> {
    return this.json("neighbours", { ...asQuery(set), row, k, metric, map }, signal);
  }

  async atlas(set: SetKey, level: number, page: number): Promise<ImageBitmap> {
    const answer = await this.ask("atlas", { ...asQuery(set), level, page });
    return createImageBitmap(await answer.blob());
  }

  picture(set: SetKey, row: number): string {
    return this.address("picture", { ...asQuery(set), row }).href;
  }

  media(set: SetKey, column: string, row: number): string {
    return this.address("media", { ...asQuery(set), name: column, row }).href;
  }

  async trust(set: SetKey, rows: Uint32Array, signal?: AbortSignal): Promise<Trust> {
    const answer = await this.send("trust", { set: asQuery(set), rows: rowsToText(rows) }, signal);
    return (await answer.json()) as Trust;
  }

  async saveSelection(set: SetKey, name: string, rows: Uint32Array): Promise<void> {
    await this.send("selections", { run: set.run, set: asQuery(set), name, rows: rowsToText(rows) });
  }

  async removeSelection(run: string, name: string): Promise<void> {
    await this.send("selections/remove", { run, name });
  }

  async selection(set: SetKey, name: string): Promise<Found> {
    return asFound(await this.json("selection", { ...asQuery(set), name }));
  }

  async annotate(annotation: Annotation): Promise<void> {
    await this.send("annotations", annotation);
  }

  async withdraw(run: string, ids: readonly string[], time: number): Promise<void> {
    await this.send("annotations/withdraw", { run, ids, time });
  }

  async annotations(run: string): Promise<readonly Said[]> {
    return (await this.json<{ annotations: readonly Said[] }>("annotations", { run })).annotations;
  }

  async measure(set: SetKey, map: string): Promise<void> {
    await this.send(this.token ? "measures" : "measures/aside", { set: asQuery(set), map });
  }

  jobs(signal?: AbortSignal): Promise<readonly Job[]> {
    return this.json("jobs", {}, signal);
  }

  async startJob(job: NewMap): Promise<string> {
    const answer = await this.send("jobs", {
      ...job,
      set: asQuery(job.set),
      ...(job.rows && { rows: rowsToText(job.rows) }),
    });
    return ((await answer.json()) as { id: string }).id;
  }

  async cancelJob(id: string): Promise<void> {
    await this.send("jobs/cancel", { id });
  }

  async download(
    set: SetKey,
    map: string | null,
    rows: Uint32Array | null,
    format: "csv" | "parquet",
  ): Promise<Blob> {
    const body = { set: asQuery(set), format, ...(map && { map }), ...(rows && { rows: rowsToText(rows) }) };
    return (await this.send("download", body)).blob();
  }

  private address(route: string, query: Query): URL {
    const address = new URL(route, this.base);
    for (const [name, value] of Object.entries(query)) {
      if (value !== null && value !== undefined) address.searchParams.set(name, String(value));
    }
    return address;
  }

  private async ask(route: string, query: Query, options: RequestInit = {}): Promise<Response> {
    let answer: Response;
    try {
      answer = await fetch(this.address(route, query), { credentials: "same-origin", ...options });
    } catch (error) {
      if (options.signal?.aborted) throw error;
      throw new Refused({
        happened: "The server does not answer.",
        got: String(error instanceof Error ? error.message : error),
        expected: "the server that this page came from",
        remedy: "Look whether it still runs. This page goes on asking.",
      });
    }
    if (answer.ok) return answer;
    throw new Refused(await problemOf(answer), answer.status);
  }

  private async json<T>(route: string, query: Query, signal?: AbortSignal): Promise<T> {
    return (await (await this.ask(route, query, signal && { signal })).json()) as T;
  }

  private async block(route: string, query: Query, signal?: AbortSignal): Promise<WireBlock> {
    return readBlock(await (await this.ask(route, query, signal && { signal })).arrayBuffer());
  }

  private send(route: string, body: unknown, signal?: AbortSignal): Promise<Response> {
    return this.ask(
      route,
      {},
      {
        method: "POST",
        headers: { "Content-Type": "application/json", "X-Embedding-Lab-Token": this.token ?? "" },
        body: JSON.stringify(body),
        ...(signal && { signal }),
      },
    );
  }
}

function asQuery(set: SetKey): Query {
  return { run: set.run, layer: set.layer, step: set.step ?? "static" };
}

function asFound({ rows, unknown }: { rows: string; unknown: number }): Found {
  const found = textToRows(rows);
  if (found) return { rows: found, unknown };
  throw new BrokenBlock("The rows in the server's answer cannot be read.");
}

function part<T>(block: WireBlock, name: string, kind: new (...args: never[]) => T): T {
  const found = block.arrays.get(name)?.values;
  if (found instanceof kind) return found;
  throw new Refused({
    happened: "The server sent something else than was asked for.",
    got: `a block of kind ${block.kind} with ${[...block.arrays.keys()].join(", ") || "no arrays"}`,
    expected: `an array ${name}`,
    remedy: "Reload the page; it may be older than the server.",
  });
}

async function problemOf(answer: Response): Promise<Problem> {
  try {
    const told = ((await answer.json()) as { error?: Partial<Problem> }).error;
    if (told?.happened) {
      return {
        happened: told.happened,
        got: told.got ?? "",
        expected: told.expected ?? "",
        remedy: told.remedy ?? "",
      };
    }
  } catch {
    // not one of our answers; the status says what there is to say
  }
  return {
    happened: "The server could not answer.",
    got: `${answer.status} ${answer.statusText}`.trim(),
    expected: "",
    remedy: "Its output, where it was started, may say why.",
  };
}
