/** Where you are: run, layer, step, map; and the search. */

import type { MapInfo } from "../data/source";
import type { Lab } from "../state/lab";
import { choice, h, iconButton, segments, steady } from "./dom";

const METHODS: Record<string, string> = { pca: "PCA", tsne: "t-SNE", umap: "UMAP" };

export function methodName(method: string): string {
  return METHODS[method] ?? method;
}

export function topBar(lab: Lab, search: HTMLElement, openNewMap: () => void, openKeys: () => void): HTMLElement {
  const where = steady(
    h("div", { class: "where" }),
    () => [
      lab.overview.value?.runs.map(({ name, problems }) => [name, problems.length]),
      lab.run.value?.layers.map(({ name, steps }) => [name, steps.at(-1)?.dims]),
      lab.layer.value?.steps.map(({ step, epoch }) => [step, epoch]),
      lab.setText.value,
    ],
    () => [runChoice(lab), layerChoice(lab), stepChoice(lab)],
  );
  const maps = steady(
    h("div", { class: "maps" }),
    () => [
      lab.step.value?.maps.map(({ name, method, dims }) => [name, method, dims]),
      lab.mapName.value,
      lab.overview.value?.computing && lab.setText.value,
    ],
    () => [...mapChoice(lab), newMapButton(lab, openNewMap)],
  );
  return h(
    "header",
    { class: "bar" },
    h("h1", { title: "Embedding Lab" }, logo(), h("span", { class: "name" }, "Embedding Lab")),
    where,
    maps,
    h("div", { class: "asks" }, search, iconButton("keys", "Keys and help", openKeys, "?")),
  );
}

function logo(): HTMLElement {
  return h("span", { class: "logo", "aria-hidden": "true" }, h("i"), h("i"), h("i"), h("i"));
}

function runChoice(lab: Lab): HTMLElement | null {
  const runs = lab.overview.value?.runs ?? [];
  const shown = lab.run.value;
  if (!shown) return null;
  const options = runs.map(({ name, problems }) => ({
    value: name,
    text: (name || ".") + (problems.length ? " ⚠" : ""),
  }));
  return choice("Run", options, shown.name, (name) => {
    lab.view.run.value = name;
  });
}

function layerChoice(lab: Lab): HTMLElement | null {
  const layers = lab.run.value?.layers ?? [];
  const shown = lab.layer.value;
  if (!shown) return null;
  const options = layers.map(({ name, steps }) => ({
    value: name,
    text: `${name} · ${steps.at(-1)?.dims ?? "?"}`,
  }));
  return choice("Layer and its dimensions", options, shown.name, (name) => {
    lab.view.layer.value = name;
  });
}

function stepChoice(lab: Lab): HTMLElement | null {
  const steps = lab.layer.value?.steps ?? [];
  const shown = lab.step.value;
  if (!shown || steps.length < 2) return null;
  const at = steps.indexOf(shown);
  const go = (index: number) => {
    const next = steps[index];
    if (next) lab.view.step.value = next.step;
  };
  const options = steps.map(({ step, epoch }) => ({
    value: String(step),
    text: step === null ? "static" : `step ${step}${epoch === null ? "" : ` · epoch ${epoch}`}`,
  }));
  const [earlier, later] = [
    iconButton("previous", "Earlier step", () => go(at - 1), ","),
    iconButton("next", "Later step", () => go(at + 1), "."),
  ];
  earlier.disabled = at === 0;
  later.disabled = at === steps.length - 1;
  return h(
    "span",
    { class: "steps" },
    earlier,
    choice("Step", options, String(shown.step), (text) => go(steps.findIndex(({ step }) => String(step) === text))),
    later,
  );
}

function mapChoice(lab: Lab): HTMLElement[] {
  const maps = lab.step.value?.maps ?? [];
  const shown = lab.map.value;
  if (!shown) return [];
  const choose = (map: MapInfo | undefined) => {
    if (map) lab.view.map.value = map.name;
  };
  const methods = [...new Set(maps.map(({ method }) => method))];
  const ofMethod = maps.filter(({ method }) => method === shown.method);
  const flat = (map: MapInfo) => Math.min(3, map.dims);
  const like = ofMethod.filter((map) => flat(map) === flat(shown));
  const all = [
    segments(
      "Method of the map",
      methods.map((method) => ({ value: method, text: methodName(method) })),
      shown.method,
      (method) => {
        const found = maps.filter((map) => map.method === method);
        choose(found.find((map) => flat(map) === flat(shown)) ?? found[0]);
      },
    ),
    segments(
      "Dimensions of the map",
      [...new Set(ofMethod.map(flat))].sort().map((dims) => ({ value: dims, text: `${dims}-D` })),
      flat(shown),
      (dims) => choose(ofMethod.find((map) => flat(map) === dims)),
    ),
  ];
  if (like.length > 1) {
    const options = like.map(({ name }) => ({ value: name, text: name }));
    all.push(choice("Map", options, shown.name, (name) => choose(maps.find((map) => map.name === name))));
  }
  return all;
}

function newMapButton(lab: Lab, open: () => void): HTMLElement | null {
  if (!lab.overview.value?.computing || !lab.set.value) return null;
  return iconButton("plus", "Make a new map", open, "m");
}
