import { describe, expect, test } from "vitest";
import { clusters, random } from "../../scenes/data";
import { centresOf } from "../../src/map/labels/centres";
import { type Wanted, withoutOverlap } from "../../src/map/labels/layout";
import { Samples } from "../../src/map/samples";

const SCREEN = { width: 600, height: 400 };

describe("names", () => {
  test("never cover each other, and are left out only for one that is shown", () => {
    const next = random(2);
    const wanted: Wanted[] = Array.from({ length: 120 }, () => ({
      x: 700 * next() - 50,
      y: 400 * next(),
      width: 30 + 90 * next(),
      height: 20,
      shown: next() < 0.3,
    }));
    const show = withoutOverlap(wanted, SCREEN);
    const cover = (a: Wanted, b: Wanted) =>
      Math.abs(a.x - b.x) < (a.width + b.width) / 2 + 4 && Math.abs(a.y - b.y) < (a.height + b.height) / 2 + 4;
    wanted.forEach((each, at) => {
      const covering = wanted.filter((other, other_at) => show[other_at] && other !== each && cover(each, other));
      const outside = each.x <= 0 || each.x >= SCREEN.width;
      expect(show[at]).toBe(!outside && covering.length === 0);
    });
  });

  test("that are shown stay, though a more important one comes near", () => {
    const size = { width: 50, height: 20, y: 100 };
    expect(
      withoutOverlap(
        [
          { ...size, x: 100, shown: false },
          { ...size, x: 120, shown: true },
        ],
        SCREEN,
      ),
    ).toEqual([false, true]);
  });

  test("stand where a class is densest, not between its parts", () => {
    const samples = new Samples(3000);
    samples.begin(
      "made",
      2,
      [
        [-10, -10],
        [10, 10],
      ],
      1,
    );
    const next = random(4);
    samples.add(
      0,
      Float32Array.from({ length: 6000 }, (_, at) => ((at >> 1) % 3 ? 8 : -8) + next()),
    );
    samples.colours.fill(5);
    const [x, y] = centresOf(samples).get(5)!;
    expect(x).toBeCloseTo(0.85, 1);
    expect(y).toBeCloseTo(0.85, 1);
  });

  test("are placed for every class there is", () => {
    const made = clusters(2000, 3, 10);
    const samples = new Samples(2000);
    samples.begin("made", 3, made.bounds, 1);
    samples.add(0, made.points);
    samples.colours.set(made.classes);
    expect([...centresOf(samples).keys()].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });
});
