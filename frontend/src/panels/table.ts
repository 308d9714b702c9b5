/** The selected samples as a table, a page at a time, sorted by any column; above it how many are of which class. */

import type { Sample, SortedBy } from "../data/source";
import { samplesOf, whole } from "../numbers";
import type { Lab } from "../state/lab";
import { problemOf } from "../state/problem";
import type { ThemeSignal } from "../theme";
import { classCounts } from "./classes";
import { fill, h, iconButton } from "./dom";
import { picture } from "./inspector";
import { shownValue } from "./value";
import { inFull } from "./words";

const PER_PAGE = 50;
const ID = "id";

export interface Table {
  element: HTMLDialogElement;
  open(): Promise<void>;
}

export function table(lab: Lab, theme: ThemeSignal): Table {
  const title = h("h2", { id: "table-title" });
  const counts = h("ul", { class: "class-counts", "aria-label": "Samples of each class" });
  const body = h("div", { class: "table-room", tabindex: 0, role: "region", "aria-label": "Samples" });
  const place = h("span", { class: "quiet", role: "status" });
  const [earlier, later] = [
    iconButton("previous", "Earlier samples", () => void show(from - PER_PAGE)),
    iconButton("next", "Later samples", () => void show(from + PER_PAGE)),
  ];
  const element = h(
    "dialog",
    { class: "wide", "aria-labelledby": "table-title" },
    h(
      "header",
      {},
      title,
      place,
      earlier,
      later,
      iconButton("close", "Close", () => element.close(), "Esc"),
    ),
    counts,
    body,
  );
  let chosen = new Uint32Array();
  /** The same in the order of the table. */
  let rows = chosen;
  let sorted: SortedBy | null = null;
  // the latest that was asked for: what comes of an earlier one is let go
  let wanted: SortedBy | null = null;
  let page: readonly number[] = [];
  let from = 0;

  async function show(first: number): Promise<void> {
    const set = lab.set.value;
    from = Math.max(0, Math.min(first, rows.length - 1));
    if (!set) return;
    const asked = Array.from(rows.subarray(from, from + PER_PAGE));
    page = asked;
    place.textContent = `${whole(from + 1)} to ${whole(from + asked.length)}`;
    earlier.disabled = from === 0;
    later.disabled = from + PER_PAGE >= rows.length;
    try {
      const samples = await lab.source.samples(set, asked, lab.mapName.value);
      if (page !== asked) return;
      fill(body, samplesTable(samples));
      body.scrollTop = 0;
    } catch (error) {
      if (page === asked) say(error);
    }
  }

  /** The other way round where it is sorted by this column already. */
  async function sort(column: string): Promise<void> {
    const set = lab.set.value;
    if (!set) return;
    const again = wanted?.column === column && wanted.direction === "ascending";
    const by: SortedBy = { column, direction: again ? "descending" : "ascending" };
    wanted = by;
    try {
      const inOrder = await lab.source.sort(set, chosen, by, lab.mapName.value);
      if (wanted !== by) return;
      [rows, sorted] = [new Uint32Array(inOrder), by];
      await show(0);
      body.querySelector<HTMLElement>("[aria-sort] button")?.focus();
    } catch (error) {
      if (wanted !== by) return;
      wanted = sorted;
      say(error);
    }
  }

  function samplesTable(samples: readonly Sample[]): HTMLElement {
    const names = [...new Set(samples.flatMap(({ values }) => Object.keys(values)))].filter((name) => name !== ID);
    const pictures = lab.step.value?.pictures !== null;
    return h(
      "table",
      {},
      h(
        "thead",
        {},
        h("tr", {}, pictures && h("th", { scope: "col" }, "picture"), heading(ID), ...names.map(heading)),
      ),
      h(
        "tbody",
        {},
        ...samples.map((sample) =>
          h(
            "tr",
            {},
            pictures && h("td", {}, picture(lab, sample.row, "small")),
            h("th", { scope: "row" }, inspectButton(sample)),
            ...names.map((name) => h("td", {}, shownValue(lab, sample.row, name, sample.values[name]))),
          ),
        ),
      ),
    );
  }

  function full(name: string): string {
    const column = lab.columns.value.find((each) => each.name === name);
    return column ? inFull(column) : name;
  }

  function heading(name: string): HTMLElement {
    const direction = sorted?.column === name ? sorted.direction : null;
    const arrow = direction && h("span", { "aria-hidden": "true" }, direction === "ascending" ? "▲" : "▼");
    const onclick = () => void sort(name);
    return h(
      "th",
      { scope: "col", "aria-sort": direction },
      h("button", { type: "button", class: "sorts", title: `Sort by ${full(name)}`, onclick }, name, arrow),
    );
  }

  function inspectButton({ row, id }: Sample): HTMLElement {
    const onclick = () => {
      lab.view.inspected.value = lab.places.value.place(row);
      element.close();
    };
    return h("button", { type: "button", class: "link", title: "Show it", onclick }, id);
  }

  function say(error: unknown): void {
    const { happened, remedy } = problemOf(error);
    fill(body, h("p", { class: "bad" }, `${happened} ${remedy}`));
  }

  return {
    element,
    open: async () => {
      chosen = new Uint32Array(await lab.selectedRows());
      rows = chosen;
      [sorted, wanted] = [null, null];
      if (!rows.length) return;
      title.textContent = samplesOf(rows.length);
      fill(counts, ...(lab.classes.value ? classCounts(lab, lab.classes.value, theme.value) : []));
      fill(body); // not what was selected before
      element.showModal();
      void show(0);
    },
  };
}
