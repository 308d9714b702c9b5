/** What the colours mean: the column they stand for, its legend with counts or its gradient with a histogram. */

import { signal } from "@preact/signals-core";
import { categoryPalette, cssColour, DISTINCT, gradient, STEPS } from "../colours/palette";
import type { ColumnInfo } from "../data/source";
import { brief, samplesOf, whole } from "../numbers";
import type { ColumnValues } from "../state/columns";
import type { Lab } from "../state/lab";
import type { ThemeSignal } from "../theme";
import { h, icon, live } from "./dom";
import { inFull } from "./words";

const FILTERED_FROM = 20;
const SHOWN_AT_ONCE = 300;
const SOURCES = { sample: "of the samples", output: "of the model", note: "noted down", map: "of this map" };

export function colourPanel(lab: Lab, theme: ThemeSignal): HTMLElement {
  const filter = signal("");
  const filterBox = h("input", {
    type: "search",
    class: "legend-filter",
    placeholder: "Find a class",
    "aria-label": "Find a class in the legend",
    oninput: () => {
      filter.value = filterBox.value.toLowerCase();
    },
  });
  const list = live(h("ul", { class: "legend", "aria-label": "Legend" }), () => {
    const column = lab.colouring.value;
    lab.columnsVersion.value;
    lab.marks.version.value;
    return column?.info.kind === "category" ? entries(lab, column, theme.value, filter.value) : [];
  });
  const numbers = live(h("div", { class: "numbers" }), () => {
    const column = lab.colouring.value;
    return column?.info.kind === "number" ? [scale(lab, column, theme.value)] : [];
  });
  return h(
    "section",
    { class: "panel colour", "aria-label": "Colours" },
    live(h("div", { class: "row" }), () => [columnChoice(lab)]),
    live(h("div"), () => {
      filter.value = "";
      filterBox.value = "";
      return (lab.colouring.value?.info.categories?.length ?? 0) > FILTERED_FROM ? [filterBox] : [];
    }),
    list,
    numbers,
    live(h("p", { class: "quiet" }), () => [shared(lab)]),
    live(h("p", { class: "quiet" }), () => [missing(lab)]),
  );
}

function columnChoice(lab: Lab): HTMLElement {
  const columns = lab.columns.value.filter((each) => each.kind !== "text");
  const list = h(
    "select",
    {
      id: "colour-by",
      onchange: () => {
        lab.view.colour.value = list.value;
      },
    },
    h("option", { value: "" }, "one colour"),
    ...(Object.keys(SOURCES) as (keyof typeof SOURCES)[]).map((source) => {
      const ours = columns.filter((each) => each.source === source);
      return (
        ours.length > 0 &&
        h(
          "optgroup",
          { label: SOURCES[source] },
          ...ours.map((each) => h("option", { value: each.name }, inFull(each))),
        )
      );
    }),
  );
  list.value = lab.colouring.value?.info.name ?? "";
  return h("label", { class: "field" }, h("span", {}, "Colour by"), list);
}

