/** Builds elements: what a panel's text is made of is always text, never markup. */

import { computed, effect, untracked } from "@preact/signals-core";

export type Child = Node | string | number | null | undefined | false;
type Handler = (event: never) => void;
type Properties = Record<string, string | number | boolean | null | undefined | Handler>;

/** An element with attributes, `on…` handlers and children; false and null are left out. */
export function h<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  properties: Properties = {},
  ...children: Child[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value as EventListener);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, String(value));
  }
  element.append(...present(children));
  return element;
}

export function fill(element: Element, ...children: Child[]): void {
  element.replaceChildren(...present(children));
}

/** An element whose children are made anew when what they were made from changes; the keyboard stays where it was. */
export function live<E extends Element>(element: E, children: () => Child[]): E {
  effect(() => {
    const made = children();
    const at = focusedIn(element);
    fill(element, ...made);
    if (at !== null) focusables(element)[at]?.focus({ preventScroll: true });
  });
  return element;
}

/** The same, made anew only when what `shown` returns is no longer equal: a list that is open stays open. */
export function steady<E extends Element>(element: E, shown: () => unknown, children: () => Child[]): E {
  const text = computed(() => JSON.stringify(shown()));
  return live(element, () => {
    text.value;
    return untracked(children);
  });
}

function focusables(element: Element): HTMLElement[] {
  return [...element.querySelectorAll<HTMLElement>("button, select, input, a, summary")];
}

/** Which of them has the focus; null where none has. */
function focusedIn(element: Element): number | null {
  const { activeElement: focused } = document;
  if (!focused || !element.contains(focused)) return null;
  const at = focusables(element).indexOf(focused as HTMLElement);
  return at < 0 ? null : at;
}

const PATHS = {
  orbit: "M8 2a6 6 0 1 1-5.2 3M2.5 1.8v3.4h3.4",
  box: "M2.5 4V2.5H4M7 2.5h2M12 2.5h1.5V4M13.5 7v2M13.5 12v1.5H12M9 13.5H7M4 13.5H2.5V12M2.5 9V7",
  lasso: "M4.5 10.5C1 8 2 3 8 3s7.5 4.6 3.6 6.8C9.4 11 6 11 4.5 10.5zm0 0c-1 .6-1 2 .2 2.2M4.7 12.7c.6.2.7 1 0 1.5",
  fit: "M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10",
  turn: "M2 8c0-1.7 2.7-3 6-3s6 1.3 6 3-2.7 3-6 3H5.5m1.8-2-2 2 2 2",
  eye: "M1.5 8S4 3.5 8 3.5 14.5 8 14.5 8 12 12.5 8 12.5 1.5 8 1.5 8zM8 6.2a1.8 1.8 0 1 0 0 3.6 1.8 1.8 0 0 0 0-3.6z",
  hidden:
    "M2 2l12 12M6.2 3.8A7 7 0 0 1 8 3.5c4 0 6.5 4.5 6.5 4.5a12 12 0 0 1-1.8 2.3M4 5a11 11 0 0 0-2.5 3S4 12.5 8 12.5c1 0 2-.3 2.8-.7",
  close: "M3.5 3.5l9 9M12.5 3.5l-9 9",
  search: "M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9zM10.3 10.3l3.4 3.4",
  plus: "M8 3v10M3 8h10",
  undo: "M3 6h6.5a3.5 3.5 0 0 1 0 7H6M3 6l3-3M3 6l3 3",
  keys: "M1.5 4.5h13v7h-13zM4 7h.1M6.6 7h.1M9.2 7h.1M11.8 7h.1M5 9.5h6",
  picture: "M2 3h12v10H2zM2 11l3.5-3.5L9 11M8.5 10.5l2-2L14 12M10.5 5.7h.1",
  colours:
    "M8 2a6 6 0 1 0 0 12c1.4 0 1.6-1 1.1-1.8-.6-1 .1-2.2 1.4-2.2H12c1.2 0 2-.9 2-2 0-3.3-2.7-6-6-6zM5 8h.1M6.5 5.2h.1M9.6 5.2h.1",
  download: "M8 2.5v7.5M5 7.2l3 3 3-3M2.5 13.5h11",
  previous: "M10 3.5L5.5 8l4.5 4.5",
  next: "M6 3.5L10.5 8 6 12.5",
  fly: "M2.5 8L13.5 2.5 10 13.5 7.5 9z",
  details: "M3 4h10M3 8h10M3 12h6",
} as const;
export type Icon = keyof typeof PATHS;

export function icon(name: Icon): SVGSVGElement {
  const picture = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  picture.setAttribute("viewBox", "0 0 16 16");
  picture.setAttribute("class", "icon");
  picture.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", PATHS[name]);
  picture.append(path);
  return picture;
}

/** A button of an icon alone; its name is read aloud and shown on hover, with its key. */
export function iconButton(name: Icon, label: string, onclick: () => void, key = ""): HTMLButtonElement {
  const title = key ? `${label} (${key})` : label;
  return h("button", { type: "button", class: "quiet square", "aria-label": label, title, onclick }, icon(name));
}

/** One of several: buttons that stand together, of which one is pressed. */
export function segments<Value>(
  label: string,
  options: readonly { value: Value; text: string; title?: string; icon?: Icon }[],
  chosen: Value,
  onChoose: (value: Value) => void,
): HTMLElement {
  return h(
    "div",
    { class: "segments", role: "group", "aria-label": label },
    ...options.map(({ value, text, title, icon: picture }) =>
      h(
        "button",
        {
          type: "button",
          "aria-pressed": String(value === chosen),
          "aria-label": picture ? text : null,
          title: title ?? null,
          onclick: () => onChoose(value),
        },
        picture ? icon(picture) : text,
      ),
    ),
  );
}

/** A list to choose from. */
export function choice(
  label: string,
  options: readonly { value: string; text: string }[],
  chosen: string,
  onChoose: (value: string) => void,
): HTMLSelectElement {
  const list = h(
    "select",
    { "aria-label": label, title: label, onchange: () => onChoose(list.value) },
    ...options.map(({ value, text }) => h("option", { value, selected: value === chosen }, text)),
  );
  return list;
}

function present(children: readonly Child[]): (Node | string)[] {
  return children
    .filter((each) => each !== null && each !== undefined && each !== false)
    .map((each) => (typeof each === "number" ? String(each) : (each as Node | string)));
}
