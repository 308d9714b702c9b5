/** Writes the view into the address as it changes, and takes it from there when the page opens or a link is followed. */

import { effect, signal } from "@preact/signals-core";
import { rowsToText, textToRows } from "../data/row_code";
import type { Camera } from "../map/view";
import type { Address, Remembered } from "./address";
import type { Lab } from "./lab";
import { stepText } from "./view";

/** Longer selections do not fit into a link that people can send: they are to be saved under a name. */
const LONGEST_SELECTION = 16_000;
const PATIENCE_MS = 300;
const SAVED = "saved:";

/** Whether the address holds what is selected and hidden, or there is too much of it. */
export const holdsMarks = signal(true);

interface OnMap {
  camera: Camera;
  lookAgain(): void;
}

export interface Restored {
  /** Call when there is something to look at: the camera cannot stand anywhere before. */
  firstDrawable(map: OnMap): void;
}

export function keepInAddress(lab: Lab, address: Address): Restored {
  let told: Remembered | null = address.read();
  let onMap: OnMap | null = null;
  lab.view.recall(told);

  const restore = () => {
    if (!told || !onMap) return;
    const { camera } = lab.view;
    if (told.camera && camera.value) onMap.camera = camera.value;
    else onMap.lookAgain();
    void restoreMarks(lab, told);
    told = null;
  };

  address.onChange((changed) => {
    if (!Object.keys(changed).length) return; // TensorBoard came back to our tab: what it showed stays
    const shown = lab.points.peek();
    told = changed;
    lab.view.recall(changed);
    if (lab.points.peek() === shown) restore(); // else with the first points of the other map
  });

  let timer = 0;
  effect(() => {
    noteChanges(lab);
    clearTimeout(timer);
    // not before what the address said is shown
    if (!lab.view.drawn.value.count && told) return;
    timer = window.setTimeout(async () => {
      await lab.places.value.whole();
      address.write(remembered(lab));
    }, PATIENCE_MS);
  });

  return {
    firstDrawable: (map) => {
      onMap = map;
      restore();
    },
  };
}

/** Reads all that an address may hold; what takes long to write is not written for each turn of the camera. */
function noteChanges(lab: Lab): void {
  lab.view.toRemember();
  lab.view.inspected.value;
  lab.marks.version.value;
  lab.marks.savedName.value;
  lab.mapText.value;
}

/** Nothing, while nobody touched anything: the next look begins with what is newest. Else the whole view. */
function remembered(lab: Lab): Remembered {
  const touched = { ...lab.view.toRemember(), ...marked(lab) };
  const [set, map] = [lab.set.value, lab.mapName.value];
  if (!Object.keys(touched).length || !set || map === null) return touched;
  return { ...touched, run: set.run, layer: set.layer, step: stepText(set.step), map };
}

/** What of the marks fits into an address. */
function marked(lab: Lab): Remembered {
  const { marks, places } = lab;
  const { total } = places.value;
  const texts: Record<string, string> = {};
  let fits = true;
  const keep = (name: string, count: number, which: () => ArrayLike<number>) => {
    const text = count <= LONGEST_SELECTION ? rowsText(lab, which()) : null; // a letter a row is the least they take
    if (text !== null && text.length <= LONGEST_SELECTION) texts[name] = text;
    else fits = false;
  };
  const row = lab.view.inspected.value === null ? null : places.value.row(lab.view.inspected.value);
  if (row !== null) texts.sample = String(row);
  const [selected, hidden] = [marks.selectedCount.value, marks.hiddenCount.value];
  if (marks.savedName.value !== null) texts.selection = SAVED + marks.savedName.value;
  else if (selected) keep("selection", selected, () => marks.selected());
  if (hidden > total / 2) keep("shown", total - hidden, () => marks.shown());
  else if (hidden) keep("hidden", hidden, () => marks.hidden());
  holdsMarks.value = fits;
  return texts;
}

function rowsText(lab: Lab, places: ArrayLike<number>): string {
  const rows = Array.from(places, (place) => lab.places.value.row(place)).filter((row) => row !== null);
  return rowsToText(Uint32Array.from(rows).sort());
}

/** Marks what a link says, and nothing else. */
async function restoreMarks(lab: Lab, told: Remembered): Promise<void> {
  if (told.run && told.run !== lab.set.value?.run) {
    lab.tell(`The run “${told.run}” of this link is not here: its selection is not shown.`);
    return;
  }
  const { marks, places } = lab;
  const known = places.value;
  const placesOf = (text: string) => known.places(textToRows(text) ?? new Uint32Array());
  try {
    await known.whole();
    if (told.selection?.startsWith(SAVED)) await lab.said.show(told.selection.slice(SAVED.length));
    else if (told.selection) await lab.selectRows(textToRows(told.selection) ?? new Uint32Array());
    else if (marks.selectedCount.value) await marks.select([]);
    if (told.shown) await marks.showOnly(await placesOf(told.shown));
    else {
      if (marks.hiddenCount.value) await marks.showAll();
      if (told.hidden) await marks.hide(await placesOf(told.hidden));
    }
    lab.view.inspected.value = told.sample ? known.place(Number(told.sample)) : null;
  } catch (error) {
    lab.tell(error);
  }
}
