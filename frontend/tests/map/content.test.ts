import { afterEach, expect, test, vi } from "vitest";
import { Content } from "../../src/map/content";

const BOUNDS = [
  [-1, -1, -1],
  [1, 1, 1],
] as const;

function fromMapToMap(lessMotion: boolean): Content {
  vi.stubGlobal("matchMedia", () => ({ matches: lessMotion }));
  const content = new Content();
  content.reset(1);
  for (const [map, x] of [
    ["one", -1],
    ["other", 1],
  ] as const)
    content.addPoints(map, 3, BOUNDS, 0, Float32Array.of(x, 0, 0));
  return content;
}

afterEach(() => vi.unstubAllGlobals());

test("points are between the maps for a while on their way from one to the other", () => {
  const content = fromMapToMap(false);
  const now = performance.now();
  const [begun, halfway] = [content.morphAt(now), content.morphAt(now + 450)];
  expect(begun).toBeLessThan(0.1);
  expect(halfway).toBeGreaterThan(0.3);
  expect(halfway).toBeLessThan(0.7);
  expect(content.samples.at(0, halfway)![0]).toBeCloseTo(2 * halfway - 1, 2);
  expect(content.morphAt(now + 2000)).toBe(1);
  expect([content.advance(now + 2000), content.advance(now + 2001)]).toEqual([true, false]);
});

test("points are there at once for whoever asked their system for less motion", () => {
  expect(fromMapToMap(true).morphAt(performance.now())).toBe(1);
});
