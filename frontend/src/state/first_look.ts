/** What is shown where nobody has chosen: the run, the layer and the map to begin with. */

import type { LayerInfo, MapInfo, RunInfo } from "../data/source";

const PREFERRED = ["tsne", "umap", "pca"];

/** The run that was written to last, of those with something to show; of several the last. */
export function newest(runs: readonly RunInfo[]): RunInfo | null {
  const shown = runs.filter((each) => each.layers.length);
  const last = Math.max(...shown.map((each) => each.written));
  return shown.filter((each) => each.written === last).at(-1) ?? runs.at(-1) ?? null;
}

/** The layer that most maps were made of; of several the last, which is the most learned; the samples themselves last. */
export function mostMapped(layers: readonly LayerInfo[]): LayerInfo | null {
  const maps = ({ name, steps }: LayerInfo) => (name === "input" ? 0 : 1) + (steps.at(-1)?.maps.length ?? 0);
  return layers.toSorted((one, other) => maps(one) - maps(other)).at(-1) ?? null;
}

/** The map most like one of another layer: of the same method and dimensions, going by its name. */
export function likeNamed(maps: readonly MapInfo[], name: string | null): MapInfo | undefined {
  const dims = name?.match(/([23])-?d/i)?.[1];
  const like = maps.filter((each) => name?.startsWith(each.method));
  return like.find((each) => String(each.dims) === dims) ?? like[0];
}

export function preferred(maps: readonly MapInfo[]): MapInfo | null {
  const place = (map: MapInfo) => {
    const method = PREFERRED.indexOf(map.method);
    return (method < 0 ? PREFERRED.length : method) * 10 - map.dims;
  };
  return [...maps].sort((one, other) => place(one) - place(other))[0] ?? null;
}
