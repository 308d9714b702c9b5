/** The selected samples as a table, a page at a time. */

import { type Lab, problemOf } from "../state/lab";
import { brief, fill, h, iconButton, samplesOf, whole } from "./dom";
import { picture } from "./inspector";

const PER_PAGE = 50;

export interface Table {
  element: HTMLDialogElement;
  open(): void;
}

export function table(lab: Lab): Table {
  const title = h("h2", { id: "table-title" });
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
    body,
  );
  let rows = new Uint32Array();
  let from = 0;

  async function show(first: number): Promise<void> {
    const set = lab.set.value;
    from = Math.max(0, Math.min(first, rows.length - 1));
    if (!set) return;
    const page = Array.from(rows.subarray(from, from + PER_PAGE));
    place.textContent = `${whole(from + 1)} to ${whole(from + page.length)}`;
    earlier.disabled = from === 0;
    later.disabled = from + PER_PAGE >= rows.length;
    try {
      const samples = await lab.source.samples(set, page, lab.mapName.value);
      const names = [...new Set(samples.flatMap(({ values }) => Object.keys(values)))].filter(
        (name) => name !== "id",
      );
      const pictures = lab.step.value?.pictures !== null;
      fill(
        body,
        h(
          "table",
          {},
          h(
            "thead",
            {},
            h(
              "tr",
              {},
              pictures && h("th", { scope: "col" }, "picture"),
              h("th", { scope: "col" }, "id"),
              ...names.map((name) => h("th", { scope: "col" }, name)),
            ),
          ),
          h(
            "tbody",
            {},
            ...samples.map((sample) =>
              h(
                "tr",
                {},
                pictures && h("td", {}, picture(lab, sample.row, "small")),
                h("th", { scope: "row" }, inspectButton(sample.row, sample.id)),
                ...names.map((name) => h("td", {}, brief(sample.values[name]))),
              ),
            ),
          ),
        ),
      );
      body.scrollTop = 0;
    } catch (error) {
      const { happened, remedy } = problemOf(error);
      fill(body, h("p", { class: "bad" }, `${happened} ${remedy}`));
    }
  }

  function inspectButton(row: number, id: string): HTMLElement {
    const onclick = () => {
      lab.view.inspected.value = lab.places.value.place(row);
      element.close();
    };
    return h("button", { type: "button", class: "link", title: "Show it", onclick }, id);
  }

  return {
    element,
    open: () => {
      rows = new Uint32Array(lab.selectedRows());
      if (!rows.length) return;
      title.textContent = samplesOf(rows.length);
      element.showModal();
      void show(0);
    },
  };
}
