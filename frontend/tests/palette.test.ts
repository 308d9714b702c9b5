import { describe, expect, test } from "vitest";
import { distance, type Oklab, seenWith, toOklab, VISIONS, type Vision } from "../src/colours/oklab";
import { categoryPalette, DISTINCT, gradient, STEPS, type Theme } from "../src/colours/palette";

const THEMES: readonly Theme[] = ["light", "dark"];

function seen(palette: Uint8Array, vision: Vision): Oklab[] {
  const linear = (byte: number) => {
    const part = byte / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  };
  const colours: Oklab[] = [];
  for (let at = 0; at < palette.length; at += 4) {
    const [red, green, blue] = [palette[at]!, palette[at + 1]!, palette[at + 2]!];
    colours.push(toOklab(seenWith(vision, [linear(red), linear(green), linear(blue)])));
  }
  return colours;
}

function leastDistance(colours: readonly Oklab[]): number {
  const all = colours.flatMap((one, index) => colours.slice(0, index).map((other) => distance(one, other)));
  return Math.min(...all);
}

describe.each(THEMES)("on a %s page", (theme) => {
  test.each(VISIONS)("ten categories can be told apart with %s", (vision) => {
    // a just noticeable difference is about 0.02
    expect(leastDistance(seen(categoryPalette(theme, 10), vision))).toBeGreaterThan(0.08);
  });

  test("hundreds of categories have a colour each, all different", () => {
    const palette = categoryPalette(theme, 1000);
    expect(palette.length).toBe(4 * DISTINCT);
    expect(
      new Set(Array.from({ length: DISTINCT }, (_, at) => palette.slice(4 * at, 4 * at + 4).join())).size,
    ).toBe(DISTINCT);
  });

  test.each(VISIONS)("a gradient gets lighter at every step with %s", (vision) => {
    const colours = seen(gradient(theme), vision);
    expect(colours.length).toBe(STEPS);
    // eight steps apart, so that rounding to bytes does not decide
    colours.slice(8).forEach(([lightness], at) => {
      expect(lightness).toBeGreaterThan(colours[at]![0]);
    });
  });
});
