import { expect, test } from "vitest";
import { Budget, enlargement } from "../../src/map/budget";

/** A machine draws a frame in so many milliseconds, and so many more for each thousand points. */
function turning(total: number, frame: number, thousand: number) {
  const budget = new Budget();
  const cost = (points: number) => Math.max(16.7, frame + (thousand * points) / 1000);
  for (let at = 0; at < 60; at++) {
    const points = Math.min(total, budget.moving);
    budget.moved(points, cost(points));
  }
  const points = Math.min(total, budget.moving);
  return { points, milliseconds: cost(points) };
}

test("a fast machine draws a million points in every frame", () => {
  expect(turning(1_000_000, 1, 0.01).points).toBe(1_000_000);
});

test("software rendering keeps ten frames a second by drawing fewer points", () => {
  const { points, milliseconds } = turning(1_000_000, 20, 1.2);
  expect(milliseconds).toBeLessThan(100);
  expect(points).toBeGreaterThan(25_000);
});

test("a machine in between draws as many as leave thirty frames a second", () => {
  const { points, milliseconds } = turning(1_000_000, 4, 0.1);
  expect(milliseconds).toBeLessThan(40);
  expect(points).toBeGreaterThan(200_000);
});

test("a slice at rest grows until it is worth its while, and stays short", () => {
  const budget = new Budget();
  for (let at = 0; at < 30; at++) budget.refined(budget.slice, budget.slice / 10_000);
  expect(budget.slice / 10_000).toBeGreaterThan(20);
  expect(budget.slice / 10_000).toBeLessThan(50);
});

test("points are as large as ever where all are drawn, and somewhat larger the fewer are", () => {
  expect(enlargement(2_000_000, 1_000_000)).toBe(1);
  expect(enlargement(300_000, 1_000_000)).toBeCloseTo(1.27, 2);
  expect(enlargement(10_000, 1_000_000)).toBe(1.8);
});
