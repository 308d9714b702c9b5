/** What people said of samples: saying it, and seeing what was said. */

import { effect } from "@preact/signals-core";
import { samplesOf, whole } from "../numbers";
import { codesInOrder } from "../state/columns";
import type { Lab } from "../state/lab";
import { inWords, type Note, notesOf } from "../state/notes";
import { type Child, h, iconButton, live } from "./dom";

const SHOWN = 200;

/** All that was said, the latest first; each selects its samples. */
export function notesPanel(lab: Lab): HTMLElement {
  return live(h("section", { class: "panel notes", "aria-label": "Notes" }), () => {
    const notes = lab.said.notes.value;
    if (!notes.length) return [];
    const more = notes.length - SHOWN;
    return [
      h("h2", {}, "Noted down"),
      h(
        "ul",
        { class: "scrolls" },
        ...notes.slice(0, SHOWN).map((note) =>
          h(
            "li",
            {},
            h(
              "button",
              {
                type: "button",
                class: "entry note",
                title: "Select these samples",
                onclick: () => lab.said.showNote(note).catch((error) => lab.tell(error)),
              },
              ...told(note),
              h("span", { class: "quiet" }, `${samplesOf(note.ids.length)} · ${when(note)}`),
            ),
            takeBack(lab, note),
          ),
        ),
        more > 0 && h("li", { class: "quiet" }, `and ${whole(more)} earlier ones`),
      ),
    ];
  });
}

/** What was said of one sample, beside its values. */
export function notesOnSample(lab: Lab, id: string): Child[] {
  const notes = notesOf(lab.said.notes.value, id);
  if (!notes.length) return [];
  return [
    h("h3", {}, "Noted down"),
    h(
      "ul",
      {},
      ...notes.map((note) =>
        h(
          "li",
          {},
          h("div", { class: "note" }, ...told(note), h("span", { class: "quiet" }, when(note))),
          takeBack(lab, note, id),
        ),
      ),
    ),
  ];
}

/** A right label or tags for what is selected; the given label stays as it is. */
export function annotateForm(lab: Lab): HTMLElement {
  const label = h("input", { type: "text", list: "known-labels" });
  const known = live(h("datalist", { id: "known-labels" }), () => {
    const column = lab.columns.value.find((each) => each.name === "label");
    const names = column?.categories ?? [];
    const shown = codesInOrder(names).slice(0, 100);
    return shown.map((code) => h("option", { value: names[code]! }));
  });
  const tags = h("input", { type: "text", placeholder: "separated by commas" });
  const reason = h("input", { type: "text", required: true });
  const form = h(
    "form",
    {
      onsubmit: (event: Event) => {
        event.preventDefault();
        void annotate();
      },
    },
    h("label", { class: "field" }, h("span", {}, "Right label"), label),
    known,
    h("label", { class: "field" }, h("span", {}, "Tags"), tags),
    h("label", { class: "field" }, h("span", {}, "Reason"), reason),
    h("button", { type: "submit", class: "main" }, "Note it down"),
  );
  const details = h("details", { class: "annotate" }, h("summary", {}, "Correct or tag"), form);
  effect(() => {
    details.hidden = !lab.writable.value || !lab.marks.selectedCount.value;
  });

  async function annotate(): Promise<void> {
    const right = label.value.trim();
    const given = tags.value
      .split(",")
      .map((tag) => tag.trim())
      .filter(Boolean);
    if (!right && !given.length) {
      lab.tell("Give a right label or a tag.");
      return;
    }
    try {
      const count = await lab.said.annotate({
        reason: reason.value.trim(),
        ...(right && { label: right }),
        ...(given.length && { tags: given }),
      });
      lab.tell(`Noted down for ${samplesOf(count)}.`);
      form.reset();
      details.open = false;
    } catch (error) {
      lab.tell(error);
    }
  }
  return details;
}

/** A button that takes a note back, of one sample or of all that it was said of. */
function takeBack(lab: Lab, note: Note, id?: string): Child {
  if (!lab.writable.value) return null;
  const label = `Take back: ${inWords(note) || note.reason || "a note"}`;
  return iconButton("close", label, () => {
    lab.said.withdraw(note, id === undefined ? note.ids : [id]).catch((error) => lab.tell(error));
  });
}

function told(note: Note): Child[] {
  return [h("strong", {}, inWords(note) || "a note"), note.reason && h("span", {}, note.reason)];
}

function when({ time }: Note): string {
  return new Date(1000 * time).toLocaleString("en", { dateStyle: "medium", timeStyle: "short" });
}
