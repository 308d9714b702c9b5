/** How one frame looks: what all layers draw with. */

import type { Camera, Viewport } from "./camera";
import type { Colours } from "./theme";

export interface Look {
  /** From map units to clip space, as camera.ts makes it. */
  clip: Float32Array;
  /** Device pixels. */
  width: number;
  height: number;
  /** Device pixels per CSS pixel. */
  ratio: number;
  /** How far the points are on their way from the last map, 0 to 1. */
  morph: number;
  total: number;
  /** Two dimensions: a later place lies over an earlier one. */
  flat: boolean;
  /** Some places lie in front of all others. */
  parted: boolean;
  /** Something is selected: the rest is context. */
  selecting: boolean;
  /** Of a point, or a picture's wider side, at the target's depth, CSS pixels. */
  diameter: number;
  /** How much of the background lies over what is farthest, 0 to 1, and how much depth (in w) that takes. */
  fog: readonly [strength: number, depth: number];
  colours: Colours;
}

/** The uniforms of view.glsl. What is drawn may reach `margin` device pixels over the canvas's edge. */
export function viewUniforms(look: Look, margin: number) {
  const guard = [look.width / (look.width + 2 * margin), look.height / (look.height + 2 * margin)];
  const { clip, morph, total, flat, parted, selecting } = look;
  return { clip, morph, total, flat_: flat, parted, selecting, guard };
}

/** Lets points whose centre lies beyond the edge reach into the canvas. */
export function guardedViewport(gl: WebGL2RenderingContext, { width, height }: Look, margin: number): void {
  gl.viewport(-margin, -margin, width + 2 * margin, height + 2 * margin);
}

/** The diameter of a point, or of a picture, that leaves room between so many: at the target's depth, CSS pixels. */
export function roomyDiameter(
  style: "points" | "pictures",
  { width, height }: Viewport,
  count: number,
  { distance }: Camera,
): number {
  const room = Math.sqrt((width * height) / Math.max(1, count));
  const nearer = (3.5 / distance) ** 0.45;
  if (style === "pictures") return Math.max(9, Math.min(72, Math.max(9, Math.min(40, 0.9 * room)) * nearer));
  return Math.max(2, Math.min(14, Math.max(2, Math.min(7, 0.55 * room)) * nearer));
}

/** Nearer points are larger, within reason; w is 1 at the target's depth. The shaders do the same. */
export function attenuated(size: number, w: number): number {
  return size * Math.min(4, Math.max(0.45, 1 / w));
}
