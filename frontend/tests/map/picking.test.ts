import { describe, expect, test } from "vitest";
import { random } from "../../scenes/data";
import { clipMatrix, DEEP, FLAT } from "../../src/map/camera";
import { type Drawn, pick } from "../../src/map/picking";
import { HIDDEN, Samples, SELECTED } from "../../src/map/samples";

const VIEW = { width: 400, height: 300 };
const BOUNDS = {
  2: [
    [-1, -1],
    [1, 1],
  ],
  3: [
    [-1, -1, -1],
    [1, 1, 1],
  ],
} as const;

function scattered(total: number, dims: 2 | 3): Samples {
  const next = random(total);
  const samples = new Samples(total);
  samples.begin("made", dims, BOUNDS[dims], 1);
  samples.add(
    0,
    Float32Array.from({ length: dims * total }, () => 2 * next() - 1),
  );
  return samples;
}

function seen(samples: Samples, drawn: Drawn, place: number) {
  const [x, y, z] = samples.positions.subarray(3 * place, 3 * place + 3);
  const row = (at: number) =>
    drawn.clip[at]! * x! + drawn.clip[4 + at]! * y! + drawn.clip[8 + at]! * z! + drawn.clip[12 + at]!;
  const w = row(3);
  return {
    x: (VIEW.width / 2) * (1 + row(0) / w),
    y: (VIEW.height / 2) * (1 - row(1) / w),
    w,
    radius: drawn.radius * Math.min(4, Math.max(0.45, 1 / w)),
  };
}

/** The topmost of the discs under the pointer, found the long way. */
function topmost(samples: Samples, drawn: Drawn, x: number, y: number): number | undefined {
  const all = Array.from({ length: samples.arrived }, (_, place) => ({ place, ...seen(samples, drawn, place) }));
  const hit = all.filter((each) => each.w > 0 && Math.hypot(each.x - x, each.y - y) <= each.radius);
  const shown = hit.filter(({ place }) => !(samples.flags[place]! & HIDDEN));
  const inFront = (place: number) => Number(drawn.parted && (samples.flags[place]! & SELECTED) > 0);
  shown.sort((a, b) => inFront(b.place) - inFront(a.place) || (drawn.flat ? b.place - a.place : a.w - b.w));
  return shown[0]?.place;
}

const deep: Drawn = {
  clip: clipMatrix(DEEP, VIEW, 1, 2),
  view: VIEW,
  radius: 5,
  shape: null,
  flat: false,
  parted: false,
};
const flat: Drawn = { ...deep, clip: clipMatrix(FLAT, VIEW, 0, 2), flat: true };

describe("picking", () => {
  test.each([
    ["two", flat, 2],
    ["three", deep, 3],
  ] as const)("finds the topmost point wherever one is hit, in %s dimensions", (_, drawn, dims) => {
    const samples = scattered(1500, dims);
    const next = random(5);
    samples.flags.forEach((_, place) => {
      samples.flags[place] = next() < 0.2 ? HIDDEN : next() < 0.2 ? SELECTED : 0;
    });
    let hits = 0;
    for (const parted of [false, true])
      for (let at = 0; at < 300; at++) {
        const [x, y] = [VIEW.width * next(), VIEW.height * next()];
        const wanted = topmost(samples, { ...drawn, parted }, x, y);
        if (wanted === undefined) continue;
        hits++;
        expect(pick(samples, { ...drawn, parted }, x, y)).toBe(wanted);
      }
    expect(hits).toBeGreaterThan(200);
  });

  test("finds the nearest within seven pixels where none is hit, and nothing farther off", () => {
    const samples = new Samples(2);
    samples.begin("made", 2, BOUNDS[2], 1);
    samples.add(0, Float32Array.of(0, 0, 0.9, 0.9));
    const small = { ...flat, radius: 1 };
    const { x, y } = seen(samples, small, 0);
    expect(pick(samples, small, x + 6, y)).toBe(0);
    expect(pick(samples, small, x, y + 8)).toBeNull();
  });

  test("takes a picture's whole rectangle, and not its surroundings", () => {
    const samples = new Samples(1);
    samples.begin("made", 2, BOUNDS[2], 1);
    samples.add(0, Float32Array.of(0, 0));
    const wide = { ...flat, radius: 40, shape: [1, 0.5] as const };
    expect(pick(samples, wide, 200 + 38, 150 + 18)).toBe(0);
    expect(pick(samples, wide, 200, 150 + 30)).toBeNull();
  });

  test("passes over what has not arrived, has no point, or is hidden", () => {
    const samples = new Samples(4);
    samples.begin("made", 2, BOUNDS[2], 1);
    samples.add(0, Float32Array.of(0, 0, 0, 0, Number.NaN, 0), Uint8Array.of(0b101));
    samples.flags[0] = HIDDEN;
    expect(pick(samples, flat, 200, 150)).toBeNull();
    samples.flags[0] = 0;
    expect(pick(samples, flat, 200, 150)).toBe(0);
  });
});
