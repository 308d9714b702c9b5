/** One sample: its picture, its values, and its neighbours in the layer beside those on the map. */

import { effect, signal } from "@preact/signals-core";
import type { Cell, Metric, Neighbours, Sample } from "../data/source";
import { brief } from "../numbers";
import type { Lab } from "../state/lab";
import { isAborted, problemOf } from "../state/problem";
import { type Child, fill, h, iconButton, live, segments } from "./dom";
import { notesOnSample } from "./notes";
import { shownValue } from "./value";
import { meaningOf } from "./words";

const SHOWN = 10;

export function inspector(lab: Lab, openPicture: () => void): HTMLElement {
  const metric = signal<Metric | null>(null); // as the server finds best, until one is chosen
  const shown = signal<string | null>(null);
  const head = description(lab, openPicture);
  const notes = live(h("div", { class: "notes" }), () =>
    shown.value === null ? [] : notesOnSample(lab, shown.value),
  );
  const list = h("div", { class: "neighbours" });
  const panel = h("section", { class: "panel inspector", "aria-label": "Sample" }, head.element, notes, list);
  let asked = new AbortController();

  effect(() => {
    const place = lab.view.inspected.value;
    const [set, map, chosen] = [lab.set.value, lab.mapName.value, metric.value];
    const row = place === null ? null : lab.places.value.row(place);
    asked.abort();
    asked = new AbortController();
    shown.value = null;
    panel.hidden = row === null;
    lab.view.hovered.value = null; // the list goes without the pointer leaving it
    if (row === null || !set) {
      head.empty();
      list.classList.remove("old"); // the answers for the sample that was closed will not come
      fill(list);
      if (lab.marks.flags.length) lab.marks.setNeighbours([], []);
      return;
    }
    // what is there stays, in grey, until the answers come
    for (const each of [head.element, list]) each.classList.add("old");
    const ended = asked.signal;
    lab.source.samples(set, [row], map, ended).then(
      ([sample]) => {
        if (!sample) return;
        head.show(sample);
        shown.value = sample.id;
      },
      (error) => isAborted(error) || head.say(error),
    );
    lab.source.neighbours(set, row, SHOWN, chosen, map, ended).then(
      (found) => {
        mark(lab, found);
        list.classList.remove("old");
        fill(list, ...neighbourList(lab, found, metric));
      },
      (error) => {
        if (isAborted(error)) return;
        list.classList.remove("old");
        fill(list, refusal(error));
      },
    );
  });
  return panel;
}

/** A sample's picture; nothing where there are none. */
export function picture(lab: Lab, row: number, kind: "original" | "large" | "small"): HTMLImageElement | null {
  const set = lab.set.value;
  if (!set || !lab.step.value?.pictures) return null;
  return h("img", { class: `picture ${kind}`, src: lab.source.picture(set, row), alt: "", loading: "lazy" });
}

interface Description {
  element: HTMLElement;
  show(sample: Sample): void;
  say(error: unknown): void;
  empty(): void;
}

/** What is known of a sample. Its buttons stay while the samples change: a click on one is never lost to an answer. */
function description(lab: Lab, openPicture: () => void): Description {
  const title = h("h2");
  const see = h("button", {
    type: "button",
    class: "quiet see",
    title: "See it large (o)",
    "aria-label": "See it large",
    onclick: openPicture,
  });
  const told = h("div");
  const fly = () => {
    const place = lab.view.inspected.value;
    if (place !== null) lab.view.flight.fly([place]);
  };
  const close = () => {
    lab.view.inspected.value = null;
  };
  const element = h(
    "div",
    { class: "sample" },
    h("header", {}, title, iconButton("fly", "Fly to it", fly, "g"), iconButton("close", "Close", close)),
    see,
    told,
  );

  function tell(name: string, image: HTMLImageElement | null, ...children: Child[]): void {
    title.textContent = name;
    title.title = name;
    see.hidden = image === null;
    fill(see, image);
    fill(told, ...children);
    element.classList.remove("old");
  }

  return {
    element,
    show: (sample) => tell(sample.id, picture(lab, sample.row, "large"), ...allValues(lab, sample)),
    say: (error) => tell("Sample", null, refusal(error)),
    empty: () => tell("", null),
  };
}

