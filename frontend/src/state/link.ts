/** Writes the view into the address as it changes, and takes it from there when the page opens. */

import { effect } from "@preact/signals-core";
import { rowsToText, textToRows } from "../data/row_code";
import type { Camera } from "../map/view";
import type { Address, Remembered } from "./address";
import type { Lab } from "./lab";

/** Longer selections do not fit into a link that people can send: they are to be saved under a name. */
export const LONGEST_SELECTION = 16_000;
const PATIENCE_MS = 300;
const SAVED = "saved:";

export interface Restored {
  /** Call when there is something to look at: the camera cannot stand anywhere before. */
  firstDrawable(map: { camera: Camera }): void;
}

export function keepInAddress(lab: Lab, address: Address): Restored {
  let told: Remembered | null = address.read();
  let camera: Camera | null = null;
  lab.view.recall(told);
  if (told.camera) camera = lab.view.camera.value;

  address.onChange((changed) => {
    told = changed;
    lab.view.recall(changed);
    void restoreMarks(lab, changed);
  });

  let timer = 0;
  effect(() => {
    const remembered = { ...lab.view.toRemember(), ...marked(lab) };
    clearTimeout(timer);
    // not before what the address said is shown
    if (!lab.view.drawn.value.count && told) return;
    timer = window.setTimeout(() => address.write(remembered), PATIENCE_MS);
  });

  return {
    firstDrawable: (map) => {
      if (camera) map.camera = camera;
      camera = null;
      if (told) void restoreMarks(lab, told);
      told = null;
    },
  };
}

/** What of the marks fits into an address. */
function marked(lab: Lab): Remembered {
  lab.marks.version.value;
  const { inspected } = lab.view;
  const { savedName } = lab.marks;
  const remembered: Record<string, string> = {};
  const keep = (name: string, count: number, places: () => Uint32Array) => {
    if (!count || count > LONGEST_SELECTION) return; // a letter a row is the least they take
    const rows = Array.from(places(), (place) => lab.places.value.row(place)).filter((row) => row !== null);
    const text = rowsToText(Uint32Array.from(rows).sort());
    if (text.length <= LONGEST_SELECTION) remembered[name] = text;
  };
  const row = inspected.value === null ? null : lab.places.value.row(inspected.value);
  if (row !== null) remembered.sample = String(row);
  if (savedName.value !== null) remembered.selection = SAVED + savedName.value;
  else keep("selection", lab.marks.selectedCount.value, () => lab.marks.selected());
  keep("hidden", lab.marks.hiddenCount.value, () => lab.marks.hidden());
  return remembered;
}

async function restoreMarks(lab: Lab, told: Remembered): Promise<void> {
  const places = lab.places.value;
  try {
    if (told.selection?.startsWith(SAVED)) await lab.said.show(told.selection.slice(SAVED.length));
    else if (told.selection) await lab.selectRows(textToRows(told.selection) ?? new Uint32Array());
    await places.whole();
    if (told.hidden) await lab.marks.hide(await places.places(textToRows(told.hidden) ?? new Uint32Array()));
    if (told.sample) lab.view.inspected.value = places.place(Number(told.sample));
  } catch (error) {
    lab.tell(error);
  }
}
