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
  const cells = new Map<number, Vector[]>();
  let fullest: Vector[] = [];
  for (const point of points) {
    const key = cellOf(point);
    let cell = cells.get(key);
    if (!cell) cells.set(key, (cell = []));
    cell.push(point);
    if (cell.length > fullest.length) fullest = cell;
  }
  let spot = meanNear(fullest, [0, 0, 0], Number.POSITIVE_INFINITY);
  for (let step = 0; step < 4; step++) spot = meanNear(points, spot, 1.5 * CELL);
  return spot;
}

/** A number for each cell; a map is two units wide, so that there are far fewer than 1024 along an axis. */
function cellOf([x, y, z]: Vector): number {
  return (Math.floor(x / CELL) * 1024 + Math.floor(y / CELL)) * 1024 + Math.floor(z / CELL);
}

/** The mean of those points that lie within reach of a spot. */
function meanNear(points: readonly Vector[], [x, y, z]: Vector, reach: number): Vector {
  let [sumX, sumY, sumZ, count] = [0, 0, 0, 0];
  for (const [px, py, pz] of points) {
    const [dx, dy, dz] = [px - x, py - y, pz - z];
    if (dx * dx + dy * dy + dz * dz >= reach * reach) continue;
    sumX += px;
    sumY += py;
    sumZ += pz;
    count++;
  }
  return count ? [sumX / count, sumY / count, sumZ / count] : [x, y, z];
}
