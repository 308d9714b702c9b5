/**
 * Palettes that people with any kind of cones can tell apart.
 *
 * The first ten colours of categories are chosen, moved until they were far apart with all cones and without the long or
 * the middle ones. Each further one is that of a grid which is farthest from all before it, so that hundreds still differ.
 */

import {
  distance,
  fromOklab,
  isShowable,
  type Linear,
  type Oklab,
  polar,
  seenWith,
  toBytes,
  toOklab,
  VISIONS,
} from "./oklab";

export type Theme = "light" | "dark";
type Polar = readonly [lightness: number, strength: number, hue: number];

/** How many categories have a colour of their own; more begin again from the first. */
export const DISTINCT = 256;
/** Steps of a gradient. */
export const STEPS = 256;

const CHOSEN: Record<Theme, readonly Polar[]> = {
  dark: [
    [0.67, 0.18, 252], // blue
    [0.76, 0.173, 64], // orange
    [0.78, 0.173, 161], // green
    [0.65, 0.225, 12], // red
    [0.53, 0.215, 284], // violet
    [0.92, 0.185, 101], // yellow
    [0.8, 0.128, 226], // sky
    [0.66, 0.108, 329], // mauve
    [0.55, 0.112, 85], // brown
    [0.92, 0.101, 171], // mint
  ],
  light: [
    [0.5, 0.2, 272],
    [0.66, 0.138, 78],
    [0.5, 0.101, 165],
    [0.53, 0.215, 30],
    [0.38, 0.18, 319],
    [0.81, 0.169, 77],
    [0.72, 0.145, 232],
    [0.62, 0.133, 332],
    [0.32, 0.101, 39],
    [0.82, 0.185, 149],
  ],
};
const LIGHTNESS: Record<Theme, readonly [number, number]> = { dark: [0.52, 0.9], light: [0.36, 0.8] };
const CONTEXT_GREY: Record<Theme, Oklab> = { dark: [0.42, 0, 0], light: [0.82, 0, 0] };

/** The colours of so many categories, in their order, four bytes each. */
export function categoryPalette(theme: Theme, count: number): Uint8Array {
  const wanted = Math.min(count, DISTINCT);
  const colours = CHOSEN[theme].slice(0, wanted).map((each) => fromOklab(polar(...each)));
  if (wanted > colours.length) addFarthest(colours, wanted, theme);
  return asPalette(colours);
}

/** A gradient from little to much, four bytes a step; its lightness alone tells the order. */
export function gradient(theme: Theme): Uint8Array {
  const [from, to] = theme === "dark" ? [0.42, 0.95] : [0.3, 0.82];
  const steps = Array.from({ length: STEPS }, (_, step) => {
    const share = step / (STEPS - 1);
    const hue = 295 - 200 * share;
    return showable([from + (to - from) * share, 0.145 - 0.06 * Math.abs(2 * share - 1) ** 2, hue]);
  });
  return asPalette(steps);
}

/** One colour of a palette, as style sheets write it. */
export function cssColour(palette: Uint8Array, index: number): string {
  return `rgb(${palette[4 * index]} ${palette[4 * index + 1]} ${palette[4 * index + 2]})`;
}

function addFarthest(colours: Linear[], wanted: number, theme: Theme): void {
  const candidates = grid(theme).map((colour) => ({ colour, seen: asSeen(colour) }));
  const taken = [fromOklab(CONTEXT_GREY[theme]), ...colours].map(asSeen);
  const room = candidates.map(({ seen }) => Math.min(...taken.map((each) => apart(seen, each))));
  while (colours.length < wanted) {
    const next = candidates[room.indexOf(Math.max(...room))]!;
    colours.push(next.colour);
    candidates.forEach(({ seen }, index) => {
      room[index] = Math.min(room[index]!, apart(seen, next.seen));
    });
  }
}

function grid(theme: Theme): Linear[] {
  const [darkest, lightest] = LIGHTNESS[theme];
  const colours: Linear[] = [];
  for (let lightness = darkest; lightness <= lightest; lightness += 0.045) {
    for (const strength of [0.06, 0.1, 0.14, 0.18]) {
      for (let hue = 0; hue < 360; hue += 9) {
        const colour = fromOklab(polar(lightness, strength, hue));
        if (isShowable(colour)) colours.push(colour);
      }
    }
  }
  return colours;
}

/** The colour, or the strongest of its lightness and hue that a screen can show. */
function showable([lightness, strength, hue]: Polar): Linear {
  let [possible, tooStrong] = [0, strength];
  if (isShowable(fromOklab(polar(lightness, strength, hue)))) return fromOklab(polar(lightness, strength, hue));
  for (let halving = 0; halving < 20; halving++) {
    const middle = (possible + tooStrong) / 2;
    if (isShowable(fromOklab(polar(lightness, middle, hue)))) possible = middle;
    else tooStrong = middle;
  }
  return fromOklab(polar(lightness, possible, hue));
}

function asSeen(colour: Linear): readonly Oklab[] {
  return VISIONS.map((vision) => toOklab(seenWith(vision, colour)));
}

function apart(one: readonly Oklab[], other: readonly Oklab[]): number {
  let least = Number.POSITIVE_INFINITY;
  for (let vision = 0; vision < one.length; vision++)
    least = Math.min(least, distance(one[vision]!, other[vision]!));
  return least;
}

function asPalette(colours: readonly Linear[]): Uint8Array {
  return Uint8Array.from(colours.flatMap((colour) => [...toBytes(colour), 255]));
}
