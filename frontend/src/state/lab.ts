/**
 * All that is known and shown: what the source has, which part of it the view looks at, and what is marked in it.
 *
 * Panels read its values and call its verbs; the stage puts it on the map. It draws nothing itself.
 */

import { batch, computed, effect, signal, untracked } from "@preact/signals-core";
import type { ColumnInfo, Job, MapInfo, NewMap, Problem, SetKey, Source } from "../data/source";
import { whole } from "../numbers";
import { ColumnValues, partsOf } from "./columns";
import { type Listed, Marks } from "./marks";
import { Places } from "./places";
import { Points } from "./points";
import { isAborted, problemOf } from "./problem";
import { Said } from "./said";
import { Shown } from "./shown";

export interface Notice {
  text: string;
  bad: boolean;
}

const CALM_MS = 4000;
const BUSY_MS = 1000;
/** Columns whose values are kept, those asked for last: each step of a training has its own. */
const MOST_KEPT = 16;

/** What a class is called at its centre, and whose bars stand in a selection, where the colours are no classes. */
const CLASS_COLUMNS = ["label", "prediction"];

export class Lab extends Shown {
  readonly marks = new Marks((found) => this.expectCounts(found));
  /** Why there is nothing to show; null while all is well. */
  readonly problem = signal<Problem | null>(null);
  /** Why nothing can be drawn, whatever there is to show. */
  readonly undrawable = signal<Problem | null>(null);
  /** The server went away; what is shown stays. */
  readonly unreachable = signal(false);
  readonly notice = signal<Notice | null>(null);
  readonly jobs = signal<readonly Job[]>([]);
  readonly places = signal(new Places(0));
  /** Of the map that is shown; others with every new state of it. */
  readonly points = signal<Points | null>(null);
  readonly columns = signal<readonly ColumnInfo[]>([]);
  /** The values of the column that colours; changes as they come. */
  readonly colouring = signal<ColumnValues | null>(null);
  /** The values of the column that tells classes apart, while anything is selected. */
  readonly classes = signal<ColumnValues | null>(null);
  /** Counts up as the values of any column come. */
  readonly columnsVersion = signal(0);
  /** Parts that are still on their way. */
  readonly waiting = signal(0);

  /** Measures are columns too, which come after the map where it was saved without. */
  private readonly hasMeasures = computed(() => this.map.value?.unmeasured === null);
  readonly computing = computed(() => {
    const set = this.set.value;
    const ours = (job: Job) => job.run === set?.run && job.layer === set.layer && job.step === set.step;
    return this.map.value?.state === "forming" || this.jobs.value.some((job) => isAtWork(job) && ours(job));
  });
  /** Changes with all that is said of the run's samples. */
  readonly notesText = computed(() => {
    const run = this.run.value;
    return run && JSON.stringify([run.name, run.annotations]);
  });
  readonly writable = computed(() => this.overview.value?.writable ?? false);

  private readonly kept = new Map<string, Promise<ColumnValues>>();
  private colourName: string | null = null;
  private samplesEnd = new AbortController();

  /** What people say of the samples. */
  readonly said: Said;

  constructor(readonly source: Source) {
    super();
    effect(() => {
      const text = this.mapText.value;
      untracked(() => this.onOtherMap(text)); // the first of all: the picture waits for it
    });
    this.said = new Said(this);
    effect(() => {
      const samples = this.samplesText.value;
      untracked(() => this.onOtherSamples(samples));
    });
    effect(() => {
      this.setText.value;
      this.setGeneration.value;
      this.mapText.value;
      this.hasMeasures.value;
      this.notesText.value; // what is noted down is a column too
      untracked(() => this.askForColumns());
    });
    effect(() => {
      const [columns, colour] = [this.columns.value, this.view.colour.value];
      untracked(() => this.onOtherColour(columns, colour));
    });
    effect(() => {
      this.columns.value;
      this.view.colour.value;
      if (this.marks.selectedCount.value) untracked(() => void this.askForClasses());
    });
  }

  /** Looks again and again, often while something is being computed, not while nobody looks. */
  async watch(page: Document): Promise<void> {
    await this.askForJobs();
    for (;;) {
      const map = this.map.value;
      const busy = this.jobs.value.some(isAtWork) || map?.state === "forming" || isBeingMeasured(map);
      await new Promise((resolve) => setTimeout(resolve, busy ? BUSY_MS : CALM_MS));
      if (!page.hidden || !this.overview.value) {
        await this.measureShown(); // what was shown since the last look, so that passing by begins nothing
        await this.refresh();
      }
    }
  }

