import { expect, test } from "vitest";
import { cellAt, finestWithin, levelFor } from "../../src/map/pictures/source";

const mnist = { cell: [28, 28] as const, perPage: 1296, levels: 6, page: async () => null };

test("pictures are at least as sharp as the screen, and not much sharper", () => {
  expect(levelFor(mnist, 40)).toBe(0);
  expect(levelFor(mnist, 28)).toBe(0);
  expect(levelFor(mnist, 14)).toBe(1);
  expect(levelFor(mnist, 3)).toBe(3);
  for (let size = 7; size < 60; size++)
    expect(Math.max(...cellAt(mnist, levelFor(mnist, size)))).toBeGreaterThan(0.85 * Math.min(28, size));
});

test("all thumbnails fit into sixty-four megabytes, the more the smaller", () => {
  expect(finestWithin(mnist, 10_000, 64e6)).toBe(0);
  expect(finestWithin(mnist, 70_000, 64e6)).toBe(1);
  expect(finestWithin(mnist, 300_000, 64e6)).toBe(2);
  expect(finestWithin(mnist, 990_000, 64e6)).toBe(3);
  expect(finestWithin(mnist, 5_000_000, 64e6)).toBe(5);
  expect(finestWithin(mnist, 50_000_000, 64e6)).toBeNull();
});
