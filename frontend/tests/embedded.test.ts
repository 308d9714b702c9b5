/** A page with its run inside answers as the server does, as far as it can, and says what it cannot. */

import { expect, test } from "vitest";
import { EmbeddedSource } from "../src/data/embedded";
import { Refused } from "../src/data/source";

const SET = { run: "r", layer: "l", step: null };
const WHICH = { layer: "l", run: "r", step: "static" };

function key(route: string, more: Record<string, string> = {}): string {
  const all: Record<string, string> = { ...WHICH, ...more };
  return `${route} ${JSON.stringify(Object.fromEntries(Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1))))}`;
}

/** A message of the wire format, base64, as `wire.py` writes it. */
function message(header: object, name: string, values: Uint16Array | Uint32Array | Float32Array, shape: number[]) {
  const dtype = values instanceof Uint16Array ? "u16" : values instanceof Uint32Array ? "u32" : "f32";
  const said = { total: 4, from: 0, count: 4, generation: "g", ...header };
  let text = JSON.stringify({ ...said, arrays: [{ name, dtype, shape, offset: 0 }] });
  text += " ".repeat((8 - (text.length % 8)) % 8);
  const beginning = new DataView(new ArrayBuffer(16));
  beginning.setUint32(0, 0x574c4d45, true);
  beginning.setUint16(4, 1, true);
  beginning.setUint32(8, text.length, true);
  const body = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const bytes = [...new Uint8Array(beginning.buffer), ...new TextEncoder().encode(text), ...body];
  return { type: "application/octet-stream", base64: btoa(String.fromCharCode(...bytes)) };
}

const columns = [
  { name: "id", kind: "text", source: "sample", missing: 0 },
  { name: "label", kind: "category", source: "sample", categories: ["zero", "one"], missing: 1 },
  { name: "note", kind: "text", source: "sample", missing: 1 },
  { name: "loss", kind: "number", source: "sample", missing: 1 },
];

const source = new EmbeddedSource({
  overview: { type: "application/json", text: JSON.stringify({ runs: [] }) },
  [key("order")]: message({ kind: "order" }, "row", Uint32Array.of(2, 0, 3, 1), [4]),
  [key("columns")]: { type: "application/json", text: JSON.stringify(columns) },
  [key("columns", { map: "m" })]: { type: "application/json", text: JSON.stringify(columns) },
  [key("column", { name: "label" })]: message({ kind: "column" }, "codes", Uint16Array.of(0, 1, 0xffff, 1), [4]),
  [key("texts", { name: "note" })]: {
    type: "application/json",
    text: JSON.stringify(["long", null, "short", "x"]),
  },
  [key("column", { name: "loss" })]: message(
    { kind: "column" },
    "values",
    Float32Array.of(0.1, 7, Number.NaN, 0.7),
    [4],
  ),
  [key("texts", { name: "id" })]: { type: "application/json", text: JSON.stringify(["a", "b", "c", "dé"]) },
  [key("points", { map: "m" })]: message(
    { kind: "points", dims: 2, bounds: [[0], [3]] },
    "points",
    Float32Array.of(2, 0, 0, 0, 3, 0, 1, 0),
    [4, 2],
  ),
});

test("points and columns are cut by places, as the server cuts them", async () => {
  expect([...(await source.order(SET, 1, 2)).rows]).toEqual([0, 3]);
  const points = await source.points(SET, "m", 2, 100);
  expect([points.from, points.count, [...points.points]]).toEqual([2, 2, [3, 0, 1, 0]]);
  expect([...(await source.column(SET, "label", "m", 0, 3)).values]).toEqual([0, 1, 0xffff]);
});

test("samples have their values by row", async () => {
  const [first, last] = await source.samples(SET, [0, 3], "m");
  expect(first).toEqual({ row: 0, id: "a", values: { label: "one", note: "long", loss: 7 } });
  expect(last).toEqual({ row: 3, id: "dé", values: { label: null, note: "x", loss: null } });
});

test("text and regular expressions are found, and ids selected", async () => {
  expect([...(await source.search(SET, "text", "ONE", null))]).toEqual([0, 1]);
  expect([...(await source.search(SET, "regex", "^[cd]", null))]).toEqual([2, 3]);
  expect([...(await source.search(SET, "text", "SHORT", null))]).toEqual([2]);
  expect([...(await source.search(SET, "text", "7", null))]).toEqual([0]);
  expect([...(await source.search(SET, "regex", "7|0\\.1", null))]).toEqual([0, 2]);
  const { rows, unknown } = await source.rowsOf(SET, ["dé", "b", "nobody"]);
  expect([[...rows], unknown]).toEqual([[1, 3], 1]);
  expect(await source.idsOf(SET, rows)).toEqual(["b", "dé"]);
});

test("what needs a server says so", async () => {
  await expect(source.search(SET, "filter", "label == one", null)).rejects.toThrow(Refused);
  await expect(source.search(SET, "regex", "(", null)).rejects.toThrow("cannot be read");
  await expect(source.neighbours(SET, 0, 1, "cosine", null)).rejects.toThrow("needs the server");
  await expect(source.trust()).rejects.toThrow("needs the server");
  expect(source.tellsTrust).toBe(false);
});

test("samples are taken away as CSV", async () => {
  expect(await (await source.download(SET, null, Uint32Array.of(1, 3), "csv")).text()).toBe(
    "id,label,note,loss\nb,one,,0.7\ndé,,x,\n",
  );
});

test.each([
  ["id", "descending", [3, 2, 1, 0]],
  ["label", "ascending", [2, 0, 1, 3]],
  ["label", "descending", [0, 1, 2, 3]],
] as const)(
  "rows are sorted by %s, %s, and those without a value come last",
  async (column, direction, expected) => {
    const rows = await source.sort(SET, Uint32Array.of(2, 0, 1, 3), { column, direction }, "m");
    expect([...rows]).toEqual(expected);
  },
);

test("files lie there by their samples, and what had no room is told", () => {
  const step = { step: null, samples: "s", rows: 2, pictures: null };
  const file = `media ${JSON.stringify({ name: "tone", row: "1", run: "r", samples: "s" })}`;
  const sounds = new EmbeddedSource({
    overview: {
      type: "application/json",
      text: JSON.stringify({ runs: [{ name: "r", layers: [{ name: "l", steps: [step] }] }] }),
    },
    [file]: { type: "audio/wav", base64: btoa("RIFF") },
  });
  expect(sounds.media(SET, "tone", 1)).toMatch(/^blob:/);
  expect(sounds.media(SET, "tone", 1)).toBe(sounds.media(SET, "tone", 1));
  expect(sounds.media(SET, "tone", 0)).toBeNull();
});
