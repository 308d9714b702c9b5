import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { BrokenBlock, readBlock } from "../src/data/wire";

const GOLDEN = new URL("../../tests/golden/", import.meta.url);

function golden(): ArrayBuffer {
  const bytes = readFileSync(new URL("wire-v1.bin", GOLDEN));
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
}

function changed(change: (bytes: Uint8Array, view: DataView) => void): ArrayBuffer {
  const buffer = golden();
  change(new Uint8Array(buffer), new DataView(buffer));
  return buffer;
}

describe("wire format 1", () => {
  const told = JSON.parse(readFileSync(new URL("wire-v1.json", GOLDEN), "utf8"));
  const block = readBlock(golden());

  test("the golden block says what Python wrote", () => {
    const { kind, generation, total, from, count } = told.header;
    expect(block).toMatchObject({ kind, generation, total, from, count });
    expect(block.header).toMatchObject(told.header);
  });

  test.each(Object.keys(told.arrays))("its array %s holds the same numbers", (name) => {
    const { values, shape } = block.arrays.get(name)!;
    const expected = told.arrays[name].flat(3);
    expect(Array.from(values)).toEqual(expected.map((each: number | null) => each ?? Number.NaN));
    expect(shape.reduce((product, each) => product * each, 1)).toBe(expected.length);
  });

  test("arrays are views on the answer, not copies", () => {
    const buffer = golden();
    for (const { values } of readBlock(buffer).arrays.values()) expect(values.buffer).toBe(buffer);
  });

  test("another version is refused with both versions named", () => {
    const newer = changed((_, view) => view.setUint16(4, 2, true));
    expect(() => readBlock(newer)).toThrow(/version 2 .* version 1/);
  });

  test.each([
    ["something else", changed((bytes) => bytes.fill(65, 0, 4))],
    ["nothing", new ArrayBuffer(0)],
    ["a header longer than all", changed((_, view) => view.setUint32(8, 0xfffffff8, true))],
    ["a header that is no JSON", changed((bytes) => bytes.fill(125, 16, 24))],
  ])("%s is refused", (_, buffer) => {
    expect(() => readBlock(buffer)).toThrow(BrokenBlock);
  });

  test("wherever it is cut off, it is refused or whole", () => {
    const whole = golden();
    for (let length = 0; length < whole.byteLength; length++) {
      try {
        const read = readBlock(whole.slice(0, length));
        // what was cut off is padding only
        expect(read.arrays.size).toBe(block.arrays.size);
        expect(whole.byteLength - length).toBeLessThan(8);
      } catch (error) {
        expect(error).toBeInstanceOf(BrokenBlock);
      }
    }
  });
});