  private async measureShown(): Promise<void> {
    const [set, map] = [this.set.value, this.map.value];
    if (!set || map?.state === "forming" || map?.unmeasured?.state !== "wanted") return;
    await this.source.measure(set, map.name).catch(() => {}); // it is asked for again at the next look
  }

  /** Asks what there is. */
  async look(): Promise<void> {
    try {
      const overview = await this.source.overview();
      batch(() => {
        if (!this.overview.value) this.problem.value = null;
        this.overview.value = overview;
        this.unreachable.value = false;
      });
    } catch (error) {
      if (this.overview.value) this.unreachable.value = true;
      else this.fail(error);
    }
  }

  /** Asks what there is, and what is being computed. */
  async refresh(): Promise<void> {
    await this.look();
    await this.askForJobs();
  }

  private async askForJobs(): Promise<void> {
    try {
      const jobs = this.overview.value?.computing ? await this.source.jobs() : [];
      if (JSON.stringify(jobs) !== JSON.stringify(this.jobs.value)) this.jobs.value = jobs;
    } catch {
      this.unreachable.value = true;
    }
  }

  /** Shows a problem instead of the map. */
  fail(error: unknown): void {
    if (isAborted(error)) return;
    this.problem.value = problemOf(error);
  }

  /** The same, unless there is something newer in its place: a map that forms is replaced while it is read. */
  async failUnlessReplaced(mapText: string | null, error: unknown): Promise<void> {
    if (isAborted(error)) return;
    await this.refresh();
    if (this.mapText.peek() === mapText) this.fail(error);
  }

  /** Says in passing that something was not done, or that it was. */
  tell(what: unknown): void {
    if (isAborted(what)) return;
    if (typeof what === "string") {
      this.notice.value = { text: what, bad: false };
      return;
    }
    const { happened, got, expected, remedy } = problemOf(what);
    const parts = [happened, got && `Got: ${got}.`, expected && `Expected: ${expected}.`, remedy];
    this.notice.value = { text: parts.filter(Boolean).join(" "), bad: true };
  }

  /** All values of a column, from those kept or from the source. */
  column(name: string): Promise<ColumnValues> {
    const info = this.columns.value.find((each) => each.name === name);
    const set = this.set.value;
    if (!info || !set) return Promise.reject(new Error(`There is no column ${name}.`));
    const key = JSON.stringify([info.name, info.generation]);
    const loading = this.kept.get(key) ?? this.stream(set, new ColumnValues(info, this.held.value));
    this.kept.delete(key);
    this.kept.set(key, loading); // as the latest
    if (this.kept.size > MOST_KEPT) this.kept.delete(this.kept.keys().next().value!);
    loading.catch(() => this.kept.delete(key));
    return loading;
  }

  /** The column that tells classes apart: what colours, if it does; null where there is none. */
  classColumn(): ColumnInfo | null {
    const categories = this.columns.value.filter((each) => each.kind === "category");
    const names = [this.view.colour.value, ...CLASS_COLUMNS];
    const found = names.map((name) => categories.find((each) => each.name === name)).find(Boolean);
    return found ?? categories[0] ?? null;
  }

  /** Selects what a search finds. */
  async selectRows(rows: Uint32Array, change: "replace" | "add" | "remove" = "replace"): Promise<void> {
    const places = this.places.value;
    await places.whole();
    const found = await places.places(rows);
    if (places !== this.places.value) return;
    const missing = rows.length - found.length;
    if (missing > 0) this.tell(`${whole(missing)} of these samples are not among those the page holds.`);
    await this.marks.select(found, change);
  }

  /** Inspects the sample so many rows further, in the order in which the samples were given. */
  inspectNext(by: number): void {
    const places = this.places.value;
    const { inspected } = this.view;
    const row = inspected.value === null ? null : places.row(inspected.value);
    inspected.value = places.place(row === null ? 0 : (row + by + places.rowCount) % places.rowCount);
  }

  selectedRows(): Promise<Uint32Array> {
    return this.places.value.rows(this.marks.selected());
  }

  /** The ids of what is selected, in the order of rows. */
  async selectedIds(): Promise<readonly string[]> {
    const set = this.set.value;
    const rows = await this.selectedRows();
    return set && rows.length ? this.source.idsOf(set, rows) : [];
  }

  async startJob(job: Omit<NewMap, "set">): Promise<void> {
    const set = this.set.value;
    if (!set) return;
    const id = await this.source.startJob({ ...job, set });
    await this.refresh();
    const started = this.jobs.value.find((each) => each.id === id);
    if (started) this.view.map.value = started.map;
  }