function allValues(lab: Lab, sample: Sample): Child[] {
  const sources = new Map(lab.columns.peek().map(({ name, source }) => [name, source]));
  const all = Object.entries(sample.values).filter(([name]) => name !== "id");
  const ofTheMap = all.filter(([name]) => sources.get(name) === "map");
  // what was noted down stands below, with its time
  const own = all.filter(([name]) => sources.get(name) !== "map" && sources.get(name) !== "note");
  return [
    values(lab, sample.row, own),
    ofTheMap.length > 0 && h("details", {}, h("summary", {}, "On this map"), values(lab, sample.row, ofTheMap)),
  ];
}

function values(lab: Lab, row: number, told: readonly (readonly [string, Cell])[]): HTMLElement {
  const columns = new Map(lab.columns.peek().map((each) => [each.name, each]));
  const rows = told.map(([name, value]) => {
    const column = columns.get(name);
    const words = column ? meaningOf(column) : null;
    // a measure's name says little; what the model says is told by its name
    const [shown, more] = column?.source === "map" && words ? [words, name] : [name, words];
    return h(
      "tr",
      {},
      h("th", { scope: "row", title: more }, shown),
      h("td", {}, shownValue(lab, row, name, value)),
    );
  });
  return h("table", { class: "values" }, h("tbody", {}, ...rows));
}

function neighbourList(lab: Lab, found: Neighbours, metric: { value: Metric | null }): Child[] {
  const kept = found.neighbours.filter((each) => each.kept).length;
  const compared = found.neighbours.some((each) => each.kept !== null);
  const go = (row: number) => {
    lab.view.inspected.value = lab.places.value.place(row);
  };
  const hover = (row: number | null) => {
    lab.view.hovered.value = row === null ? null : lab.places.value.place(row);
  };
  const item = (row: number, id: string, kind: string, text: string, title: string) =>
    h(
      "li",
      {},
      h(
        "button",
        {
          type: "button",
          class: `neighbour ${kind}`,
          title,
          onclick: () => go(row),
          onpointerenter: () => hover(row),
          onpointerleave: () => hover(null),
          onfocus: () => hover(row),
          onblur: () => hover(null),
        },
        picture(lab, row, "small"),
        h("span", { class: "text" }, id),
        h("span", { class: "count" }, text),
      ),
    );
  return [
    h(
      "header",
      {},
      h("h3", {}, "Nearest in the layer"),
      segments(
        "Distance",
        lab.source.metrics.map((each) => ({ value: each, text: each })),
        found.metric,
        (chosen) => {
          metric.value = chosen;
        },
      ),
    ),
    found.recall < 1 &&
      h(
        "p",
        { class: "quiet" },
        `From an index, which finds ${(100 * found.recall).toFixed(1)} % of the true ones`,
      ),
    compared && h("p", { class: "quiet" }, `${kept} of ${found.neighbours.length} are near on this map too`),
    h(
      "ol",
      {},
      ...found.neighbours.map(({ row, id, distance, kept: near }) =>
        item(
          row,
          id,
          near === false ? "torn" : "kept",
          brief(distance),
          near === false ? "Near in the layer, far on the map" : "Near in the layer and on the map",
        ),
      ),
    ),
    found.false_neighbours.length > 0 && h("h3", {}, "Near on the map only"),
    found.false_neighbours.length > 0 &&
      h(
        "ol",
        {},
        ...found.false_neighbours.map(({ row, id }) =>
          item(row, id, "false", "", "Far in the layer, near on the map"),
        ),
      ),
  ];
}

function mark(lab: Lab, found: Neighbours): void {
  const placesOf = (some: readonly { row: number }[]) =>
    some.map(({ row }) => lab.places.value.place(row)).filter((place) => place !== null);
  lab.marks.setNeighbours(placesOf(found.neighbours), placesOf(found.false_neighbours));
}

function refusal(error: unknown): HTMLElement {
  const { happened, remedy } = problemOf(error);
  return h("p", { class: "quiet bad" }, `${happened} ${remedy}`);
}
