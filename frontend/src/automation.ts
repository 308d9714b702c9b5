/** What people's scripts and tests can call: `window.embeddingLab`, described in `docs/dashboard.md`. */

import type { Camera, MapView } from "./map/view";
import type { Lab } from "./state/lab";

export interface Automation {
  camera: Camera;
  /** Selects samples by id; resolves to how many there are. */
  select(ids: readonly string[]): Promise<number>;
  /** The ids of the selected samples, in the order of their rows. */
  selection(): Promise<readonly string[]>;
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
      const set = lab.set.value;
      if (set) await lab.selectRows((await lab.source.rowsOf(set, ids)).rows);
      return lab.marks.selectedCount.value;
    },
    selection: () => lab.selectedIds(),
    colourBy(column) {
      lab.view.colour.value = column;
    },
    frames: () => map.frames(),
  };
  Object.assign(window, { embeddingLab: automation });
}
