/** The class names of the map and where each belongs, following the points from map to map. */

import type { Vector } from "./camera";
import { centresOf } from "./labels/centres";
import type { PlacedName } from "./labels/labels";
import type { Samples } from "./samples";

/** A name shown where the points of a colour are densest; the first in a list are the most important. */
export interface Label {
  text: string;
  /** The colour's index in the palette. */
  index: number;
}

export class Names {
  private labels: readonly Label[] = [];
  private centres = new Map<number, Vector>();
  private before = new Map<number, Vector>();
  private stale = true;

  set(labels: readonly Label[]): void {
    this.labels = labels.map((each) => ({ ...each }));
    this.stale = true;
  }

  get any(): boolean {
    return this.labels.length > 0;
  }

  /** Points, colours or what is hidden changed. */
  changed(): void {
    this.stale = true;
  }

  /** Another map begins; the points had come `morph` of their way to the last one. */
  mapBegan(morph: number): void {
    this.before = new Map([...this.centres.keys()].map((index) => [index, this.centre(index, morph)!]));
    this.stale = true;
  }

  private centre(index: number, morph: number): Vector | null {
    const to = this.centres.get(index);
    const from = this.before.get(index);
    if (!to || !from || morph >= 1) return to ?? null;
    return to.map((each, axis) => from[axis]! + morph * (each - from[axis]!)) as Vector;
  }

  /** All names with where they are on the screen. */
  placed(
    samples: Samples,
    palette: Uint8Array,
    morph: number,
    project: (at: Vector) => readonly [number, number] | null,
  ): PlacedName[] {
    if (this.labels.length === 0) return [];
    if (this.stale) this.centres = centresOf(samples);
    this.stale = false;
    return this.labels.map(({ text, index }) => {
      const centre = this.centre(index, morph);
      const [red, green, blue] = palette.subarray(4 * index, 4 * index + 3);
      const colour = [(red ?? 128) / 255, (green ?? 128) / 255, (blue ?? 128) / 255] as const;
      return { text, colour, at: centre && project(centre) };
    });
  }
}
