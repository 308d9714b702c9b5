/** Answers what lies where on the screen, over every point that is shown, and follows the pointer. */

import type { Content } from "./content";
import type { Drawing } from "./drawing";
import { pick, REACH } from "./picking";
import { type Polygon, placesWithinInParts } from "./region";
import type { Surface } from "./surface";

export class Asking {
  private pointer: readonly [number, number] | null = null;
  private pointerMoved = false;
  private nextLook = 0;

  constructor(
    private readonly surface: Surface,
    private readonly content: Content,
    private readonly drawing: Drawing,
  ) {}

  /** The place under a position, or, where a miss may be wider, the nearest within so many CSS pixels. */
  pick(x: number, y: number, reach = REACH): number | null {
    const { content, drawing } = this;
    if (content.morphing) return null;
    const isPicture = drawing.wanted.style === "pictures";
    const drawn = {
      clip: drawing.clip(),
      view: this.surface.size,
      radius: drawing.diameter / 2,
      shape: isPicture ? (content.scene?.pictures.shape ?? ([1, 1] as const)) : null,
      flat: drawing.isFlat,
      parted: content.order.front.length > 0,
    };
    return pick(content.samples, drawn, x, y, reach);
  }

  /** The shown places inside a shape, as the map is seen now; null where there are other samples before it is known. */
  within(shape: Polygon): Promise<Uint32Array | null> {
    const { samples } = this.content;
    const isWanted = () => this.content.samples === samples;
    return placesWithinInParts(samples, this.drawing.clip(), { ...this.surface.size }, shape, isWanted);
  }

  /** The pointer is somewhere else, or nowhere. */
  pointAt(at: readonly [number, number] | null): void {
    this.pointer = at;
    this.pointerMoved = true;
    this.drawing.again();
  }

  /** What the pointer is over since it moved; undefined where there is nothing new to say. */
  follow(now: number): number | null | undefined {
    if (!this.pointerMoved) return undefined;
    // among many millions a look takes tens of milliseconds: then the pointer is followed less often
    if (now < this.nextLook) {
      this.drawing.again();
      return undefined;
    }
    this.pointerMoved = false;
    const began = performance.now();
    const place = this.pointer && this.pick(...this.pointer);
    this.nextLook = now + 4 * (performance.now() - began);
    return place;
  }
}
