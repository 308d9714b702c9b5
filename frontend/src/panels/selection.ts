/** What is selected: how many, of which classes, how far it is real, and what can be done with it. */

import { effect, signal } from "@preact/signals-core";
import type { Trust } from "../data/source";
import { percent, samplesOf, whole } from "../numbers";
import type { Lab } from "../state/lab";
import { holdsMarks } from "../state/link";
import { isAborted } from "../state/problem";
import type { ThemeSignal } from "../theme";
import { classBars } from "./classes";
import { type Child, h, iconButton, live, steady } from "./dom";
import { saveFile } from "./files";
import { annotateForm } from "./notes";

const CLASSES_SHOWN = 12;
const PATIENCE_MS = 200;

/** How far a selection is real, as far as that is known. */
type Judgement = Trust | "asked" | "unknown";

export function selectionPanel(lab: Lab, theme: ThemeSignal, openTable: () => void): HTMLElement {
  const trust = signal<Judgement>("asked");
  const panel = h("section", { class: "panel selection", "aria-label": "Selection" });
  askForTrust(lab, trust);
  effect(() => {
    panel.hidden = !lab.marks.selectedCount.value && !lab.marks.hiddenCount.value;
  });
  panel.append(
    heading(lab),
    visibility(lab),
    live(h("div"), () => [isJudged(lab) && trustSentence(trust.value)]),
    live(h("ul", { class: "bars", "aria-label": "Classes in the selection" }), () => {
      lab.marks.version.value;
      return lab.classes.value && lab.marks.selectedCount.value
        ? classBars(lab, lab.classes.value, theme.value, CLASSES_SHOWN)
        : [];
    }),
    steady(
      h("div", { class: "actions" }),
      () => isAny(lab),
      () => (isAny(lab) ? [button("Table", openTable), ...downloads(lab)] : []),
    ),
    saveForm(lab),
    live(h("p", { class: "quiet" }), () => [
      !holdsMarks.value &&
        "Too many samples for a link: it shows this view without them. Saved, they go by their name.",
    ]),
    annotateForm(lab),
  );
  return panel;
}

/** The selections that were saved with the run. */
export function savedSelections(lab: Lab): HTMLElement {
  return live(h("section", { class: "panel saved", "aria-label": "Saved selections" }), () => {
    const names = lab.run.value?.selections ?? [];
    if (!names.length) return [];
    const shown = lab.marks.savedName.value;
    return [
      h("h2", {}, "Saved selections"),
      h(
        "ul",
        {},
        ...names.map((name) =>
          h(
            "li",
            {},
            h(
              "button",
              {
                type: "button",
                class: "entry",
                "aria-pressed": String(name === shown),
                onclick: () => lab.said.show(name).catch((error) => lab.tell(error)),
              },
              h("span", { class: "text" }, name),
            ),
            lab.writable.value &&
              iconButton("close", `Remove the selection “${name}”`, () => {
                lab.said.remove(name).catch((error) => lab.tell(error));
              }),
          ),
        ),
      ),
    ];
  });
}

const isAny = (lab: Lab) => lab.marks.selectedCount.value > 0;
const isJudged = (lab: Lab) => lab.source.tellsTrust && lab.marks.selectedCount.value > 1;

/** How many; and buttons, none of which is made anew where another selection comes while it is pressed. */
function heading(lab: Lab): HTMLElement {
  const { marks } = lab;
  return h(
    "header",
    {},
    live(h("h2"), () => [isAny(lab) ? `${samplesOf(marks.selectedCount.value)} selected` : "Nothing selected"]),
    steady(
      h("span", { class: "actions" }),
      () => [isAny(lab), marks.canUndo.value],
      () => {
        const undo = iconButton("undo", "Undo the last change of the selection", () => marks.undo(), "u");
        undo.disabled = !marks.canUndo.value;
        return [
          undo,
          isAny(lab) && iconButton("fly", "Fly to the selection", () => lab.view.flight.fly(marks.selected()), "g"),
          isAny(lab) && iconButton("close", "Select nothing", () => marks.select([]), "Esc"),
        ];
      },
    ),
  );
}

function visibility(lab: Lab): HTMLElement {
  const { marks } = lab;
  return steady(
    h("div", { class: "actions" }),
    () => [isAny(lab), marks.hiddenCount.value],
    () => {
      const hidden = marks.hiddenCount.value;
      return [
        isAny(lab) && button("Isolate", () => marks.isolate(), "Hide all others (i)"),
        isAny(lab) && button("Hide", () => marks.hideSelected(), "Hide these (h)"),
        hidden > 0 && button(`Show all (${whole(hidden)} hidden)`, () => marks.showAll(), "Show all (a)"),
      ];
    },
  );
}

/** It has its place before its number is known: a button that moves while it is pressed is not pressed. */
function trustSentence(trust: Judgement): Child {
  const known = typeof trust === "object" ? trust : null;
  const counted = known && `${whole(known.kept)} of ${whole(known.of)} neighbours, ${known.k} of each sample`;
  return h(
    "p",
    { class: "trusted", title: counted, "aria-busy": String(trust === "asked") },
    h("strong", {}, known ? percent(known.share) : trust === "asked" ? "… %" : "An unknown share"),
    " of these samples’ neighbours in the layer are in here too.",
  );
}

function askForTrust(lab: Lab, trust: { value: Judgement }): void {
  let timer = 0;
  let asked = new AbortController();
  effect(() => {
    lab.marks.version.value;
    const set = lab.set.value;
    clearTimeout(timer);
    asked.abort();
    asked = new AbortController();
    trust.value = "asked";
    if (!set || !isJudged(lab)) return;
    const ended = asked.signal;
    timer = window.setTimeout(() => {
      lab
        .selectedRows()
        .then((rows) => lab.source.trust(set, rows, ended))
        .then(
          (told) => {
            if (!ended.aborted) trust.value = told;
          },
          (error) => {
            if (isAborted(error)) return;
            trust.value = "unknown";
            lab.tell(error);
          },
        );
    }, PATIENCE_MS);
  });
}

function downloads(lab: Lab): HTMLElement[] {
  const take = (format: "csv" | "parquet") => {
    const set = lab.set.value;
    if (!set) return;
    lab
      .selectedRows()
      .then((rows) => lab.source.download(set, lab.mapName.peek(), rows, format))
      .then(
        (file) => saveFile(file, `${set.layer}-selection.${format}`),
        (error) => lab.tell(error),
      );
  };
  return [
    button("CSV", () => take("csv"), "Download these samples with their columns and positions as CSV"),
    button("Parquet", () => take("parquet"), "Download these samples with their columns and positions as Parquet"),
  ];
}

function saveForm(lab: Lab): HTMLElement {
  const name = h("input", {
    type: "text",
    placeholder: "Name this selection",
    "aria-label": "Name of the selection",
    maxlength: 200,
    required: true,
  });
  const form = h(
    "form",
    {
      class: "line",
      onsubmit: (event: Event) => {
        event.preventDefault();
        const wanted = name.value.trim();
        if (!wanted) return;
        lab.said.save(wanted).then(
          () => {
            name.value = "";
          },
          (error) => lab.tell(error),
        );
      },
    },
    name,
    h("button", { type: "submit", class: "main" }, "Save"),
  );
  effect(() => {
    form.hidden = !lab.writable.value || !lab.marks.selectedCount.value;
  });
  return form;
}

function button(text: string, onclick: () => void, title = ""): HTMLButtonElement {
  return h("button", { type: "button", title: title || null, onclick }, text);
}
