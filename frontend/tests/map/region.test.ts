import { expect, test } from "vitest";
import { random } from "../../scenes/data";
import { clipMatrix, FLAT } from "../../src/map/camera";
import { type Polygon, placesWithin } from "../../src/map/region";
import { HIDDEN, Samples } from "../../src/map/samples";

const VIEW = { width: 500, height: 400 };
const CLIP = clipMatrix(FLAT, VIEW, 0, 2);
const samples = new Samples(4000);
const next = random(11);
samples.begin(
  "made",
  2,
  [
    [-1, -1],
    [1, 1],
  ],
  1,
);
samples.add(
  0,
  Float32Array.from({ length: 8000 }, () => 2 * next() - 1),
);
samples.flags[17] = HIDDEN;

/** By the even-odd rule, edge by edge. */
function inside(polygon: Polygon): number[] {
  const found: number[] = [];
  for (let place = 0; place < samples.total; place++) {
    const [px, py] = samples.positions.subarray(3 * place, 3 * place + 2) as unknown as [number, number];
    const x = (VIEW.width / 2) * (1 + CLIP[0]! * px + CLIP[12]!);
    const y = (VIEW.height / 2) * (1 - (CLIP[5]! * py + CLIP[13]!));
    let odd = false;
    polygon.forEach(([x0, y0], at) => {
      const [x1, y1] = polygon[(at + 1) % polygon.length]!;
      if (y0 > y !== y1 > y && x < x0 + ((y - y0) * (x1 - x0)) / (y1 - y0)) odd = !odd;
    });
    if (odd && !(samples.flags[place]! & HIDDEN)) found.push(place);
  }
  return found;
}

const star: Polygon = Array.from({ length: 5 }, (_, at) => {
  const turn = (4 * Math.PI * at) / 5;
  return [250 + 180 * Math.sin(turn), 200 - 180 * Math.cos(turn)] as const;
});
const scribble: Polygon = Array.from({ length: 400 }, () => [500 * next(), 400 * next()] as const);

test.each([
  [
    "a box",
    [
      [100, 80],
      [300, 80],
      [300, 220],
      [100, 220],
    ],
  ],
  ["a star that crosses itself", star],
  ["a scribble of four hundred strokes", scribble],
] as [string, Polygon][])("%s holds exactly the shown points inside it", (_, polygon) => {
  const wanted = inside(polygon);
  expect(wanted.length).toBeGreaterThan(50);
  expect([...placesWithin(samples, CLIP, VIEW, polygon)]).toEqual(wanted);
  const parts = [0, 1500, 3000].map((from) =>
    placesWithin(samples, CLIP, VIEW, polygon, from, Math.min(from + 1500, 4000)),
  );
  expect(parts.flatMap((each) => [...each])).toEqual(wanted);
});

test("a line holds nothing", () => {
  expect(
    placesWithin(samples, CLIP, VIEW, [
      [0, 0],
      [500, 400],
    ]),
  ).toHaveLength(0);
});
