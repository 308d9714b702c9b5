/** How far the map can be trusted, in a sentence and in numbers, each of which can be shown in colours. */

import type { MapInfo, Unmeasured } from "../data/source";
import { brief, percent, whole } from "../numbers";
import type { Lab } from "../state/lab";
import { type Child, h, icon, live } from "./dom";
import { methodName } from "./top_bar";

interface Measure {
  /** The per-sample column of the map, where there is one. */
  name: string;
  title: string;
  meaning: string;
  show(value: number): string;
}

export const MEASURES: readonly Measure[] = [
  {
    name: "kept_10",
    title: "Neighbours kept",
    meaning: "of each sample’s 10 nearest in the layer, the share that is among its 10 nearest on the map",
    show: percent,
  },
  { name: "kept_30", title: "Neighbours kept, of 30", meaning: "the same for the 30 nearest", show: percent },
  {
    name: "false",
    title: "False neighbours",
    meaning:
      "of the 10 nearest on the map, the share that is not among the 30 nearest in the layer; less is better",
    show: percent,
  },
  {
    name: "missing",
    title: "Missing neighbours",
    meaning:
      "of the 10 nearest in the layer, the share that is not among the 30 nearest on the map; less is better",
    show: percent,
  },
  {
    name: "trustworthiness",
    title: "Trustworthiness",
    meaning: "1: what is near on the map is near in the layer; 0.5: chance",
    show: brief,
  },
  {
    name: "continuity",
    title: "Continuity",
    meaning: "1: what is near in the layer is near on the map; 0.5: chance",
    show: brief,
  },
  {
    name: "rank_correlation",
    title: "Distances",
    meaning: "whether far on the map is far in the layer: 1 always, 0 not at all",
    show: brief,
  },
  {
    name: "label_agreement",
    title: "Labels agree in the layer",
    meaning: "neighbours with one’s own label",
    show: percent,
  },
  {
    name: "label_agreement_map",
    title: "Labels agree on the map",
    meaning: "the same on the map; more than in the layer is the map’s doing",
    show: percent,
  },
  {
    name: "variance",
    title: "Variance shown",
    meaning: "the share of the layer’s variance on this map",
    show: percent,
  },
];

export function trustBar(lab: Lab): HTMLElement {
  const drawn = live(h("span", { class: "drawn quiet" }), () => [drawnOf(lab)]);
  const details = h(
    "details",
    { class: "measures" },
    live(h("summary", {}), () => [icon("details"), sentence(lab)]),
    live(h("div", { class: "measure-list" }), () => [measures(lab)]),
  );
  return h("footer", { class: "foot" }, details, drawn);
}

function sentence(lab: Lab): Child {
  const map: MapInfo | null = lab.map.value;
  if (!map) return "No map is shown.";
  if (map.state === "forming") return `This ${methodName(map.method)} map is still forming.`;
  if (map.state === "stopped")
    return `This ${methodName(map.method)} map may have been stopped before it was done.`;
  const { kept_10: kept, false: wrong } = map.quality;
  if (map.unmeasured) return measuring(map.unmeasured);
  if (kept === undefined) return `Too few samples are on this ${methodName(map.method)} map to measure neighbours.`;
  const grade =
    kept >= 0.5 ? "Trust it near by" : kept >= 0.2 ? "Trust its groups, less its near points" : "Read it with care";
  const falsely = wrong === undefined ? "" : `, ${percent(wrong)} of near points are not near there`;
  return h(
    "span",
    {},
    h("strong", {}, `${grade}: `),
    `${percent(kept)} of neighbours in the layer are kept${falsely}.`,
  );
}

/** How far the measures are that are being made, or why there are none. */
function measuring({ state, message, stage, done, total }: Unmeasured): string {
  if (state === "impossible") return `Not measured: ${message}`;
  if (state === "failed") return `This map could not be measured. ${message}`;
  const progress = stage && (total ? `: ${stage}, ${whole(done)} of ${whole(total)}` : `: ${stage}`);
  return `How far to trust this map is being measured${progress} …`;
}

function measures(lab: Lab): HTMLElement {
  const quality = lab.map.value?.quality ?? {};
  const known = MEASURES.filter(({ name }) => name in quality);
  const columns = new Set(lab.columns.value.filter(({ source }) => source === "map").map(({ name }) => name));
  if (!known.length) return h("p", { class: "quiet" }, "There is nothing measured for this map.");
  return h(
    "dl",
    {},
    ...known.flatMap(({ name, title, meaning, show }) => [
      h("dt", {}, h("span", {}, title), h("strong", {}, show(quality[name]!))),
      h(
        "dd",
        {},
        h("span", { class: "quiet" }, meaning),
        columns.has(name) &&
          h(
            "button",
            {
              type: "button",
              onclick: () => {
                lab.view.colour.value = name;
              },
            },
            "Show in colours",
          ),
      ),
    ]),
  );
}

function drawnOf(lab: Lab): string | null {
  const { count, total } = lab.view.drawn.value;
  if (!lab.map.value) return null;
  const drawn = count < total ? `${whole(count)} of ${whole(total)} points drawn` : `${whole(total)} points`;
  return total && total < lab.total.value ? `${drawn}, a fair sample of ${whole(lab.total.value)}` : drawn;
}
