/** Puts on the map what the lab shows: joins data, which knows nothing of pixels, and the map, which knows no requests. */

import { effect, untracked } from "@preact/signals-core";
import { categoryPalette, gradient, STEPS } from "./colours/palette";
import type { PicturesInfo } from "./data/source";
import { type MapView, NO_COLOUR } from "./map/view";
import type { ColumnValues } from "./state/columns";
import type { Lab } from "./state/lab";
import type { Points } from "./state/points";
import type { ThemeSignal } from "./theme";
import { breath, SAMPLES_A_TURN } from "./turns";

const LABELLED_CLASSES = 60;

export class Stage {
  private total = 0;
  private colouring = false;
  private coloured: { column: ColumnValues | null; known: number } = { column: null, known: 0 };

  constructor(
    private readonly lab: Lab,
    private readonly map: MapView,
    private readonly theme: ThemeSignal,
    private readonly onDrawable: (total: number) => void,
  ) {
    const { view, marks } = lab;
    effect(() => {
      const { total } = lab.places.value;
      untracked(() => this.showSamples(total));
    });
    effect(() => this.showMap(lab.points.value));
    effect(() => {
      lab.columnsVersion.value;
      this.showColours(lab.colouring.value);
    });
    effect(() => {
      marks.version.value;
      // marks of other samples come to the map together with them
      if (marks.flags.length === this.total) map.setFlags(marks.flags);
    });
    effect(() => {
      lab.setText.value;
      untracked(() => this.showPictures());
    });
    effect(() => {
      map.style = view.style.value;
      map.pointSize = view.pointSize.value;
      map.pictureSize = view.pictureSize.value;
      map.tool = view.tool.value;
      map.autoRotate = view.rotating.value;
    });
    effect(() => map.setTheme(theme.value));
    effect(() => map.setHovered(view.hovered.value ?? view.inspected.value));
    effect(() => this.showLabels(view.labels.value ? lab.colouring.value : null));
    this.listen();
  }

  private listen(): void {
    const { view, marks } = this.lab;
    this.map.on("hover", (place) => {
      view.hovered.value = place;
    });
    this.map.on("click", (place, { shift, ctrl, alt }) => {
      if (place === null) view.inspected.value = null;
      else if (alt) marks.select([place], "remove");
      else if (shift || ctrl) marks.toggle(place);
      else view.inspected.value = place;
    });
    this.map.on("region", (places, mode) => marks.select(places, mode));
    this.map.on("camera", (state) => {
      view.camera.value = state;
    });
  }

  /** Other samples: the map forgets all it knew of the ones before, and is told anew. */
  private showSamples(total: number): void {
    this.total = total;
    this.coloured = { column: null, known: total };
    this.map.setSamples(total);
    this.map.setFlags(this.lab.marks.flags);
    this.showPictures();
    this.showColours(this.lab.colouring.value);
    this.showLabels(this.lab.view.labels.value ? this.lab.colouring.value : null);
  }

  private showMap(points: Points | null): void {
    if (!points) return;
    this.lab.problem.value = null;
    untracked(() => void this.lab.waitFor(this.streamPoints(points)));
  }

  private async streamPoints(points: Points): Promise<void> {
    try {
      for await (const part of points.parts()) {
        this.map.addPoints(points.key, part.dims, part.bounds, part.from, part.points, part.present);
        if (part.from === 0) this.onDrawable(part.total);
      }
      await this.map.nextFrame(); // what has come counts as there when it is seen
    } catch (error) {
      await this.lab.failUnlessReplaced(points.key, error);
    }
  }

  private showColours(wanted: ColumnValues | null): void {
    const column = wanted?.values ? wanted : null;
    if (column) {
      const theme = this.theme.value;
      const categories = column.info.categories?.length ?? 0;
      this.map.setPalette(column.info.kind === "category" ? categoryPalette(theme, categories) : gradient(theme));
    }
    const underWay = this.coloured.column === column && this.colouring;
    if (this.coloured.column !== column) this.coloured = { column, known: 0 };
    if (!underWay) this.colourMore(column);
  }

  /** Colours what has come since, or takes all colours away; of many a part, then after a breath the next. */
  private colourMore(column: ColumnValues | null): void {
    const { known: from } = this.coloured;
    if (this.coloured.column !== column) return;
    this.colouring = false;
    const known = column?.known ?? this.total;
    const end = Math.min(known, from + SAMPLES_A_TURN);
    if (from < end) this.map.setColours(from, column ? colourIndex(column, from, end) : uncoloured(end - from));
    this.coloured = { column, known: end };
    if (end === known) return;
    this.colouring = true;
    void this.lab.waitFor(breath()).then(() => this.colourMore(column));
  }

  /** The names of the classes that are coloured, the largest first; the map finds where they lie. */
  private showLabels(column: ColumnValues | null): void {
    const categories = column?.info.kind === "category" ? (column.info.categories ?? []) : [];
    const counts = column?.info.counts ?? [];
    const largestFirst = categories
      .map((text, index) => ({ text, index }))
      .sort((one, other) => (counts[other.index] ?? 0) - (counts[one.index] ?? 0));
    this.map.setLabels(categories.length > LABELLED_CLASSES ? [] : largestFirst);
  }

  private showPictures(): void {
    const pictures: PicturesInfo | null = this.lab.step.peek()?.pictures ?? null;
    const set = this.lab.set.peek();
    if (!pictures || !set) {
      this.map.setPictures(null);
      return;
    }
    this.map.setPictures({
      cell: pictures.cell,
      perPage: pictures.per_page,
      levels: pictures.levels,
      page: (level, page) => this.lab.source.atlas(set, level, page).catch(() => null),
    });
  }
}

const uncoloured = (count: number) => new Uint16Array(count).fill(NO_COLOUR);

/** The palette's index of every place of a part. */
export function colourIndex(column: ColumnValues, from: number, to: number): Uint16Array {
  const index = new Uint16Array(to - from);
  const values = column.values!;
  if (column.info.kind === "category") {
    const categories = column.info.categories?.length ?? 0;
    const colours = categoryPalette("dark", categories).length / 4;
    for (let place = from; place < to; place++) {
      const code = values[place]!;
      index[place - from] = code < categories ? code % colours : NO_COLOUR;
    }
    return index;
  }
  const least = column.info.min ?? 0;
  const scale = (STEPS - 1) / ((column.info.max ?? 1) - least || 1);
  for (let place = from; place < to; place++) {
    const value = values[place]!;
    const step = Math.round((value - least) * scale);
    index[place - from] = Number.isNaN(value) ? NO_COLOUR : Math.min(STEPS - 1, Math.max(0, step));
  }
  return index;
}
