import { describe, expect, test } from "vitest";
import { sphereOf } from "../../src/map/extent";
import { type Order, Ordering } from "../../src/map/order";
import { HIDDEN, NEIGHBOUR, Samples, SELECTED } from "../../src/map/samples";

const square = [
  [0, 0],
  [10, 10],
] as const;

function withPoints(points: number[], present?: Uint8Array): Samples {
  const samples = new Samples(points.length / 2);
  samples.begin("one", 2, square, 1);
  samples.add(0, Float32Array.from(points), present);
  return samples;
}

describe("the samples", () => {
  test("lie between -1 and 1 along the map's widest axis", () => {
    const samples = withPoints([0, 5, 10, 5, 5, 0]);
    expect([...samples.positions]).toEqual([-1, 0, 0, 1, 0, 0, 0, -1, 0]);
  });

  test("move from where they are, also when a map is interrupted by the next", () => {
    const samples = withPoints([0, 0, 10, 10]);
    samples.begin("two", 2, square, 1);
    samples.add(0, Float32Array.of(10, 0, 10, 10));
    expect(samples.at(0, 0)).toEqual([-1, -1, 0]);
    expect(samples.at(0, 0.5)).toEqual([0, -1, 0]);
    samples.begin("three", 2, square, 0.5);
    samples.add(0, Float32Array.of(10, 10, 0, 0));
    expect(samples.at(0, 0)).toEqual([0, -1, 0]);
    expect(samples.at(0, 1)).toEqual([1, 1, 0]);
  });

  test("appear where they belong when they were not on the last map", () => {
    const samples = withPoints([0, 0, 10, 10], Uint8Array.of(0b10));
    samples.begin("two", 2, square, 1);
    samples.add(0, Float32Array.of(5, 5, 5, 5));
    expect(samples.at(0, 0.2)).toEqual([0, 0, 0]);
  });

  test("refuse a chunk that leaves a gap or goes beyond the end", () => {
    const samples = withPoints([0, 0, 1, 1]);
    samples.begin("two", 2, square, 1);
    expect(() => samples.add(1, Float32Array.of(1, 1))).toThrow(/in order/);
    expect(() => samples.add(0, new Float32Array(6))).toThrow(/at or before 2/);
  });

  test("of which all stand on one spot are shown there", () => {
    const samples = new Samples(2);
    samples.begin(
      "one",
      3,
      [
        [4, 4, 4],
        [4, 4, 4],
      ],
      1,
    );
    samples.add(0, Float32Array.of(4, 4, 4, 4, 4, 4));
    expect(samples.at(1, 1)).toEqual([0, 0, 0]);
  });
});

describe("the order of drawing", () => {
  function ordered(samples: Samples, most: number): Order {
    const ordering = new Ordering();
    while (!ordering.advance(samples, most));
    return ordering.order;
  }

  test.each([1, 2, 100])("is no list at all while nothing is flagged and nobody absent (%i in a turn)", (most) => {
    const order = ordered(withPoints([0, 0, 1, 1]), most);
    expect(order).toEqual({ front: new Uint32Array(), back: null, count: 2 });
  });

  test.each([1, 2, 100])(
    "has the selected and the neighbours in front, and neither the hidden nor the absent (%i in a turn)",
    (most) => {
      const samples = withPoints([0, 0, 1, 1, 2, 2, 3, 3, 4, 4], Uint8Array.of(0b01111));
      samples.flags.set([0, SELECTED, HIDDEN | SELECTED, NEIGHBOUR, 0]);
      expect(ordered(samples, most)).toEqual({
        front: Uint32Array.of(1, 3),
        back: Uint32Array.of(0),
        count: 3,
      });
    },
  );

  test("goes on where it was when more points arrive", () => {
    const samples = new Samples(5);
    samples.begin("one", 2, square, 1);
    samples.add(0, Float32Array.of(0, 0, 1, 1));
    const ordering = new Ordering();
    expect(ordering.advance(samples, 100)).toBe(true);
    samples.flags.set([0, 0, 0, NEIGHBOUR, 0]);
    samples.add(2, Float32Array.of(2, 2, 3, 3, 4, 4));
    expect(ordering.isComplete(samples)).toBe(false);
    ordering.advance(samples, 100);
    expect(ordering.order).toEqual({ front: Uint32Array.of(3), back: Uint32Array.of(0, 1, 2, 4), count: 5 });
    expect(ordering.marked).toEqual([3]);
  });

  test("asks no more places in a turn than it was told, so that millions never hold up the page", () => {
    const samples = new Samples(10);
    samples.begin("one", 2, square, 1);
    samples.add(0, new Float32Array(20));
    const ordering = new Ordering();
    expect([1, 2, 3, 4].map(() => [ordering.advance(samples, 3), ordering.order.count])).toEqual([
      [false, 3],
      [false, 6],
      [false, 9],
      [true, 10],
    ]);
  });
});

test("a few points far out do not make the rest small", () => {
  const samples = withPoints([...Array(1000)].flatMap((_, at) => (at < 4 ? [10, 10] : [at % 2, (at >> 1) % 2])));
  expect(sphereOf(samples, null)!.radius).toBeLessThan(0.2);
  expect(sphereOf(samples, Uint32Array.of(0, 999))!.radius).toBeGreaterThan(0.8);
});
