/** Where the name of a class stands: amid the greatest crowd of its samples, not between two crowds. */

import { categoryPalette, cssColour, type Theme } from "./colours/palette";
import type { Label } from "./map/view";
import type { ColumnValues } from "./state/columns";

/** So many samples of a class say where it lies: in the fair order the first are a fair sample. */
const LOOKED_AT = 400;
const NEAREST_SHARE = 0.4;
const ROUNDS = 3;

export function classCentres(
  column: ColumnValues,
  points: Float32Array,
  dims: number,
  known: number,
  theme: Theme,
): Label[] {
  const categories = column.info.categories ?? [];
  const palette = categoryPalette(theme, categories.length);
  const members = categories.map((): number[] => []);
  for (let place = 0; place < known; place++) {
    const code = column.code(place);
    if (code === null || !Number.isFinite(points[place * dims])) continue;
    if (members[code]!.length < LOOKED_AT) members[code]!.push(place);
  }
  return categories.flatMap((text, code) => {
    const places = members[code]!;
    if (!places.length) return [];
    const colour = cssColour(palette, code % (palette.length / 4));
    return [{ text, centre: crowdCentre(places, points, dims), colour }];
  });
}

/** The middle of the nearest part of the samples, found again around that middle a few times. */
function crowdCentre(places: readonly number[], points: Float32Array, dims: number): [number, number, number] {
  let centre = medianOf(places, points, dims);
  const kept = Math.max(1, Math.round(places.length * NEAREST_SHARE));
  for (let round = 0; round < ROUNDS; round++) {
    const far = new Map(places.map((place) => [place, squaredDistance(place, centre, points, dims)]));
    const nearest = [...places].sort((one, other) => far.get(one)! - far.get(other)!).slice(0, kept);
    centre = meanOf(nearest, points, dims);
  }
  return centre;
}

function medianOf(places: readonly number[], points: Float32Array, dims: number): [number, number, number] {
  const middle: [number, number, number] = [0, 0, 0];
  for (let axis = 0; axis < dims; axis++) {
    const sorted = places.map((place) => points[place * dims + axis]!).sort((one, other) => one - other);
    middle[axis] = sorted[sorted.length >> 1]!;
  }
  return middle;
}

function meanOf(places: readonly number[], points: Float32Array, dims: number): [number, number, number] {
  const mean: [number, number, number] = [0, 0, 0];
  for (const place of places) {
    for (let axis = 0; axis < dims; axis++) mean[axis]! += points[place * dims + axis]! / places.length;
  }
  return mean;
}

function squaredDistance(place: number, to: readonly number[], points: Float32Array, dims: number): number {
  let sum = 0;
  for (let axis = 0; axis < dims; axis++) sum += (points[place * dims + axis]! - to[axis]!) ** 2;
  return sum;
}
