/** What a scene is: a name, a sentence, and what it puts on the map. */

import type { MapView } from "../src/map/view";
import { clusters, TEN } from "./data";

export interface Scene {
  says: string;
  show(view: MapView): void | Promise<void>;
}

export const NAMES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];

/** Ten classes in clusters, coloured and named; returns what lies where. */
export function showClusters(view: MapView, total: number, dims: 2 | 3, chunk = 1 << 18) {
  const made = clusters(total, dims, 10);
  view.setSamples(total);
  view.setPalette(TEN);
  for (let from = 0; from < total; from += chunk) {
    const end = Math.min(total, from + chunk);
    view.addPoints("made", dims, made.bounds, from, made.points.subarray(dims * from, dims * end));
    view.setColours(from, made.classes.subarray(from, end));
  }
  view.setLabels(NAMES.map((text, index) => ({ text, index })));
  return made;
}
