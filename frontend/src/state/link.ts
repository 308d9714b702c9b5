/** Writes the view into the address as it changes, and takes it from there when the page opens or a link is followed. */

import { effect, signal } from "@preact/signals-core";
import { rowsToText, textToRows } from "../data/row_code";
import type { Camera } from "../map/view";
import type { Address, Remembered } from "./address";
import type { Lab } from "./lab";
import { cameraOf, stepText } from "./view";

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
  let known = address.read();
  /** What is not shown yet; until it is, nothing is written. */
  const wanted = signal(isAny(known) ? known : null);
  let followed = false;
  let onMap: OnMap | null = null;
  let begun: Remembered | null = null;
  lab.view.recall(known);

  const restore = async () => {
    const told = wanted.peek();
    if (!told || !onMap || told === begun) return;
    begun = told;
    const camera = cameraOf(told.camera);
    if (camera) onMap.camera = camera;
    else onMap.lookAgain();
    await restoreMarks(lab, told, followed);
    if (wanted.peek() === told) wanted.value = null;
  };

  address.onChange((changed) => {
    // a click on another of TensorBoard's tabs changes the address too, and ours in it is as it was
    if (!isAny(changed) || JSON.stringify(changed) === JSON.stringify(known)) return;
    const shown = lab.points.peek();
    known = changed;
    followed = true;
    wanted.value = changed;
    lab.view.recall(changed);
    if (lab.points.peek() === shown) void restore(); // else with the first points of the other map
  });

  let timer = 0;
  effect(() => {
    noteChanges(lab);
    clearTimeout(timer);
    if (wanted.value) return;
    timer = window.setTimeout(async () => {
      await lab.places.value.whole();
      if (wanted.peek()) return;
      address.write(remembered(lab));
      known = address.read(); // which stays as it is while another tab is in front
    }, PATIENCE_MS);
  });

  return {
    firstDrawable: (map) => {
      onMap = map;
      void restore();
    },
  };
}

function isAny(told: Remembered): boolean {
  return Object.keys(told).length > 0;
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
  if (!isAny(touched) || !set || map === null) return touched;
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

/** Marks what a link says; where one is followed in the open page, nothing else stays marked. */
async function restoreMarks(lab: Lab, told: Remembered, followed: boolean): Promise<void> {
  if (told.run && told.run !== lab.set.value?.run) {
    lab.tell(`The run “${told.run}” of this link is not here: its selection is not shown.`);
    return;
  }
  const { marks, places } = lab;
  const known = places.value;
  const placesOf = (text: string) => known.places(textToRows(text) ?? new Uint32Array());
  try {
    await known.whole();
    if (followed) {
      if (marks.selectedCount.value && !told.selection) await marks.select([]);
      if (marks.hiddenCount.value) await marks.showAll();
      lab.view.inspected.value = null;
    }
    if (told.selection?.startsWith(SAVED)) await lab.said.show(told.selection.slice(SAVED.length));
    else if (told.selection) await lab.selectRows(textToRows(told.selection) ?? new Uint32Array());
    if (told.shown !== undefined) await marks.showOnly(await placesOf(told.shown));
    else if (told.hidden) await marks.hide(await placesOf(told.hidden));
    if (told.sample) lab.view.inspected.value = known.place(Number(told.sample));
  } catch (error) {
    lab.tell(error);
  }
}
