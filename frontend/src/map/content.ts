/** What is on the map: samples with their points, colours and flags, in the order of drawing; names and pictures. */

import { SAMPLES_A_TURN } from "../turns";
import type { Dims } from "./camera";
import { duration, Motion } from "./motion";
import { type Label, Names } from "./names";
import { type Order, Ordering } from "./order";
import { checkedPalette } from "./palette";
import type { Pictures } from "./pictures/source";
import { type Bounds, Samples } from "./samples";
import type { Scene } from "./scene";

const MORPH_MS = 900;
/** Names stand where the first of the fair order lie. */
const NAMED = 60_000;

export class Content {
  samples = new Samples(0);
  palette = checkedPalette(new Uint8Array());
  pictures: Pictures | null = null;
  readonly names = new Names();
  /** The points' way to the current map; null: they have arrived. */
  morphing: Motion | null = null;
  hovered: number | null = null;
  /** What lies in graphics memory is told of every change; null while there is none. */
  scene: Scene | null = null;
  private ordering = new Ordering();
  /** The order by flags that are new, and not drawn by yet. */
  private coming: Ordering | null = null;

  get order(): Order {
    return this.ordering.order;
  }

  /** Whether what is not selected is grey. */
  get selecting(): boolean {
    return this.ordering.selecting;
  }

  /** Neighbours and false neighbours. */
  get marked(): readonly number[] {
    return this.ordering.marked;
  }

  /** Forgets everything; the palette stays. */
  reset(total: number): void {
    this.samples = new Samples(total);
    this.ordering = new Ordering();
    this.coming = null;
    this.morphing = null;
    this.hovered = null;
    this.pictures = null;
    this.names.set([]);
  }

  /** A chunk of a map, in the order of places; returns whether it is the first of a new map. */
  addPoints(
    map: string,
    dims: Dims,
    bounds: Bounds,
    from: number,
    points: Float32Array,
    present?: Uint8Array,
  ): boolean {
    const isNew = !this.samples.isCurrent(map);
    const before = this.samples.arrived;
    if (isNew) this.beginMap(map, dims, bounds);
    const count = this.samples.add(from, points, present);
    this.scene?.places.pointsChanged(from, count);
    if (from < NAMED) this.names.changed();
    if (isNew || from < before) this.beginOrder(); // who was absent may be there now
    return isNew;
  }

  private beginMap(map: string, dims: Dims, bounds: Bounds): void {
    const { samples } = this;
    const now = performance.now();
    const morph = this.morphAt(now);
    const interrupted = this.morphing !== null;
    this.names.mapBegan(morph);
    samples.begin(map, dims, bounds, morph);
    this.scene?.places.mapBegan(interrupted);
    this.morphing = samples.previous ? new Motion(now, duration(MORPH_MS)) : null;
  }

  private beginOrder(): void {
    if (this.coming) this.scene?.places.flagsChanged();
    this.coming = null;
    this.ordering = new Ordering();
  }

  setPalette(rgba: Uint8Array): void {
    this.palette = checkedPalette(rgba);
    this.scene?.palette.changed(this.palette);
  }

  setColours(from: number, index: Uint16Array): void {
    this.samples.colours.set(index, from);
    this.scene?.places.coloursChanged(from, index.length);
    if (from < NAMED) this.names.changed();
  }

  setFlags(flags: Uint8Array): void {
    this.samples.flags.set(flags);
    this.coming = new Ordering();
    this.names.changed();
  }

  setLabels(labels: readonly Label[]): void {
    this.names.set(labels);
  }

  /** How far the points have come on their way. */
  morphAt(now: number): number {
    return this.morphing?.at(now) ?? 1;
  }

  /** Lets points that move go on; returns whether any do. */
  advance(now: number): boolean {
    const { morphing } = this;
    if (morphing?.over(now)) {
      this.morphing = null;
      this.samples.previous = null;
      this.scene?.places.mapSettled();
    }
    return morphing !== null;
  }

  /** Whether there is more to put into order. */
  get unordered(): boolean {
    return this.coming !== null || !this.ordering.isComplete(this.samples);
  }

  /** Puts some more into order; returns whether what is drawn already is no longer right. */
  putInOrder(): boolean {
    if (!this.unordered) return false;
    const { samples, coming } = this;
    const before = this.order.front.length;
    const whole = (coming ?? this.ordering).advance(samples, SAMPLES_A_TURN);
    if (coming) {
      // drawn in the old order, and with the old flags, until the new one is whole
      if (!whole) return false;
      this.ordering = coming;
      this.coming = null;
      this.scene?.places.flagsChanged();
    }
    this.scene?.places.orderChanged(this.order);
    return coming !== null || before > 0 || this.order.front.length > 0;
  }

  /** Graphics memory was made anew, and holds all flags. */
  renewed(scene: Scene): void {
    this.scene = scene;
    scene.places.orderChanged(this.order);
  }
}
