/** The view: what is looked at and how, as a few values; all of it can be written into an address. */

import { batch, type Signal, signal } from "@preact/signals-core";
import type { Camera, Tool } from "../map/view";
import type { Remembered } from "./address";

const STATIC = "static";

export type Style = "points" | "pictures";

/** A wish to see some places from near by. */
export class Flight {
  readonly wish = signal<Uint32Array | null>(null);

  fly(places: ArrayLike<number>): void {
    this.wish.value = Uint32Array.from(places);
  }
}

export class View {
  readonly run = signal<string | null>(null);
  readonly layer = signal<string | null>(null);
  /** undefined: the latest there is; null: the layer changes over no training. */
  readonly step = signal<number | null | undefined>(undefined);
  readonly map = signal<string | null>(null);
  readonly colour = signal<string | null>(null);
  readonly style = signal<Style>("points");
  /** In CSS pixels; null: as dense as they lie. */
  readonly pointSize = signal<number | null>(null);
  readonly pictureSize = signal(28);
  readonly labels = signal(true);
  readonly tool = signal<Tool>("orbit");
  readonly rotating = signal(false);
  /** As it was moved last; null until it is. */
  readonly camera = signal<Camera | null>(null);
  /** The place whose sample is inspected. */
  readonly inspected = signal<number | null>(null);
  readonly hovered = signal<number | null>(null);
  /** How many points the map has drawn, of those that it can. */
  readonly drawn = signal({ count: 0, total: 0 });
  /** Asks the map to fly; whoever shows one listens. */
  readonly flight = new Flight();

  /** As texts, without what is as it would be anyway. */
  toRemember(): Remembered {
    const step = this.step.value;
    const texts: Record<string, string | null> = {
      run: this.run.value,
      layer: this.layer.value,
      step: step === undefined ? null : stepText(step),
      map: this.map.value,
      colour: this.colour.value,
      style: this.style.value === "points" ? null : this.style.value,
      point: this.pointSize.value === null ? null : String(this.pointSize.value),
      picture: this.pictureSize.value === 28 ? null : String(this.pictureSize.value),
      labels: this.labels.value ? null : "no",
      camera: this.camera.value && JSON.stringify(this.camera.value, rounded),
    };
    return Object.fromEntries(Object.entries(texts).filter((each): each is [string, string] => each[1] !== null));
  }

  /** Takes what an address says, and leaves the rest as it is. */
  recall(told: Remembered): void {
    batch(() => {
      take(this.run, told.run);
      take(this.layer, told.layer);
      take(this.map, told.map);
      this.colour.value = told.colour ?? null; // an empty one is one colour for all
      if (told.step !== undefined) this.step.value = told.step === STATIC ? null : number(told.step, 0, 2 ** 53);
      this.style.value = told.style === "pictures" ? "pictures" : "points";
      this.pointSize.value = number(told.point, 1, 40) ?? null;
      this.pictureSize.value = number(told.picture, 8, 200) ?? 28;
      this.labels.value = told.labels !== "no";
      this.camera.value = cameraOf(told.camera) ?? this.camera.value;
    });
  }
}

/** A step as addresses have it. */
export function stepText(step: number | null): string {
  return step === null ? STATIC : String(step);
}

function take(into: Signal<string | null>, told: string | undefined): void {
  if (told) into.value = told;
}

function number(text: string | undefined, least: number, greatest: number): number | undefined {
  const value = text === undefined || text === "" ? Number.NaN : Number(text);
  return value >= least && value <= greatest ? value : undefined;
}

/** A camera that somebody may have edited by hand: only what is one. */
export function cameraOf(text: string | undefined): Camera | null {
  try {
    const told = JSON.parse(text ?? "null") as Partial<Camera> | null;
    const numbers = [told?.distance, told?.azimuth, told?.elevation, ...(told?.target ?? [Number.NaN])];
    const fine = numbers.every((each) => typeof each === "number" && Number.isFinite(each));
    return fine && told?.target?.length === 3 && (told.dims === 2 || told.dims === 3) ? (told as Camera) : null;
  } catch {
    return null;
  }
}

function rounded(_name: string, value: unknown): unknown {
  return typeof value === "number" ? Number(value.toPrecision(5)) : value;
}
