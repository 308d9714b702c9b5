/** Where a class is named: at its densest spot, since the mean of a class in two pieces lies in neither. */

import type { Vector } from "../camera";
import { HIDDEN, isAbsent, type Samples } from "../samples";

/** Of the fair order's beginning: as good as all for this. */
const ASKED = 60_000;
const PER_CLASS = 800;
const CELL = 0.12;

/** For each colour index that has points among the shown ones: its densest spot, in map units. */
export function centresOf(samples: Samples): Map<number, Vector> {
  const centres = new Map<number, Vector>();
  for (const [index, points] of pointsByColour(samples)) centres.set(index, densestSpot(points));
  return centres;
}

function pointsByColour({ positions, flags, colours, arrived }: Samples): Map<number, Vector[]> {
  const classes = new Map<number, Vector[]>();
  for (let place = 0; place < Math.min(arrived, ASKED); place++) {
    const x = positions[3 * place]!;
    if (isAbsent(x) || flags[place]! & HIDDEN) continue;
    const index = colours[place]!;
    let points = classes.get(index);
    if (!points) classes.set(index, (points = []));
    if (points.length < PER_CLASS) points.push([x, positions[3 * place + 1]!, positions[3 * place + 2]!]);
  }
  return classes;
}

/** The fullest cell of a coarse grid, then a few steps to the mean of what lies around. */
function densestSpot(points: readonly Vector[]): Vector {
  const cells = new Map<string, Vector[]>();
  for (const point of points) {
    const key = point.map((each) => Math.floor(each / CELL)).join();
    const cell = cells.get(key);
    if (cell) cell.push(point);
    else cells.set(key, [point]);
  }
  let spot = mean([...cells.values()].reduce((fullest, each) => (each.length > fullest.length ? each : fullest)));
  for (let step = 0; step < 4; step++)
    spot = mean(
      points.filter((each) => Math.hypot(...each.map((value, axis) => value - spot[axis]!)) < 1.5 * CELL),
    );
  return spot;
}

function mean(points: readonly Vector[]): Vector {
  return [0, 1, 2].map((axis) => points.reduce((sum, each) => sum + each[axis]!, 0) / points.length) as Vector;
}
