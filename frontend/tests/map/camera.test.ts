import { describe, expect, test } from "vitest";
import { random } from "../../scenes/data";
import {
  between,
  type Camera,
  checkedCamera,
  clipMatrix,
  DEEP,
  facing,
  orbit,
  pan,
  type Vector,
  zoom,
} from "../../src/map/camera";

const VIEW = { width: 900, height: 600 };

function onScreen(camera: Camera, point: Vector, perspective = 1) {
  const clip = clipMatrix(camera, VIEW, perspective, 2);
  const [x, y, z, w] = [0, 1, 2, 3].map((row) =>
    point.reduce((sum, each, axis) => sum + clip[4 * axis + row]! * each, clip[12 + row]!),
  ) as [number, number, number, number];
  return { x: (VIEW.width / 2) * (1 + x / w), y: (VIEW.height / 2) * (1 - y / w), depth: z / w, w };
}

function* cameras(count: number): Generator<Camera> {
  const next = random(7);
  const around = (size: number) => size * (2 * next() - 1);
  for (let at = 0; at < count; at++)
    yield {
      dims: 3,
      target: [around(1), around(1), around(1)],
      distance: 0.2 + 5 * next(),
      azimuth: around(Math.PI),
      elevation: around(Math.PI / 2),
    };
}

describe("a camera", () => {
  test("sees its target in the middle, at depth w = 1", () => {
    for (const camera of cameras(50)) {
      const seen = onScreen(camera, camera.target);
      expect(seen.x).toBeCloseTo(450, 6);
      expect(seen.y).toBeCloseTo(300, 6);
      expect(seen.w).toBeCloseTo(1, 9);
    }
  });

  test("shows x to the right and y upwards when it has not been turned", () => {
    const camera: Camera = { ...DEEP, azimuth: 0, elevation: 0 };
    expect(onScreen(camera, [0.5, 0, 0]).x).toBeGreaterThan(450);
    expect(onScreen(camera, [0, 0.5, 0]).y).toBeLessThan(300);
    expect(onScreen(camera, [0, 0, 0.5]).w).toBeLessThan(1);
  });

  test("shows the same at the target's depth with parallel rays as with perspective", () => {
    for (const camera of cameras(50)) {
      const moved = pan(camera, 120, -80, VIEW).target;
      const [flat, deep] = [onScreen(camera, moved, 0), onScreen(camera, moved, 1)];
      expect(flat.x).toBeCloseTo(deep.x, 6);
      expect(flat.y).toBeCloseTo(deep.y, 6);
    }
  });

  test("gives everything in front of it a depth between -1 and 1, the nearer the less", () => {
    const next = random(3);
    for (const camera of cameras(50))
      for (const perspective of [0, 0.4, 1]) {
        const points = Array.from({ length: 20 }, () => [0, 1, 2].map(() => 2 * next() - 1) as Vector);
        const seen = points.map((each) => onScreen(camera, each, perspective)).filter(({ w }) => w > 0.02);
        for (const { depth } of seen) expect(Math.abs(depth)).toBeLessThanOrEqual(1);
        if (perspective === 0) continue;
        const byDepth = [...seen].sort((a, b) => a.depth - b.depth).map(({ w }) => w);
        expect(byDepth).toEqual([...byDepth].sort((a, b) => a - b));
      }
  });

  test("moves what lies at the target's depth by as many pixels as it is dragged", () => {
    for (const camera of cameras(50)) {
      const seen = onScreen(pan(camera, 37, -21, VIEW), camera.target);
      expect(seen.x).toBeCloseTo(450 + 37, 6);
      expect(seen.y).toBeCloseTo(300 - 21, 6);
    }
  });

  test("keeps what lies under the pointer there when it zooms", () => {
    for (const camera of cameras(50))
      for (const factor of [0.5, 0.9, 1.3]) {
        const [x, y] = [700, 120];
        const under = pan(camera, 450 - x, 300 - y, VIEW).target;
        const seen = onScreen(zoom(camera, factor, x, y, VIEW), under);
        expect(seen.x).toBeCloseTo(x, 6);
        expect(seen.y).toBeCloseTo(y, 6);
      }
  });

  test("does not turn over its poles", () => {
    let camera = { ...DEEP };
    for (let at = 0; at < 20; at++) camera = orbit(camera, 0, 500, VIEW);
    expect(camera.elevation).toBeCloseTo(Math.PI / 2, 9);
  });

  test("sees all of a sphere it faces", () => {
    for (const dims of [2, 3] as const) {
      const camera = facing({ ...DEEP, dims }, [0.2, 0.1, -0.3], 0.5);
      for (const axis of [0, 1, 2])
        for (const side of [-0.5, 0.5]) {
          const edge: Vector = [0.2, 0.1, -0.3];
          edge[axis]! += side;
          const seen = onScreen(camera, edge, dims === 3 ? 1 : 0);
          expect(Math.abs(seen.x - 450)).toBeLessThan(450);
          expect(Math.abs(seen.y - 300)).toBeLessThan(300);
        }
    }
  });
});

describe("a flight", () => {
  test("begins and ends at its cameras", () => {
    const [from, to] = [...cameras(2)] as [Camera, Camera];
    for (const [t, goal] of [
      [0, from],
      [1, to],
    ] as const) {
      const seen = between(from, to, t);
      expect(seen.distance).toBeCloseTo(goal.distance, 9);
      seen.target.forEach((each, axis) => {
        expect(each).toBeCloseTo(goal.target[axis]!, 9);
      });
      expect(Math.cos(seen.azimuth)).toBeCloseTo(Math.cos(goal.azimuth), 9);
    }
  });

  test("turns the shorter way round", () => {
    const middle = between({ ...DEEP, azimuth: 3 }, { ...DEEP, azimuth: -3 }, 0.5);
    expect(Math.abs(middle.azimuth)).toBeGreaterThan(3);
  });
});

test("of a camera from an address, only what is a finite number is taken", () => {
  const odd = { dims: 7, target: [1, Number.NaN, "x"], distance: -3, azimuth: Infinity, elevation: 99 };
  expect(checkedCamera(odd as never, DEEP)).toEqual({
    dims: 3,
    target: [1, 0, 0],
    distance: 1e-4,
    azimuth: DEEP.azimuth,
    elevation: Math.PI / 2,
  });
});
