/** What the page can ask, and what it is told. The server and the exported file answer alike. */

/** Samples of one layer at one step; `step` is null where nothing changes over a training. */
export interface SetKey {
  run: string;
  layer: string;
  step: number | null;
}

/** Help, as the doctor gives it: text, never markup. */
export interface Problem {
  happened: string;
  got: string;
  expected: string;
  remedy: string;
}

export interface MapInfo {
  name: string;
  method: string;
  dims: number;
  /** Forming while somebody works at it; stopped where it is half-made and nobody seems to any more. */
  state: "forming" | "complete" | "stopped";
  generation: string;
  parameters: Readonly<Record<string, unknown>>;
  seed: number | null;
  quality: Readonly<Record<string, number>>;
  /** How far measuring it is, or why it cannot be measured; null where it was. */
  unmeasured: Unmeasured | null;
}

export interface Unmeasured {
  /** Wanted where nobody has begun to measure. */
  state: "wanted" | "queued" | "running" | "done" | "failed" | "impossible";
  message: string;
  stage: string;
  done: number;
  total: number | null;
}

export interface PicturesInfo {
  cell: readonly [number, number];
  per_page: number;
  pages: number;
  levels: number;
  original: readonly [number, number] | null;
}

export interface StepInfo {
  step: number | null;
  rows: number;
  dims: number;
  epoch: number | null;
  split: string | null;
  generation: string;
  /** Equal where two steps or layers have the same samples in the same order. */
  samples: string;
  maps: readonly MapInfo[];
  pictures: PicturesInfo | null;
}

export interface LayerInfo {
  name: string;
  steps: readonly StepInfo[];
}

export interface RunInfo {
  name: string;
  /** When its newest vectors were put in place, seconds since 1970; 0 where nobody knows. */
  written: number;
  problems: readonly Problem[];
  layers: readonly LayerInfo[];
  selections: readonly string[];
  /** Another number where something was said of samples since. */
  annotations: number;
}

export interface Overview {
  version: string;
  title: string;
  logdir: string;
  /** Whether selections and annotations are taken. */
  writable: boolean;
  /** Whether new maps can be made. */
  computing: boolean;
  token: string | null;
  runs: readonly RunInfo[];
  problems: readonly Problem[];
}

export interface Histogram {
  edges: readonly number[];
  counts: readonly number[];
}

export interface ColumnInfo {
  name: string;
  kind: "category" | "number" | "text";
  source: "sample" | "output" | "note" | "map";
  /** Another one where the values changed. */
  generation: string;
  /** Where its values name files that can be shown. */
  media?: "audio" | "image";
  categories?: readonly string[];
  /** How many samples are in each category. */
  counts?: readonly number[];
  min?: number | null;
  max?: number | null;
  missing: number;
  histogram?: Histogram | null;
}

export type Cell = string | number | boolean | null;

export interface Sample {
  row: number;
  id: string;
  values: Readonly<Record<string, Cell>>;
}

export interface Neighbour {
  row: number;
  id: string;
  distance: number;
  /** Whether it is near on the map too; null where there is no map to compare with. */
  kept: boolean | null;
}

export interface Neighbours {
  metric: Metric;
  elapsed_ms: number;
  /** The share of the true ones among them: 1, or less of millions, where an index finds them. */
  recall: number;
  neighbours: readonly Neighbour[];
  false_neighbours: readonly { row: number; id: string }[];
}

export type Metric = "cosine" | "euclidean";
export type SearchMode = "text" | "regex" | "filter";

/** A part of one of the streams, all of them in the fair order: the values of places from … from + count - 1. */
export interface OrderPart {
  total: number;
  from: number;
  count: number;
  rows: Uint32Array;
}

export interface PointsPart {
  generation: string;
  total: number;
  from: number;
  count: number;
  dims: 2 | 3;
  bounds: readonly [readonly number[], readonly number[]];
  points: Float32Array;
  present: Uint8Array | undefined;
}

export interface ColumnPart {
  from: number;
  count: number;
  /** Category codes, the greatest of their type where missing; or numbers, NaN where missing. */
  values: Uint16Array | Uint32Array | Float32Array;
}

export interface Trust {
  k: number;
  kept: number;
  of: number;
  share: number;
}

/** Rows by ids. */
export interface Found {
  rows: Uint32Array;
  /** How many ids these samples do not have. */
  unknown: number;
}

