/** The colours of the map's own things, light and dark; the points' colours come from the palette. */

export type Theme = "light" | "dark";
export type Rgb = readonly [number, number, number];

export interface Colours {
  background: Rgb;
  /** A point without a value. */
  grey: Rgb;
  /** A point that is there for context only, while others are selected. */
  context: Rgb;
  ink: Rgb;
  accent: Rgb;
  warning: Rgb;
}

export const THEMES: Readonly<Record<Theme, Colours>> = {
  light: {
    background: rgb("#fbfbfd"),
    grey: rgb("#9aa0ab"),
    context: rgb("#d6d9df"),
    ink: rgb("#1a1d23"),
    accent: rgb("#2456d6"),
    warning: rgb("#c2410c"),
  },
  dark: {
    background: rgb("#14161b"),
    grey: rgb("#7c828e"),
    context: rgb("#363b45"),
    ink: rgb("#f2f4f8"),
    accent: rgb("#8ab4ff"),
    warning: rgb("#ff9e64"),
  },
};

function rgb(hex: string): Rgb {
  return [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16) / 255) as unknown as Rgb;
}
