/** Where the eye is and what it sees: pure arithmetic, from camera to matrix and from gesture to camera. */

export type Dims = 2 | 3;
export type Vector = [number, number, number];

/**
 * Where the eye is, as plain JSON. Lengths are in map units: whatever map is shown, its widest axis runs from -1 to 1.
 * The eye looks at `target` from `distance` away. With azimuth and elevation 0 (radians) x points right and y up,
 * which is how a map of two dimensions is seen.
 */
export interface Camera {
  dims: Dims;
  target: Vector;
  distance: number;
  azimuth: number;
  elevation: number;
}

/** A rectangle on the screen, in whatever pixels the caller thinks in. */
export interface Viewport {
  width: number;
  height: number;
}

/** Half the field of view, as its tangent: 40 degrees over the shorter side. */
const HALF_VIEW = Math.tan((20 * Math.PI) / 180);
const NEAREST_W = 0.02;
const MOST_ELEVATION = Math.PI / 2;
const DISTANCES = { least: 1e-4, most: 100 } as const;

export const FLAT: Readonly<Camera> = { dims: 2, target: [0, 0, 0], distance: 3.2, azimuth: 0, elevation: 0 };
export const DEEP: Readonly<Camera> = { dims: 3, target: [0, 0, 0], distance: 4, azimuth: 0.6, elevation: 0.35 };

/** The eye's own axes in map units: to its right, upwards, and towards it. */
export function axes({ azimuth, elevation }: Camera): { right: Vector; up: Vector; towards: Vector } {
  const [sa, ca, se, ce] = [Math.sin(azimuth), Math.cos(azimuth), Math.sin(elevation), Math.cos(elevation)];
  return { right: [ca, 0, -sa], up: [-sa * se, ce, -ca * se], towards: [sa * ce, se, ca * ce] };
}

/** Map units that one pixel covers at the target's depth. */
export function unitsPerPixel(camera: Camera, { width, height }: Viewport): number {
  return (2 * camera.distance * HALF_VIEW) / Math.max(1, Math.min(width, height));
}

/**
 * From map units to clip space, column by column as WebGL wants it.
 *
 * `perspective` goes from 0, parallel rays, to 1, an eye at `distance`: at the target's depth both show the same, so that
 * two dimensions become three without a jump. w is 1 at the target's depth, less nearer. `radius` bounds how far
 * anything lies from the origin, so that depth has the precision that is needed and no more.
 */
export function clipMatrix(camera: Camera, view: Viewport, perspective: number, radius: number): Float64Array {
  const { right, up, towards } = axes(camera);
  const { target, distance } = camera;
  const least = Math.min(view.width, view.height);
  const [scaleX, scaleY] = [least / view.width, least / view.height].map((each) => each / (distance * HALF_VIEW));
  const slope = perspective / distance;
  const reach = 1.01 * (radius + Math.hypot(...target)) + 1e-6;
  const near = slope > 0 ? Math.min(reach, (1 - NEAREST_W) / slope) : reach;
  const [nearDepth, farDepth] = [near / (1 - slope * near), -reach / (1 + slope * reach)];
  const a = 2 / (farDepth - nearDepth);
  const b = 1 - a * farDepth;
  const rows = [
    right.map((each) => each * scaleX!),
    up.map((each) => each * scaleY!),
    towards.map((each) => each * (a - b * slope)),
    towards.map((each) => -each * slope),
  ];
  const constants = [0, 0, b, 1];
  const matrix = new Float64Array(16);
  rows.forEach((row, at) => {
    const moved = row[0]! * target[0] + row[1]! * target[1] + row[2]! * target[2];
    for (let axis = 0; axis < 3; axis++) matrix[4 * axis + at] = row[axis]!;
    matrix[12 + at] = constants[at]! - moved;
  });
  return matrix;
}

