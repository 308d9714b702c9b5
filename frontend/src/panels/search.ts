/** Finds samples: by text, by a regular expression, or by a condition on the columns. */

import { effect, signal } from "@preact/signals-core";
import { Refused, type SearchMode } from "../data/source";
import { samplesOf } from "../numbers";
import type { Lab } from "../state/lab";
import type { Change } from "../state/marks";
import { isAborted, problemOf } from "../state/problem";
import { choice, h, icon } from "./dom";

const MODES: readonly { value: SearchMode; text: string }[] = [
  { value: "text", text: "Text" },
  { value: "regex", text: "Regex" },
  { value: "filter", text: "Filter" },
];
const EXAMPLES: Record<SearchMode, string> = {
  text: "Search all columns",
  regex: "A pattern, such as ^4",
  filter: 'label == "4" and confidence < 0.5',
};
const PATIENCE_MS = 250;
/** What conditions are made of, and texts hardly ever. */
const CONDITION = /[=!<>]=|[<>~]|\bis\s+missing\b|\bin\s*\(/;

export interface Search {
  element: HTMLElement;
  /** What was found, said over the map: beside the field it would lie on what is selected. */
  said: HTMLElement;
  focus(): void;
}

export function search(lab: Lab): Search {
  const mode = signal<SearchMode>("text");
  const input = h("input", {
    type: "search",
    "aria-label": "Search samples",
    "aria-describedby": "search-said",
    title: "Enter selects what is found, Shift+Enter adds it, Alt+Enter takes it away ( / )",
    autocomplete: "off",
    spellcheck: "false",
    oninput: () => later(),
    onkeydown: (event: KeyboardEvent) => {
      if (event.key === "Enter") void select(event.shiftKey ? "add" : event.altKey ? "remove" : "replace");
      if (event.key === "Escape" && input.value) {
        input.value = "";
        said.textContent = "";
        event.stopPropagation();
      }
    },
  });
  const said = h("output", { class: "said", id: "search-said", role: "status" });
  const modes = choice("How to search", MODES, mode.value, (chosen) => {
    mode.value = chosen as SearchMode;
    later();
  });
  effect(() => {
    input.placeholder = EXAMPLES[mode.value];
  });

  let timer = 0;
  let asked = new AbortController();

  function later(): void {
    clearTimeout(timer);
    said.textContent = "";
    // half a pattern or half a condition is mostly wrong, and is asked for with Enter only
    if (input.value.trim() && mode.value === "text") timer = window.setTimeout(() => void find(), PATIENCE_MS);
  }

  async function find(): Promise<Uint32Array | null> {
    asked.abort();
    asked = new AbortController();
    const [set, query] = [lab.set.value, input.value.trim()];
    if (!set || !query) return null;
    try {
      const rows = await lab.source.search(set, mode.value, query, lab.mapName.value, asked.signal);
      tell(rows.length ? samplesOf(rows.length) : nothingFound(), false);
      return rows;
    } catch (error) {
      if (!isAborted(error)) tell(explained(error), true);
      return null;
    }
  }

  async function select(change: Change): Promise<void> {
    clearTimeout(timer);
    let rows = await find();
    if (rows?.length === 0 && meansFilter()) {
      modes.value = "filter";
      mode.value = "filter";
      rows = await find();
    }
    if (!rows?.length) return; // what is selected stays
    await lab.selectRows(rows, change);
    if (rows.length === 1) lab.view.inspected.value = lab.places.value.place(rows[0]!);
  }

  /** Whether a condition was typed where a text is looked for. */
  function meansFilter(): boolean {
    return mode.value === "text" && CONDITION.test(input.value);
  }

  function nothingFound(): string {
    return meansFilter() ? "No such text. Enter takes it as a filter." : "Nothing found";
  }

  function tell(text: string, bad: boolean): void {
    said.textContent = text;
    said.classList.toggle("bad", bad);
    input.setAttribute("aria-invalid", String(bad));
  }

  const form = h(
    "form",
    {
      class: "search",
      role: "search",
      onsubmit: (event: Event) => event.preventDefault(),
    },
    icon("search"),
    input,
    modes,
  );
  return {
    element: form,
    said,
    focus: () => {
      input.focus();
      input.select();
    },
  };
}

function explained(error: unknown): string {
  const { happened, got, expected } = problemOf(error);
  if (!(error instanceof Refused)) return happened;
  return [happened, got && `Got: ${got}.`, expected && `Expected: ${expected}.`].filter(Boolean).join(" ");
}
