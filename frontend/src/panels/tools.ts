/** What the pointer does on the map, and how the samples are drawn. */

import type { Tool } from "../map/view";
import type { Lab } from "../state/lab";
import type { Style } from "../state/view";
import { h, iconButton, live, segments } from "./dom";

export interface MapActions {
  fit(): void;
  savePicture(): void;
}

export function tools(lab: Lab, actions: MapActions): HTMLElement {
  const { view } = lab;
  return live(h("div", { class: "tools", role: "toolbar", "aria-label": "Map" }), () => [
    segments<Tool>(
      "What dragging does",
      [
        { value: "orbit", text: "Turn and move", icon: "orbit", title: "Turn and move (v)" },
        {
          value: "box",
          text: "Select in a box",
          icon: "box",
          title: "Select in a box: Shift adds, Alt takes away (b)",
        },
        {
          value: "lasso",
          text: "Select with a lasso",
          icon: "lasso",
          title: "Select with a lasso: Shift adds, Alt takes away (l)",
        },
      ],
      view.tool.value,
      (tool) => {
        view.tool.value = tool;
      },
    ),
    iconButton("fit", "Show all of the map", actions.fit, "f"),
    toggle("turn", "Turn by itself", view.rotating, "r"),
    iconButton("download", "Save as a picture", actions.savePicture),
  ]);
}

export function drawing(lab: Lab): HTMLElement {
  const { view } = lab;
  const point = slider(
    "Size of points",
    1,
    24,
    () => view.pointSize.value ?? 5,
    (size) => {
      view.pointSize.value = size;
    },
  );
  const picture = slider(
    "Size of pictures",
    8,
    128,
    () => view.pictureSize.value,
    (size) => {
      view.pictureSize.value = size;
    },
  );
  const labels = h("input", {
    type: "checkbox",
    onchange: () => {
      view.labels.value = labels.checked;
    },
  });
  return h(
    "section",
    { class: "panel drawing", "aria-label": "Drawing" },
    live(h("div"), () =>
      lab.step.value?.pictures
        ? [
            segments<Style>(
              "Draw samples as",
              [
                { value: "points", text: "Points", title: "Points (p)" },
                { value: "pictures", text: "Pictures", title: "Pictures (p)" },
              ],
              view.style.value,
              (style) => {
                view.style.value = style;
              },
            ),
          ]
        : [],
    ),
    live(h("div"), () => [view.style.value === "pictures" && lab.step.value?.pictures ? picture() : point()]),
    live(h("div"), () => {
      labels.checked = view.labels.value;
      return [h("label", { class: "check" }, labels, "Class names on the map")];
    }),
  );
}

function slider(
  label: string,
  least: number,
  greatest: number,
  read: () => number,
  write: (size: number) => void,
): () => HTMLElement {
  const input = h("input", {
    type: "range",
    min: least,
    max: greatest,
    "aria-label": label,
    oninput: () => write(Number(input.value)),
  });
  return () => {
    input.value = String(read());
    return h("label", { class: "field" }, h("span", {}, "Size"), input);
  };
}

function toggle(name: "turn", label: string, value: { value: boolean }, key: string): HTMLButtonElement {
  const flip = () => {
    value.value = !value.value;
  };
  const button = iconButton(name, label, flip, key);
  button.setAttribute("aria-pressed", String(value.value));
  return button;
}
