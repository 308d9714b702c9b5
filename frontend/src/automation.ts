/** What people's scripts and tests can call: `window.embeddingLab`, described in `docs/dashboard.md`. */

import type { Camera, MapView } from "./map/view";
import { idsOf } from "./panels/selection";
import type { Lab } from "./state/lab";

const IDS_AT_ONCE = 100;

export interface Automation {
  camera: Camera;
  /** Selects samples by id; resolves to how many there are. */
  select(ids: readonly string[]): Promise<number>;
  /** The ids of the selected samples, in the order of their rows. */
  selection(): Promise<string[]>;
  /** Colours by a column; "" is one colour for all. */
  colourBy(column: string): void;
  /** When the latest frames were drawn, milliseconds since the page was opened. */
  frames(): number[];
}

export function installAutomation(lab: Lab, map: MapView): void {
  const automation: Automation = {
    get camera() {
      return map.camera;
    },
    set camera(camera) {
      map.camera = camera;
    },
    async select(ids) {
      const rows: number[] = [];
      for (let from = 0; from < ids.length; from += IDS_AT_ONCE)
        rows.push(...(await rowsOf(lab, ids.slice(from, from + IDS_AT_ONCE))));
      await lab.selectRows(rows);
      return lab.marks.selectedCount.value;
    },
    selection: () => idsOf(lab, lab.selectedRows()),
    colourBy(column) {
      lab.view.colour.value = column;
    },
    frames: () => map.frames(),
  };
  Object.assign(window, { embeddingLab: automation });
}

async function rowsOf(lab: Lab, ids: readonly string[]): Promise<Iterable<number>> {
  const set = lab.set.value;
  if (!set || !ids.length) return [];
  return lab.source.search(set, "filter", `id in (${ids.map(quoted).join(", ")})`, null);
}

function quoted(id: string): string {
  return id.includes('"') ? `'${id}'` : `"${id}"`;
}
