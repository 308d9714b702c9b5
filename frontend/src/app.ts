/** Joins state, map and panels into the page. */

import { effect } from "@preact/signals-core";
import { installAutomation } from "./automation";
import { MapView } from "./map/view";
import { colourPanel } from "./panels/colour";
import { h, icon, live } from "./panels/dom";
import { saveFile } from "./panels/files";
import { inspector } from "./panels/inspector";
import { jobList, newMapDialog } from "./panels/jobs";
import { type KeyActions, keysDialog, listenToKeys } from "./panels/keys";
import { notesPanel } from "./panels/notes";
import { insteadOfMap, notices, problemList } from "./panels/pages";
import { pictureDialog } from "./panels/picture";
import { search } from "./panels/search";
import { savedSelections, selectionPanel } from "./panels/selection";
import { table } from "./panels/table";
import { drawing, tools } from "./panels/tools";
import { tooltip } from "./panels/tooltip";
import { topBar } from "./panels/top_bar";
import { trustBar } from "./panels/trust_bar";
import { Stage } from "./stage";
import { Address } from "./state/address";
import type { Lab } from "./state/lab";
import { keepInAddress } from "./state/link";
import styleSheet from "./style.css?inline";
import { watchTheme } from "./theme";
import { breath } from "./turns";

/** So long the map's surroundings wait for what there is to see, and then for its first points. */
const PATIENCE_MS = 1000;

export async function openApp(body: HTMLElement, lab: Lab): Promise<void> {
  const restored = keepInAddress(lab, new Address());
  const looked = lab.waitFor(lab.look()); // the server looks for what there is while the map gets ready to draw
  document.head.append(h("style", {}, styleSheet));
  const theme = watchTheme();
  const canvas = h("div", { class: "canvas" });
  const stage = h("main", { class: "stage" }, canvas);
  const root = h("div", { class: "embedding-lab", "data-state": "loading", "aria-busy": "true" });
  body.append(root);
  effect(() => {
    root.dataset.theme = theme.value;
  });

  const keys = keysDialog();
  const newMap = newMapDialog(lab);
  const selected = table(lab, theme);
  const original = pictureDialog(lab);
  const instead = insteadOfMap(lab);
  const finder = search(lab);
  const actions: KeyActions = {
    fit: () => map.fit(),
    savePicture: () =>
      void map.picture().then(
        (file) => saveFile(file, `${lab.layer.value?.name ?? "map"}-${lab.mapName.value ?? ""}.png`),
        (error) => lab.tell(error),
      ),
    focusSearch: () => finder.focus(),
    openNewMap: () => newMap.open(),
    openKeys: () => keys.showModal(),
    openPicture: () => original.open(),
    closeOnTop: () => {
      const measures = root.querySelector<HTMLDetailsElement>(".measures[open]");
      if (measures) {
        measures.open = false;
        return true;
      }
      const side = isNarrow() && root.dataset.sheet;
      if (!side) return false;
      root.dataset.sheet = "";
      root.querySelector<HTMLElement>(`[aria-controls="side-${side}"]`)?.focus();
      return true;
    },
    inspectMiddle: () => {
      const [x, y] = [canvas.clientWidth / 2, canvas.clientHeight / 2];
      lab.view.inspected.value = map.pick(x, y, Math.min(x, y));
    },
    selectMiddle: (mode) =>
      void map.within(middleQuarter(canvas)).then((places) => places && lab.marks.select(places, mode)),
  };

  stage.append(instead);
  root.append(
    topBar(lab, finder.element, actions.openNewMap, actions.openKeys),
    stage,
    trustBar(lab),
    keys,
    newMap.element,
    selected.element,
    original.element,
  );
  mapFirst(root, lab);
  const map = new MapView(canvas);
  map.on("drawn", (count, total) => {
    lab.view.drawn.value = { count, total };
  });
  map.on("problem", (text) => {
    lab.undrawable.value = text === null ? null : { happened: text, got: "", expected: "", remedy: "" };
  });
  // once it is known what there is, the points are on their way while the page around the map is built
  await Promise.race([looked, breath(PATIENCE_MS)]);
  await breath();

  canvas.after(tools(lab, actions), middleFrame(lab), tooltip(lab, canvas), problemList(lab), jobList(lab));
  instead.after(finder.said, notices(lab), sheetButtons(root, lab));
  stage.before(
    sheet(
      "left",
      "Colours and drawing",
      colourPanel(lab, theme),
      drawing(lab),
      savedSelections(lab),
      notesPanel(lab),
    ),
  );
  stage.after(
    sheet(
      "right",
      "Sample and selection",
      hints(lab),
      selectionPanel(lab, theme, selected.open),
      inspector(lab, actions.openPicture),
    ),
  );
  await looked;
  new Stage(lab, map, theme, () => restored.firstDrawable(map));
  effect(() => {
    const places = lab.view.flight.wish.value;
    if (places?.length) map.flyTo(places);
  });
  listenToKeys(root, canvas, lab, actions);
  installAutomation(lab, map);
  tellState(root, lab); // not before all of the page is there
  void lab.watch(document);
}