  async cancelJob(id: string): Promise<void> {
    await this.source.cancelJob(id);
    await this.refresh();
  }

  /** Panels show how many of each class are selected or hidden: of millions they are counted in turns. */
  private async expectCounts({ selected, hidden }: Listed): Promise<void> {
    for (const column of new Set([this.colouring.value, this.classes.value])) {
      if (column?.info.kind !== "category") continue;
      await column.expectCounts(selected);
      await column.expectCounts(hidden);
    }
  }

  private async askForClasses(): Promise<void> {
    const wanted = this.classColumn();
    if (!wanted) {
      this.classes.value = null;
      return;
    }
    try {
      const column = await this.column(wanted.name);
      await column.expectCounts(this.marks.selected());
      if (this.classColumn() === wanted) this.classes.value = column;
    } catch {
      // who colours by it is told
    }
  }

  private onOtherMap(text: string | null): void {
    this.points.peek()?.end();
    const [set, map] = [this.set.peek(), this.map.peek()];
    this.points.value =
      text === null || !set || !map || !this.held.peek()
        ? null
        : new Points(text, this.held.peek(), (...part) => this.source.points(set, map.name, ...part));
  }

  private onOtherSamples(samples: string | null): void {
    this.samplesEnd.abort();
    this.samplesEnd = new AbortController();
    this.kept.clear();
    if (samples === null) return;
    const places = new Places(this.held.peek(), this.total.peek());
    const set = this.set.peek()!;
    batch(() => {
      this.columns.value = [];
      this.colouring.value = null;
      this.classes.value = null;
      this.places.value = places;
      this.marks.reset(places.total);
      this.view.inspected.value = null;
      this.view.hovered.value = null;
    });
    void this.streamOrder(set, places, this.samplesEnd.signal);
  }

  private async streamOrder(set: SetKey, places: Places, ended: AbortSignal): Promise<void> {
    try {
      for (const [from, count] of partsOf(places.total)) {
        places.add(from, (await this.waitFor(this.source.order(set, from, count, ended))).rows);
      }
    } catch (error) {
      this.fail(error);
    }
  }

  private askForColumns(): void {
    const set = this.set.peek();
    const map = this.mapName.peek();
    const asked = this.mapText.peek();
    const ended = this.samplesEnd.signal;
    if (!set) return;
    this.waitFor(this.source.columns(set, map, ended)).then(
      (columns) => {
        if (this.setText.peek() !== JSON.stringify(set) || this.mapName.peek() !== map) return;
        this.columns.value = columns;
      },
      (error) => this.failUnlessReplaced(asked, error),
    );
  }

  private onOtherColour(columns: readonly ColumnInfo[], wanted: string | null): void {
    const colourable = columns.filter((each) => each.kind !== "text");
    const found =
      colourable.find((each) => each.name === wanted) ??
      CLASS_COLUMNS.map((name) => colourable.find((each) => each.name === name)).find(Boolean) ??
      null;
    this.colourName = wanted === "" ? null : (found?.name ?? null);
    if (!found || this.colourName === null) {
      this.colouring.value = null;
      return;
    }
    this.column(found.name).then(
      (column) => {
        if (this.colours(column)) this.colouring.value = column;
      },
      (error) => this.tell(error),
    );
  }

  /** Whether these are the values that colour: maps have columns of the same names, and late ones may be another's. */
  private colours({ info }: ColumnValues): boolean {
    const known = this.columns.peek().find((each) => each.name === info.name);
    return this.colourName === info.name && known?.generation === info.generation;
  }

  private async stream(set: SetKey, column: ColumnValues): Promise<ColumnValues> {
    const map = column.info.source === "map" ? this.mapName.peek() : null;
    const ended = this.samplesEnd.signal;
    for (const [from, count] of partsOf(column.total)) {
      const part = await this.waitFor(this.source.column(set, column.info.name, map, from, count, ended));
      column.add(part.from, part.values);
      batch(() => {
        if (this.colours(column)) this.colouring.value = column;
        this.columnsVersion.value = this.columnsVersion.peek() + 1;
      });
    }
    return column;
  }

  /** Counts what is on its way, so that "ready" means that all is there. */
  async waitFor<T>(promise: Promise<T>): Promise<T> {
    this.waiting.value = this.waiting.peek() + 1;
    try {
      return await promise;
    } finally {
      this.waiting.value = this.waiting.peek() - 1;
    }
  }
}

export function isAtWork(job: Job): boolean {
  return job.state === "queued" || job.state === "running";
}

function isBeingMeasured(map: MapInfo | null): boolean {
  return ["queued", "running", "done"].includes(map?.unmeasured?.state ?? "");
}
