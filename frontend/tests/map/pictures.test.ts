import { expect, test } from "vitest";
import { cellAt, finestWithin, levelFor } from "../../src/map/pictures/source";

const mnist = { cell: [28, 28] as const, perPage: 1296, levels: 3, page: async () => null };

test("pictures are at least as sharp as the screen, and not much sharper", () => {
  expect(levelFor(mnist, 40)).toBe(0);
  expect(levelFor(mnist, 28)).toBe(0);
  expect(levelFor(mnist, 14)).toBe(1);
  expect(levelFor(mnist, 3)).toBe(2);
  for (let size = 7; size < 60; size++)
    expect(Math.max(...cellAt(mnist, levelFor(mnist, size)))).toBeGreaterThan(0.85 * Math.min(28, size));
});

test("seventy thousand thumbnails fit into sixty-four megabytes at half their size", () => {
  expect(finestWithin(mnist, 70_000, 64e6)).toBe(1);
  expect(finestWithin(mnist, 10_000, 64e6)).toBe(0);
  expect(finestWithin(mnist, 5_000_000, 64e6)).toBeNull();
});