/**
 * Shows the map alone until its first points are seen: without a graphics card, painting all around it takes longer than they
 * do. Where none come soon, the rest is shown at once.
 */
function mapFirst(root: HTMLElement, lab: Lab): void {
  root.classList.add("map-first");
  const end = () => root.classList.remove("map-first");
  const timer = setTimeout(end, PATIENCE_MS);
  const stop = effect(() => {
    const nothing = lab.problem.value || lab.undrawable.value || (lab.overview.value && !lab.map.value);
    if (!nothing && !lab.view.drawn.value.count) return;
    clearTimeout(timer);
    requestAnimationFrame(end); // with the frame after the one that has the points
    queueMicrotask(() => stop());
  });
}

/** What a script that drives the page can wait for. */
function tellState(root: HTMLElement, lab: Lab): void {
  effect(() => {
    const { count, total } = lab.view.drawn.value;
    const nothing = lab.overview.value !== null && !lab.set.value;
    const loading = lab.overview.value === null || lab.waiting.value > 0;
    const state =
      lab.undrawable.value || lab.problem.value
        ? "error"
        : loading
          ? "loading"
          : lab.computing.value
            ? "computing"
            : "ready";
    root.dataset.state = state;
    root.dataset.points = nothing ? "0/0" : `${count}/${total}`;
    root.dataset.map = lab.mapName.value ?? "";
    root.dataset.selected = String(lab.marks.selectedCount.value);
    root.setAttribute("aria-busy", String(state === "loading"));
  });
}

function sheet(side: "left" | "right", label: string, ...panels: HTMLElement[]): HTMLElement {
  const close = h("button", {
    type: "button",
    class: "sheet-close",
    "aria-label": `Close: ${label}`,
    onclick: () => {
      element.closest<HTMLElement>(".embedding-lab")!.dataset.sheet = "";
    },
  });
  const element = h(
    "aside",
    { class: `side ${side}`, id: `side-${side}`, "aria-label": label, tabindex: -1 },
    close,
    ...panels,
  );
  return element;
}

/** Whether the sides are sheets; style.css has the same width. */
function isNarrow(): boolean {
  return matchMedia("(max-width: 900px)").matches;
}

/** On narrow screens the sides are sheets that come up over the map. */
function sheetButtons(root: HTMLElement, lab: Lab): HTMLElement {
  const toggle = (side: "left" | "right") => () => {
    root.dataset.sheet = root.dataset.sheet === side ? "" : side;
    if (root.dataset.sheet) root.querySelector<HTMLElement>(`#side-${side}`)?.focus();
  };
  effect(() => {
    // a tap on a sample is a wish to see it
    if (lab.view.inspected.value !== null) root.dataset.sheet = "right";
    else if (root.dataset.sheet === "right" && !lab.marks.selectedCount.value) root.dataset.sheet = "";
  });
  return h(
    "div",
    { class: "sheet-buttons" },
    live(h("p", { class: "quiet" }), () => [
      untouched(lab) && "Every point is a sample: tap one, drag the map, or see the details for more.",
    ]),
    h(
      "button",
      { type: "button", "aria-controls": "side-left", onclick: toggle("left") },
      icon("colours"),
      "Colours",
    ),
    h(
      "button",
      { type: "button", "aria-controls": "side-right", onclick: toggle("right") },
      icon("details"),
      "Details",
    ),
  );
}

/** Whether there is a map, and nothing chosen on it: then it is said what to try. */
function untouched(lab: Lab): boolean {
  return lab.view.inspected.value === null && !lab.marks.selectedCount.value && lab.set.value !== null;
}

function hints(lab: Lab): HTMLElement {
  return live(h("section", { class: "panel hints", "aria-label": "What to try" }), () => {
    if (!untouched(lab)) return [];
    const hint = (key: string, text: string) => h("li", {}, h("kbd", {}, key), h("span", {}, text));
    return [
      h("h2", {}, "Every point is a sample"),
      h("p", { class: "quiet" }, "Points lie together where the layer finds the samples alike."),
      h(
        "ul",
        {},
        hint("click", "a point: its picture, its values, its nearest samples"),
        hint("drag", "to turn; scroll to come nearer"),
        hint("l", "and drag around a group: what is in it, and is it real?"),
        hint("/", "to search, or filter by any column"),
        hint("?", "for all keys"),
      ),
    ];
  });
}

/** The frame that Enter selects within, while the keyboard holds the map. */
function middleFrame(lab: Lab): HTMLElement {
  return live(h("div", { class: "middle", "aria-hidden": "true" }), () => [
    h("span", { class: lab.view.tool.value === "orbit" ? "cross" : "frame" }),
  ]);
}

function middleQuarter(canvas: HTMLElement): [number, number][] {
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  const [left, right, top, bottom] = [width / 4, (3 * width) / 4, height / 4, (3 * height) / 4];
  return [
    [left, top],
    [right, top],
    [right, bottom],
    [left, bottom],
  ];
}
