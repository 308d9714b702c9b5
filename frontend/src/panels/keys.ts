/** The keyboard: every key, what it does, and the page that lists them. */

import type { Lab } from "../state/lab";
import { h, iconButton } from "./dom";
import type { MapActions } from "./tools";

export interface KeyActions extends MapActions {
  focusSearch(): void;
  openNewMap(): void;
  openKeys(): void;
  openPicture(): void;
  /** Closes what lies over the map, the measures or on a narrow screen a sheet; whether there was any. */
  closeOnTop(): boolean;
  /** Inspects the sample nearest to the middle of the map. */
  inspectMiddle(): void;
  /** Selects what lies in the middle quarter of the map. */
  selectMiddle(mode: "replace" | "add" | "remove"): void;
}

interface Key {
  key: string;
  does: string;
  run(lab: Lab, actions: KeyActions, event: KeyboardEvent): void;
}

const KEYS: readonly Key[] = [
  { key: "/", does: "search", run: (_, actions) => actions.focusSearch() },
  { key: "v", does: "drag to turn and move", run: ({ view }) => void (view.tool.value = "orbit") },
  { key: "b", does: "drag to select in a box", run: ({ view }) => void (view.tool.value = "box") },
  { key: "l", does: "drag to select with a lasso", run: ({ view }) => void (view.tool.value = "lasso") },
  { key: "f", does: "show all of the map", run: (_, actions) => actions.fit() },
  { key: "g", does: "fly to the sample or the selection", run: (lab) => fly(lab) },
  {
    key: "r",
    does: "turn by itself, or stop",
    run: ({ view }) => void (view.rotating.value = !view.rotating.value),
  },
  {
    key: "p",
    does: "points or pictures",
    run: ({ view, step }) => {
      view.style.value = view.style.value === "points" && step.value?.pictures ? "pictures" : "points";
    },
  },
  { key: "n", does: "class names, or none", run: ({ view }) => void (view.labels.value = !view.labels.value) },
  { key: "[", does: "the sample before", run: (lab) => lab.inspectNext(-1) },
  { key: "]", does: "the sample after", run: (lab) => lab.inspectNext(1) },
  { key: "o", does: "the sample’s picture, large", run: (_, actions) => actions.openPicture() },
  { key: ",", does: "the step before", run: (lab) => stepOf(lab, -1) },
  { key: ".", does: "the step after", run: (lab) => stepOf(lab, 1) },
  { key: "s", does: "select the inspected sample, or leave it", run: (lab) => toggle(lab) },
  { key: "u", does: "undo the last change of the selection", run: ({ marks }) => marks.undo() },
  { key: "i", does: "isolate the selection", run: ({ marks }) => marks.selectedCount.value && marks.isolate() },
  { key: "h", does: "hide the selection", run: ({ marks }) => marks.hideSelected() },
  { key: "a", does: "show all that is hidden", run: ({ marks }) => marks.showAll() },
  {
    key: "m",
    does: "make a new map",
    run: (lab, actions) => lab.overview.value?.computing && actions.openNewMap(),
  },
  { key: "?", does: "this list", run: (_, actions) => actions.openKeys() },
  {
    key: "Escape",
    does: "close what lies over the map, then the sample, then select nothing",
    run: (lab) => leave(lab),
  },
];

const ON_THE_MAP: readonly [key: string, does: string][] = [
  ["arrows", "turn in 3-D, move in 2-D; with Shift, move"],
  ["+ and -", "nearer and farther"],
  ["Enter", "inspect the sample in the middle; with a box or a lasso, select the middle quarter"],
  ["drag", "turn; with the right button or two fingers, move"],
  ["click", "inspect; with Shift, add to the selection; with Alt, take away"],
];

/** Listens on the whole page, but not to what is typed into a field. */
export function listenToKeys(root: HTMLElement, map: HTMLElement, lab: Lab, actions: KeyActions): void {
  root.ownerDocument.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey) {
      if (event.key === "z" && !isTyping(event)) lab.marks.undo();
      return;
    }
    if (root.querySelector("dialog[open]")) return;
    if (event.key === "Escape" && actions.closeOnTop()) return;
    if (isTyping(event)) return;
    if (event.key === "Enter" && map.contains(event.target as Node)) {
      event.preventDefault();
      if (lab.view.tool.value === "orbit") actions.inspectMiddle();
      else actions.selectMiddle(event.shiftKey ? "add" : event.altKey ? "remove" : "replace");
      return;
    }
    if (event.altKey) return;
    const key = KEYS.find((each) => each.key === event.key);
    if (!key) return;
    event.preventDefault();
    key.run(lab, actions, event);
  });
}

export function keysDialog(): HTMLDialogElement {
  const dialog = h(
    "dialog",
    { "aria-labelledby": "keys-title" },
    h(
      "header",
      {},
      h("h2", { id: "keys-title" }, "Keys"),
      iconButton("close", "Close", () => dialog.close(), "Esc"),
    ),
    h(
      "div",
      { class: "key-lists" },
      list(KEYS.map(({ key, does }) => [key, does])),
      h("h3", {}, "On the map"),
      list(ON_THE_MAP),
    ),
  );
  return dialog;
}

function list(keys: readonly (readonly [string, string])[]): HTMLElement {
  return h(
    "dl",
    { class: "keys" },
    ...keys.flatMap(([key, does]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, does)]),
  );
}

function isTyping(event: KeyboardEvent): boolean {
  const on = event.target as HTMLElement;
  const typed = on.localName === "input" && !["checkbox", "radio", "range"].includes((on as HTMLInputElement).type);
  return typed || on.localName === "textarea" || on.localName === "select";
}

function fly(lab: Lab): void {
  const { inspected } = lab.view;
  if (lab.marks.selectedCount.value) lab.view.flight.fly(lab.marks.selected());
  else if (inspected.value !== null) lab.view.flight.fly([inspected.value]);
}

function stepOf(lab: Lab, by: number): void {
  const steps = lab.layer.value?.steps ?? [];
  const shown = lab.step.value;
  const next = shown && steps[steps.indexOf(shown) + by];
  if (next) lab.view.step.value = next.step;
}

function toggle(lab: Lab): void {
  const place = lab.view.inspected.value;
  if (place !== null) lab.marks.toggle(place);
}

function leave(lab: Lab): void {
  if (lab.view.inspected.value !== null) lab.view.inspected.value = null;
  else if (lab.marks.selectedCount.value) lab.marks.select([]);
}