function entries(lab: Lab, column: ColumnValues, theme: "light" | "dark", filter: string): HTMLElement[] {
  const categories = column.info.categories ?? [];
  const palette = categoryPalette(theme, categories.length);
  const counts = column.info.counts ?? column.counts();
  const selected = lab.marks.selectedCount.value ? column.counts(lab.marks.selected()) : null;
  const hidden = lab.marks.hiddenCount.value ? column.counts(lab.marks.hidden()) : null;
  const wanted = column.inOrder
    .map((code) => ({ name: categories[code]!, code }))
    .filter(({ name }) => matches(name, filter));
  const shown = wanted.slice(0, SHOWN_AT_ONCE).map(({ name, code }) => {
    const count = counts[code] ?? 0;
    const isHidden = Boolean(count && hidden?.[code] === count);
    const share = selected ? selected[code]! : null;
    return h(
      "li",
      { class: isHidden ? "hidden" : "" },
      h(
        "button",
        {
          type: "button",
          class: "entry",
          "aria-pressed": String(Boolean(count && share === count)),
          title: `Select ${name} (Shift adds, Alt takes away)`,
          onclick: (event: MouseEvent) =>
            lab.marks.select(
              column.placesOf(code),
              event.shiftKey || event.ctrlKey || event.metaKey ? "add" : event.altKey ? "remove" : "replace",
            ),
        },
        swatch(cssColour(palette, code % (palette.length / 4))),
        h("span", { class: "text" }, name || "(empty)"),
        h("span", { class: "count" }, share === null ? whole(count) : `${whole(share)} / ${whole(count)}`),
      ),
      h(
        "button",
        {
          type: "button",
          class: "quiet square",
          "aria-label": `${isHidden ? "Show" : "Hide"} ${name}`,
          title: isHidden ? "Show" : "Hide",
          onclick: () => (isHidden ? lab.marks.show(column.placesOf(code)) : lab.marks.hide(column.placesOf(code))),
        },
        icon(isHidden ? "hidden" : "eye"),
      ),
    );
  });
  const more = wanted.length - shown.length;
  return more > 0
    ? [...shown, h("li", { class: "quiet" }, `and ${whole(more)} more: find them by name above`)]
    : shown;
}

function matches(name: string, filter: string): boolean {
  return !filter || name.toLowerCase().includes(filter);
}

/** A gradient under a histogram; each bar selects the samples it counts. */
function scale(lab: Lab, column: ColumnValues, theme: "light" | "dark"): HTMLElement {
  const { info } = column;
  const colours = gradient(theme);
  const least = info.min ?? 0;
  const greatest = info.max ?? 1;
  const bars = h("div", { class: "histogram", role: "group", "aria-label": `Histogram of ${info.name}` });
  const { edges = [], counts = [] } = info.histogram ?? {};
  const highest = Math.max(1, ...counts);
  counts.forEach((count, at) => {
    const [from, to] = [edges[at] ?? least, edges[at + 1] ?? greatest];
    const middle = greatest > least ? ((from + to) / 2 - least) / (greatest - least) : 0.5;
    const name = `${brief(from)} to ${brief(to)}: ${samplesOf(count)}`;
    const bar = h("button", {
      type: "button",
      "aria-label": `Select ${name}`,
      title: name,
      disabled: count === 0, // nothing to select, and no stop on the keyboard's way
      onclick: (event: MouseEvent) => {
        const last = at === counts.length - 1;
        const places = column.placesWithin(from, last ? to : to - Math.abs(to) * 1e-7);
        lab.marks.select(places, event.shiftKey ? "add" : event.altKey ? "remove" : "replace");
      },
    });
    // a logarithm, so that few beside many can still be seen
    bar.style.setProperty("--high", String(count ? 0.06 + (0.94 * Math.log1p(count)) / Math.log1p(highest) : 0));
    bar.style.setProperty("--colour", cssColour(colours, Math.round(middle * (STEPS - 1))));
    bars.append(bar);
  });
  const strip = h("div", { class: "gradient", "aria-hidden": "true" });
  const stops = Array.from({ length: 17 }, (_, at) => cssColour(colours, Math.round((at / 16) * (STEPS - 1))));
  strip.style.setProperty("background", `linear-gradient(90deg, ${stops.join(", ")})`);
  return h(
    "figure",
    { class: "scale" },
    bars,
    strip,
    h("figcaption", {}, h("span", {}, brief(info.min)), h("span", {}, brief(info.max))),
  );
}

function shared(lab: Lab): string | null {
  const classes = lab.colouring.value?.info.categories?.length ?? 0;
  return classes > DISTINCT
    ? `${whole(classes)} classes share ${whole(DISTINCT)} colours; select one to see it alone.`
    : null;
}

function missing(lab: Lab): string | null {
  const info: ColumnInfo | undefined = lab.colouring.value?.info;
  return info?.missing ? `${samplesOf(info.missing)} without a value, in grey` : null;
}

export function swatch(colour: string): HTMLElement {
  const dot = h("span", { class: "swatch", "aria-hidden": "true" });
  dot.style.setProperty("background", colour);
  return dot;
}
