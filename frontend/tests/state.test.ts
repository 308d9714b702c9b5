import { describe, expect, test } from "vitest";
import { rowsToText, textToRows } from "../src/data/row_code";
import type { PointsPart } from "../src/data/source";
import { decode, encode } from "../src/state/address";
import { ColumnValues, codesInOrder, partsOf } from "../src/state/columns";
import { Marks } from "../src/state/marks";
import { asNotes, inWords, notesOf } from "../src/state/notes";
import { Places } from "../src/state/places";
import { Points } from "../src/state/points";
import { View } from "../src/state/view";
import { SAMPLES_A_TURN } from "../src/turns";

describe("rows in an address", () => {
  test.each([[[]], [[0]], [[5]], [[0, 1, 2, 3]], [[127, 128, 16_511, 16_512, 4_999_999, 0xffffffff]]])(
    "%j come back",
    (rows) => {
      expect(Array.from(textToRows(rowsToText(Uint32Array.from(rows)))!)).toEqual(rows);
    },
  );

  // the same as in tests/board/dashboard/test_row_code.py
  test.each([
    ["AA", [0]],
    ["BQ", [5]],
    ["AAEBAQ", [0, 1, 2, 3]],
    ["__9_", [2_097_151]],
    ["f4ABrAI", [127, 255, 555]],
  ])("are the text %s, as on the server", (text, rows) => {
    expect(rowsToText(Uint32Array.from(rows))).toBe(text);
    expect(Array.from(textToRows(text)!)).toEqual(rows);
  });

  test("are a million and more too", () => {
    const rows = Uint32Array.from({ length: 1_500_000 }, (_, at) => 2 * at + (at % 3 === 0 ? 1 : 0));
    const text = rowsToText(rows);
    expect(text.length).toBeLessThan(2_000_001);
    expect(textToRows(text)).toEqual(rows);
  });

  test("a tenth of ten thousand fits into a link", () => {
    const rows = Uint32Array.from({ length: 1000 }, (_, at) => at * 10);
    expect(rowsToText(rows).length).toBeLessThan(1500);
  });

  test.each(["***", "_w", "__________________"])("%j is none", (text) => {
    expect(textToRows(text)).toBeNull();
  });
});

describe("the address", () => {
  test("gives back what it was given, whatever it holds", () => {
    const told = { run: "a&b=c#d", layer: "block/1 ü", camera: '{"dims":3}' };
    expect(decode(`#${encode(told, "p.embedding_lab.")}`, "p.embedding_lab.")).toEqual(told);
  });

  test("leaves the parts of others alone", () => {
    expect(decode("#embedding_lab&tagFilter=x&p.embedding_lab.run=mine", "p.embedding_lab.")).toEqual({
      run: "mine",
    });
  });

  test("restores the whole view", () => {
    const view = new View();
    const remembered = {
      run: "r",
      layer: "l",
      step: "12",
      map: "tsne-3d",
      colour: "loss",
      style: "pictures",
      point: "7",
      picture: "40",
      labels: "no",
      camera: '{"dims":3,"target":[0,0,1],"distance":2,"azimuth":0.5,"elevation":0.1}',
    };
    view.recall(remembered);
    expect(view.toRemember()).toEqual(remembered);
  });

  test("a layer that changes over no training has the step null, not none", () => {
    const view = new View();
    view.recall({ step: "static" });
    expect(view.step.value).toBeNull();
    expect(view.toRemember().step).toBe("static");
  });

  test.each([
    "{",
    "{}",
    '{"dims":9,"target":[0,0,0],"distance":1,"azimuth":0,"elevation":0}',
    '{"dims":3,"target":[0,"x",0]}',
  ])("the camera %j that somebody made up is left out", (camera) => {
    const view = new View();
    view.recall({ camera, point: "1e9", step: "soon" });
    expect(view.camera.value).toBeNull();
    expect(view.pointSize.value).toBeNull();
    expect(view.step.value).toBeUndefined();
  });
});

