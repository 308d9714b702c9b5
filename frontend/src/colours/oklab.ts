/**
 * Colours by how they look: Oklab, in which equal steps look equally large, and what people see who lack one kind of cone.
 *
 * Sources: Björn Ottosson, "A perceptual color space for image processing", 2020; Viénot, Brettel & Mollon, "Digital
 * video colourmaps for checking the legibility of displays by dichromats", 1999.
 */

/** Linear light, 0 to 1 each. */
export type Linear = readonly [number, number, number];
/** Lightness 0 to 1, then green to red, blue to yellow. */
export type Oklab = readonly [number, number, number];
export const VISIONS = ["all cones", "no long cones", "no middle cones"] as const;
export type Vision = (typeof VISIONS)[number];

export function fromOklab([lightness, a, b]: Oklab): Linear {
  const long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const middle = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const short = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short,
    -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short,
    -0.0041960863 * long - 0.7034186147 * middle + 1.707614701 * short,
  ];
}

export function toOklab([red, green, blue]: Linear): Oklab {
  const long = Math.cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue);
  const middle = Math.cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue);
  const short = Math.cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue);
  return [
    0.2104542553 * long + 0.793617785 * middle - 0.0040720468 * short,
    1.9779984951 * long - 2.428592205 * middle + 0.4505937099 * short,
    0.0259040371 * long + 0.7827717662 * middle - 0.808675766 * short,
  ];
}

/** From lightness, strength (0 is grey, 0.3 the strongest) and hue in degrees. */
export function polar(lightness: number, strength: number, hue: number): Oklab {
  const angle = (hue * Math.PI) / 180;
  return [lightness, strength * Math.cos(angle), strength * Math.sin(angle)];
}

/** Whether a screen can show it. */
export function isShowable(colour: Linear): boolean {
  return colour.every((part) => part >= -1e-4 && part <= 1 + 1e-4);
}

/** Three bytes as a screen takes them. */
export function toBytes(colour: Linear): [number, number, number] {
  const byte = (part: number) => {
    const clipped = Math.min(1, Math.max(0, part));
    return Math.round(255 * (clipped <= 0.0031308 ? 12.92 * clipped : 1.055 * clipped ** (1 / 2.4) - 0.055));
  };
  return [byte(colour[0]), byte(colour[1]), byte(colour[2])];
}

export function seenWith(vision: Vision, colour: Linear): Linear {
  if (vision === "all cones") return colour;
  const [red, green, blue] = colour;
  const kept = vision === "no long cones" ? [0.11238, 0.88762, 0.00401] : [0.29275, 0.70725, -0.02234];
  const mixed = kept[0]! * red + kept[1]! * green;
  return [mixed, mixed, kept[2]! * red - kept[2]! * green + blue];
}

export function distance(one: Oklab, other: Oklab): number {
  return Math.sqrt((one[0] - other[0]) ** 2 + (one[1] - other[1]) ** 2 + (one[2] - other[2]) ** 2);
}