/** Where a point in map units is on the screen, CSS pixels, and how deep; null behind the eye. */
export function onScreen(
  clip: Float32Array,
  { width, height }: Viewport,
  [x, y, z]: Vector,
): { at: [number, number]; w: number } | null {
  const row = (at: number) => clip[at]! * x + clip[4 + at]! * y + clip[8 + at]! * z + clip[12 + at]!;
  const w = row(3);
  if (w <= 0) return null;
  return { at: [(width / 2) * (1 + row(0) / w), (height / 2) * (1 - row(1) / w)], w };
}

/** Turns around the target: a drag over the whole shorter side is half a turn. */
export function orbit(camera: Camera, dx: number, dy: number, { width, height }: Viewport): Camera {
  const turn = Math.PI / Math.max(1, Math.min(width, height));
  const elevation = camera.elevation + dy * turn;
  return {
    ...camera,
    azimuth: wrapped(camera.azimuth - dx * turn),
    elevation: Math.max(-MOST_ELEVATION, Math.min(MOST_ELEVATION, elevation)),
  };
}

/** Moves the target, so that what lies at its depth follows the pointer. */
export function pan(camera: Camera, dx: number, dy: number, view: Viewport): Camera {
  const { right, up } = axes(camera);
  const unit = unitsPerPixel(camera, view);
  const target = camera.target.map((each, axis) => each + unit * (dy * up[axis]! - dx * right[axis]!)) as Vector;
  return { ...camera, target };
}

/** Nearer (factor below 1) or farther; what lies under (x, y) at the target's depth stays under it. */
export function zoom(camera: Camera, factor: number, x: number, y: number, view: Viewport): Camera {
  const distance = Math.max(DISTANCES.least, Math.min(DISTANCES.most, camera.distance * factor));
  const kept = 1 - distance / camera.distance;
  const [dx, dy] = [x - view.width / 2, y - view.height / 2];
  return { ...pan(camera, -dx * kept, -dy * kept, view), distance };
}

/** Looks at a sphere from where all of it is seen, without turning. */
export function facing(camera: Camera, centre: Vector, radius: number): Camera {
  const distance = Math.max(DISTANCES.least, (1.08 * radius) / HALF_VIEW);
  return { ...camera, target: [...centre], distance: camera.dims === 3 ? distance + 0.15 * radius : distance };
}

/** On the way from one camera to another, at `t` from 0 to 1: a straight zoom, the shorter way round. */
export function between(from: Camera, to: Camera, t: number): Camera {
  const distance = from.distance * (to.distance / from.distance) ** t;
  const change = from.distance - to.distance;
  const share = Math.abs(change) > 1e-6 * to.distance ? (from.distance - distance) / change : t;
  return {
    dims: to.dims,
    target: from.target.map((each, axis) => each + share * (to.target[axis]! - each)) as Vector,
    distance,
    azimuth: wrapped(from.azimuth + t * wrapped(to.azimuth - from.azimuth)),
    elevation: from.elevation + t * (to.elevation - from.elevation),
  };
}

/** A camera from an address or a script: what is not a finite number there is taken from `fallback`. */
export function checkedCamera(given: Partial<Camera>, fallback: Camera): Camera {
  const number = (value: unknown, other: number) =>
    typeof value === "number" && Number.isFinite(value) ? value : other;
  const distance = number(given.distance, fallback.distance);
  const elevation = number(given.elevation, fallback.elevation);
  return {
    dims: given.dims === 2 || given.dims === 3 ? given.dims : fallback.dims,
    target: fallback.target.map((each, axis) => number(given.target?.[axis], each)) as Vector,
    distance: Math.max(DISTANCES.least, Math.min(DISTANCES.most, distance)),
    azimuth: wrapped(number(given.azimuth, fallback.azimuth)),
    elevation: Math.max(-MOST_ELEVATION, Math.min(MOST_ELEVATION, elevation)),
  };
}

/** The same angle between -π and π. */
function wrapped(angle: number): number {
  return angle - 2 * Math.PI * Math.round(angle / (2 * Math.PI));
}