describe("places", () => {
  test("translate both ways, and leave out what is not known yet", async () => {
    const places = new Places(4);
    places.add(0, Uint32Array.of(3, 0));
    expect([places.row(0), places.row(1), places.row(2)]).toEqual([3, 0, null]);
    expect([places.place(3), places.place(1)]).toEqual([0, null]);
    expect([...(await places.places([0, 1, 3]))]).toEqual([0, 1]);
    places.add(2, Uint32Array.of(1, 2));
    await places.whole();
    expect([...(await places.rows(Uint32Array.of(0, 1, 2, 3)))]).toEqual([0, 1, 2, 3]);
  });

  test("are a beginning of them where there are more rows than are held", async () => {
    const places = new Places(2, 6);
    places.add(0, Uint32Array.of(5, 1));
    await places.whole();
    expect([places.row(0), places.place(5), places.place(4)]).toEqual([5, 0, null]);
    expect([...(await places.rows(Uint32Array.of(0, 1)))]).toEqual([1, 5]);
    expect([...(await places.places([0, 1, 5]))]).toEqual([0, 1]);
  });

  test("of millions are translated in turns, and the page has its own in between", async () => {
    const total = 3 * SAMPLES_A_TURN;
    const places = new Places(total);
    places.add(
      0,
      Uint32Array.from({ length: total }, (_, at) => total - 1 - at),
    );
    let others = 0;
    const timer = setInterval(() => others++);
    const rows = await places.rows(Uint32Array.from({ length: total - 7 }, (_, at) => at + 7));
    clearInterval(timer);
    expect(others).toBeGreaterThan(2);
    expect(rows).toEqual(Uint32Array.from({ length: total - 7 }, (_, at) => at));
  });

  test("of no samples are complete at once", async () => {
    await new Places(0).whole();
  });
});

describe("the points of a map", () => {
  function pointsOf(total: number) {
    const asked: number[] = [];
    const points = new Points("key", total, async (from, count, ended) => {
      asked.push(from);
      await Promise.resolve();
      if (ended.aborted) throw new DOMException("", "AbortError");
      return { from, count } as PointsPart;
    });
    return { asked, points };
  }

  test("are asked for before anybody can draw them, and each part while the one before is drawn", async () => {
    const { asked, points } = pointsOf(200_000);
    const begins = partsOf(200_000).map(([from]) => from);
    expect(asked).toEqual([0]);
    const drawn: number[] = [];
    for await (const { from } of points.parts()) {
      drawn.push(from);
      expect(asked).toEqual(begins.slice(0, drawn.length + 1));
    }
    expect(drawn).toEqual(begins);
  });

  test("of which nobody wants more are asked for no further", async () => {
    const { asked, points } = pointsOf(2_000_000);
    const drawn: number[] = [];
    for await (const { from } of points.parts()) {
      drawn.push(from);
      points.end();
    }
    expect([drawn, asked.length]).toEqual([[0], 2]);
  });
});

describe("marks", () => {
  const selected = (marks: Marks) => Array.from(marks.selected());

  test("select, add, take away, and undo step by step", async () => {
    const marks = new Marks();
    marks.reset(10);
    await marks.select([1, 2, 3]);
    await marks.select([5], "add");
    await marks.select([2, 9], "remove");
    expect(selected(marks)).toEqual([1, 3, 5]);
    await marks.undo();
    expect(selected(marks)).toEqual([1, 2, 3, 5]);
    await marks.undo();
    await marks.undo();
    expect(selected(marks)).toEqual([]);
    expect(marks.canUndo.value).toBe(false);
  });

  test("isolating hides all others, and showing all brings them back", async () => {
    const marks = new Marks();
    marks.reset(5);
    await marks.select([1, 4]);
    await marks.isolate();
    expect(Array.from(marks.hidden())).toEqual([0, 2, 3]);
    await marks.showAll();
    expect(marks.hiddenCount.value).toBe(0);
    expect(selected(marks)).toEqual([1, 4]);
  });

  test("neighbours of one sample replace those of the one before, and touch no selection", async () => {
    const marks = new Marks();
    marks.reset(5);
    await marks.select([0]);
    await marks.setNeighbours([1], [2]);
    await marks.setNeighbours([3], []);
    expect(Array.from(marks.flags)).toEqual([1, 0, 0, 4, 0]);
  });

  test("places that are none are left alone", async () => {
    const marks = new Marks();
    marks.reset(2);
    await marks.select([7]);
    await marks.hide([7]);
    expect([marks.selectedCount.value, marks.hiddenCount.value]).toEqual([0, 0]);
  });

  test("of millions change in turns, all at once for who looks, and one change after the other", async () => {
    const total = 3 * SAMPLES_A_TURN;
    const marks = new Marks();
    marks.reset(total);
    const seen = new Set<number>();
    const timer = setInterval(() => seen.add(marks.flags.reduce((sum, bits) => sum + bits, 0)));
    const all = Uint32Array.from({ length: total }, (_, place) => place);
    const changes = [marks.select(all), marks.select([1], "remove"), marks.isolate()];
    await Promise.all(changes);
    clearInterval(timer);
    expect([...seen].every((sum) => [0, total, total - 1, total + 1].includes(sum))).toBe(true);
    expect(seen.size).toBeGreaterThan(1);
    expect(Array.from(marks.hidden())).toEqual([1]);
  });

  test("that fail do not stop those behind them", async () => {
    let hasRoom = false;
    const marks = new Marks(async () => {
      if (!hasRoom) throw new Error("no room");
    });
    marks.reset(3);
    await expect(marks.select([2])).rejects.toThrow("no room");
    hasRoom = true;
    await marks.select([0]);
    expect(selected(marks)).toEqual([0]);
  });

  test("hide what is selected when it is their turn, not when they were asked for", async () => {
    const marks = new Marks();
    marks.reset(4);
    await Promise.all([marks.select([1, 2]), marks.toggle(2), marks.hideSelected()]);
    expect(Array.from(marks.hidden())).toEqual([1]);
  });

  test("that were asked for other samples change nothing", async () => {
    const marks = new Marks();
    marks.reset(3);
    const late = marks.select([1]);
    marks.reset(4);
    await late;
    expect(selected(marks)).toEqual([]);
  });
});