export interface Job {
  id: string;
  run: string;
  layer: string;
  step: number | null;
  map: string;
  method: string;
  parameters: Readonly<Record<string, unknown>>;
  state: "queued" | "running" | "done" | "failed" | "cancelled";
  /** What it is doing, in words. */
  stage: string;
  done: number;
  total: number | null;
  message: string;
  rate: number | null;
  seconds_left: number | null;
  /** When it was asked for, seconds since 1970. */
  begun: number;
}

export interface NewMap {
  set: SetKey;
  method: string;
  dims: 2 | 3;
  parameters: Readonly<Record<string, number | string>>;
  rows?: Uint32Array;
}

export interface Annotation {
  run: string;
  ids: readonly string[];
  label?: string;
  tags?: readonly string[];
  reason: string;
}

/** What was once said of one sample; whoever writes in Python may say anything. */
export interface Said {
  id: string;
  /** Seconds since 1970. */
  time: number;
  label?: unknown;
  tags?: unknown;
  reason?: unknown;
}

export interface SortedBy {
  column: string;
  direction: "ascending" | "descending";
}

/** An answer that is help instead of data. */
export class Refused extends Error {
  override name = "Refused";

  constructor(
    readonly problem: Problem,
    readonly status = 0,
  ) {
    super(problem.happened);
  }
}

/**
 * Where all that is shown comes from. Every method may throw Refused; a signal ends what is no longer wanted. Rows are
 * given ascending.
 */
export interface Source {
  /** By which distances neighbours can be asked for; by none that is named, the one that suits. */
  readonly metrics: readonly Metric[];
  /** Whether it can be told how far a selection is real. */
  readonly tellsTrust: boolean;
  /** The latest overview; the same object as before while nothing changed. */
  overview(signal?: AbortSignal): Promise<Overview>;
  order(set: SetKey, from: number, count: number, signal?: AbortSignal): Promise<OrderPart>;
  points(set: SetKey, map: string, from: number, count: number, signal?: AbortSignal): Promise<PointsPart>;
  columns(set: SetKey, map: string | null, signal?: AbortSignal): Promise<readonly ColumnInfo[]>;
  column(
    set: SetKey,
    name: string,
    map: string | null,
    from: number,
    count: number,
    signal?: AbortSignal,
  ): Promise<ColumnPart>;
  samples(
    set: SetKey,
    rows: readonly number[],
    map: string | null,
    signal?: AbortSignal,
  ): Promise<readonly Sample[]>;
  search(
    set: SetKey,
    mode: SearchMode,
    query: string,
    map: string | null,
    signal?: AbortSignal,
  ): Promise<Uint32Array>;
  /** Rows in the order of a column, equal ones in their own; those without a value last. */
  sort(set: SetKey, rows: Uint32Array, by: SortedBy, map: string | null): Promise<Uint32Array>;
  rowsOf(set: SetKey, ids: readonly string[]): Promise<Found>;
  idsOf(set: SetKey, rows: Uint32Array): Promise<readonly string[]>;
  neighbours(
    set: SetKey,
    row: number,
    k: number,
    metric: Metric | null,
    map: string | null,
    signal?: AbortSignal,
  ): Promise<Neighbours>;
  atlas(set: SetKey, level: number, page: number): Promise<ImageBitmap>;
  /** The address of the original of a sample. */
  picture(set: SetKey, row: number): string;
  /** The address of the sound or picture that a column holds of a sample; null where it cannot be had. */
  media(set: SetKey, column: string, row: number): string | null;
  trust(set: SetKey, rows: Uint32Array, signal?: AbortSignal): Promise<Trust>;
  saveSelection(set: SetKey, name: string, rows: Uint32Array): Promise<void>;
  removeSelection(run: string, name: string): Promise<void>;
  selection(set: SetKey, name: string): Promise<Found>;
  annotate(annotation: Annotation): Promise<void>;
  /** Takes back what was said of samples at a time. */
  withdraw(run: string, ids: readonly string[], time: number): Promise<void>;
  /** What was said of a run's samples and stands, oldest first. */
  annotations(run: string): Promise<readonly Said[]>;
  /** Begins to measure a map that was not; the overview tells how far that is. */
  measure(set: SetKey, map: string): Promise<void>;
  jobs(signal?: AbortSignal): Promise<readonly Job[]>;
  startJob(job: NewMap): Promise<string>;
  cancelJob(id: string): Promise<void>;
  download(set: SetKey, map: string | null, rows: Uint32Array | null, format: "csv" | "parquet"): Promise<Blob>;
}
