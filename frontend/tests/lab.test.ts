import { describe, expect, test } from "vitest";
import type { ColumnInfo, Source } from "../src/data/source";
import { Lab } from "../src/state/lab";
import { SAMPLES_A_TURN } from "../src/turns";

const ROWS = 2 * SAMPLES_A_TURN;
const LABEL: ColumnInfo = {
  name: "label",
  kind: "category",
  source: "sample",
  generation: "g",
  categories: ["even", "odd"],
  missing: 0,
};
const LOSS: ColumnInfo = { name: "loss", kind: "number", source: "output", generation: "g", missing: 0 };

/** A run with one layer, its maps, two columns and a note; writes down what is asked of it. */
function source(asked: string[], names = ["pca-3d"]): Source {
  const map = { method: "pca", dims: 3, state: "complete", generation: "m", unmeasured: null };
  const maps = names.map((name) => ({ ...map, name }));
  const step = { step: null, rows: ROWS, generation: "v", samples: "s", maps, pictures: null };
  const run = {
    name: "run",
    written: 1,
    layers: [{ name: "mine", steps: [step] }],
    selections: [],
    annotations: 100,
  };
  const answers = {
    overview: async () => ({ runs: [run], computing: false }),
    order: async (_set: unknown, from: number, count: number) => ({
      from,
      rows: Uint32Array.from({ length: count }, (_, at) => from + at),
    }),
    points: () => new Promise(() => {}),
    columns: async () => [LABEL, LOSS],
    annotations: async () => [],
    column: async (_set: unknown, name: string, _map: unknown, from: number, count: number) => ({
      from,
      values: name === "loss" ? new Float32Array(count) : Uint16Array.from({ length: count }, (_, at) => at & 1),
    }),
  };
  const noted = Object.entries(answers).map(([name, answer]) => [
    name,
    (...given: never[]) => {
      asked.push(name);
      return (answer as (...given: never[]) => unknown)(...given);
    },
  ]);
  return Object.fromEntries(noted) as Source;
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve));
}

describe("the lab", () => {
  test("asks for the points before all else that it shows of a map", async () => {
    const asked: string[] = [];
    await new Lab(source(asked)).look();
    expect(asked.slice(0, 2)).toEqual(["overview", "points"]);
  });

  test("has counted the classes of a selection before anybody sees it, though a gradient colours", async () => {
    const lab = new Lab(source([]));
    lab.view.colour.value = "loss";
    await lab.look();
    await until(() => lab.colouring.value?.known === ROWS);
    await lab.marks.select([0, 1, 2]);
    await until(() => lab.classes.value !== null);
    expect(lab.classes.value!.info.name).toBe("label");

    await lab.marks.select(Uint32Array.from({ length: ROWS }, (_, place) => place));
    lab.classes.value!.values!.fill(9); // whoever counts only now finds nothing
    expect(lab.classes.value!.counts(lab.marks.selected())).toEqual([ROWS / 2, ROWS / 2]);
  });

  test("colours by the map that is shown, though values of another come late", async () => {
    const late: (() => void)[] = [];
    const kept = (map: string): ColumnInfo => ({ ...LOSS, name: "kept", source: "map", generation: map });
    const lab = new Lab({
      ...source([], ["early", "other"]),
      columns: async (_set: unknown, map: string) => [kept(map)],
      column: async (_set: unknown, _name: unknown, map: string, from: number, count: number) => {
        if (map === "early" && from > 0) await new Promise<void>((resolve) => late.push(resolve));
        return { from, values: new Float32Array(count) };
      },
    } as unknown as Source);
    lab.view.colour.value = "kept";
    lab.view.map.value = "early";
    await lab.look();
    await until(() => late.length === 1);
    lab.view.map.value = "other";
    await until(() => lab.colouring.value?.info.generation === "other" && lab.colouring.value.known === ROWS);
    const asked = lab.columnsVersion.value;
    for (const resolve of late) resolve();
    await until(() => lab.columnsVersion.value > asked);
    expect(lab.colouring.value!.info.generation).toBe("other");
  });
});