const LABEL = {
  name: "label",
  kind: "category",
  source: "sample",
  generation: "g",
  categories: ["a", "b"],
} as const;

describe("columns", () => {
  test("are asked for in parts: little first, then more, each place once", () => {
    const parts = partsOf(1_000_000);
    expect(parts[0]![1]).toBeLessThan(20_000);
    const ends = parts.map(([from, count]) => from + count);
    expect(parts.map(([from]) => from)).toEqual([0, ...ends.slice(0, -1)]);
    expect(ends.at(-1)).toBe(1_000_000);
    expect(Math.max(...parts.map(([, count]) => count))).toBeLessThanOrEqual(262_144);
    expect(partsOf(0)).toEqual([]);
    expect(partsOf(3)).toEqual([[0, 3]]);
  });

  test("count their categories, with what is missing in none", () => {
    const column = new ColumnValues({ ...LABEL, missing: 1 }, 5);
    column.add(0, Uint16Array.of(0, 1, 0xffff));
    column.add(3, Uint16Array.of(1, 0));
    expect(column.counts()).toEqual([2, 2]);
    expect(column.counts(Uint32Array.of(1, 2, 3))).toEqual([0, 2]);
    expect(Array.from(column.placesOf(1))).toEqual([1, 3]);
    expect(column.code(2)).toBeNull();
  });

  test("count many places in turns before anybody asks, and anew when more has come", async () => {
    const total = 2 * SAMPLES_A_TURN;
    const column = new ColumnValues({ ...LABEL, missing: 0 }, total);
    const places = Uint32Array.from({ length: total }, (_, place) => place);
    column.add(0, new Uint16Array(10).fill(1));
    await column.expectCounts(places.subarray(0, 10));
    column.add(10, new Uint16Array(total - 10));
    await column.expectCounts(places);
    expect(column.counts(places)).toEqual([total - 10, 10]);
    expect(column.counts(places)).toBe(column.counts(places));
  });

  test("find numbers within bounds, and missing ones in none", () => {
    const column = new ColumnValues(
      { name: "loss", kind: "number", source: "output", generation: "g", missing: 1 },
      4,
    );
    column.add(0, Float32Array.of(0.5, Number.NaN, 2, 1));
    expect(Array.from(column.placesWithin(0.5, 1))).toEqual([0, 3]);
    expect(column.number(1)).toBeNull();
  });
});

describe("the order of categories", () => {
  test("numbers in names count where nobody chose an order", () => {
    const names = ["class 1", "class 10", "class 2"];
    expect(codesInOrder(names).map((code) => names[code])).toEqual(["class 1", "class 2", "class 10"]);
  });

  test("signs stay where they are", () => {
    expect(codesInOrder(["0", "8", "<b>nine</b>"])).toEqual([0, 1, 2]);
  });

  test("one that was chosen stays", () => {
    expect(codesInOrder(["small 9", "large 2", "huge 1"])).toEqual([0, 1, 2]);
  });
});

describe("what was said of samples", () => {
  const said = [
    { id: "a", time: 1, label: "two", reason: "by eye" },
    { id: "b", time: 1, label: "two", reason: "by eye" },
    { id: "a", time: 2, tags: ["torn", "thin"] },
    { id: "c", time: 3, label: 7, tags: "no list", reason: null },
  ];

  test("at once is one note, and the latest comes first", () => {
    const notes = asNotes(said);
    expect(notes.map(({ ids }) => ids)).toEqual([["c"], ["a"], ["a", "b"]]);
    expect(notes.map(inWords)).toEqual(["right label: 7", "tags: torn, thin", "right label: two"]);
  });

  test("of one sample is found by its id", () => {
    expect(notesOf(asNotes(said), "a").map(({ time }) => time)).toEqual([2, 1]);
  });
});
