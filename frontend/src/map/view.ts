/** The map on the screen: draws, picks and moves points by their place, and knows nothing of requests. */

import { Asking } from "./asking";
import { type Camera, type Dims, orbit, pan, type Viewport, zoom } from "./camera";
import { Content } from "./content";
import { Drawing } from "./drawing";
import { sphereOf } from "./extent";
import { Eye } from "./eye";
import { Gestures, type Hands, type Modifiers, type RegionMode, type Tool } from "./gestures";
import type { Label } from "./names";
import { Outline } from "./outline";
import type { Pictures } from "./pictures/source";
import type { Polygon } from "./region";
import type { Bounds } from "./samples";
import { Surface } from "./surface";
import { THEMES, type Theme } from "./theme";

export type { Camera, Dims } from "./camera";
export type { Modifiers, RegionMode, Tool } from "./gestures";
export type { Label } from "./names";
export type { Pictures } from "./pictures/source";
export { type Bounds, FALSE_NEIGHBOUR, HIDDEN, NEIGHBOUR, NO_COLOUR, SELECTED } from "./samples";
export type { Theme } from "./theme";

export interface MapEvents {
  hover(place: number | null): void;
  click(place: number | null, modifiers: Modifiers): void;
  region(places: Uint32Array, mode: RegionMode): void;
  /** As it was moved; null where it stands as on any map that nobody moved. */
  camera(state: Camera | null): void;
  /** Of the points that can be drawn (here, and not hidden), how many are. */
  drawn(count: number, total: number): void;
  /** Why nothing can be drawn, in words; null when it can again. */
  problem(text: string | null): void;
}

type Listeners = { [Name in keyof MapEvents]: Set<MapEvents[Name]> };

const TELL_MS = 200;
const NO_WEBGL =
  "This browser offers no WebGL2, which the map is drawn with. Allow it in its settings, or use another.";

export class MapView {
  private readonly listeners: Listeners = {
    hover: new Set(),
    click: new Set(),
    region: new Set(),
    camera: new Set(),
    drawn: new Set(),
    problem: new Set(),
  };
  private readonly content = new Content();
  private readonly eye = new Eye();
  private readonly surface: Surface;
  private readonly drawing: Drawing;
  private readonly asking: Asking;
  private readonly outline: Outline;
  private readonly gestures: Gestures;
  private readonly told = { drawn: -1, total: -1, at: 0, camera: this.eye.camera };
  private disposed = false;
  tool: Tool = "orbit";

  constructor(host: HTMLElement) {
    this.surface = new Surface(host, {
      resized: () => this.drawing.fit(),
      lost: () => {
        this.drawing.lost();
        if (!this.disposed) this.tell("problem", "The graphics card was taken away; the map comes back with it.");
      },
      restored: () => {
        this.drawing.build();
        this.tell("problem", null);
      },
    });
    this.drawing = new Drawing(this.surface, this.content, this.eye, {
      frame: (now) => this.followPointer(now),
      drawn: (count, total) => {
        this.tellDrawn(count, total);
        this.tellCamera();
      },
      failed: (error) => this.tell("problem", error?.message ?? null),
    });
    this.asking = new Asking(this.surface, this.content, this.drawing);
    this.outline = new Outline(host);
    this.gestures = new Gestures(this.surface.canvas, this.hands());
    if (this.surface.gl) this.drawing.build();
    else setTimeout(() => this.tell("problem", NO_WEBGL));
  }

  on<Name extends keyof MapEvents>(name: Name, listener: MapEvents[Name]): () => void {
    const listeners = this.listeners[name] as Set<MapEvents[Name]>;
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  private tell<Name extends keyof MapEvents>(name: Name, ...what: Parameters<MapEvents[Name]>): void {
    for (const each of this.listeners[name]) (each as (...what: Parameters<MapEvents[Name]>) => void)(...what);
  }

  // ---- what is on the map

  /** Forgets everything; places 0 … total-1 may come. */
  setSamples(total: number): void {
    this.content.reset(total);
    this.eye.atHome = true;
    this.drawing.renew();
  }

  /** A chunk of a map, in the order of places; the points of a new `map` move from where they are. */
  addPoints(
    map: string,
    dims: Dims,
    bounds: Bounds,
    from: number,
    points: Float32Array,
    present?: Uint8Array,
  ): void {
    const again = from < this.content.samples.arrived;
    if (this.content.addPoints(map, dims, bounds, from, points, present)) this.welcome();
    if (again) this.drawing.changed();
    else this.drawing.again();
  }

  /** The first points of a map are there: they are looked at as what they are. */
  private welcome(): void {
    const now = performance.now();
    const { samples } = this.content;
    const fly = samples.previous !== null;
    if (samples.dims !== this.eye.camera.dims) this.eye.become(samples.dims, now, fly);
    const sphere = sphereOf(samples, null);
    if (this.eye.atHome && sphere) this.eye.home(sphere, now, fly);
    this.drawing.changed();
  }

  /** Up to 4096 colours, four bytes each. */
  setPalette(rgba: Uint8Array): void {
    this.content.setPalette(rgba);
    this.drawing.changed();
  }

  /** Per place from `from` on: an index into the palette, or NO_COLOUR. */
  setColours(from: number, index: Uint16Array): void {
    this.content.setColours(from, index);
    this.drawing.changed();
  }

  /** Per place: bits. When anything is selected, the rest is grey. */
  setFlags(flags: Uint8Array): void {
    this.content.setFlags(flags);
    this.drawing.again();
  }

  /** Names for colours, the most important first. */
  setLabels(labels: readonly Label[]): void {
    this.content.setLabels(labels);
    this.drawing.overlayChanged();
  }

  setPictures(pictures: Pictures | null): void {
    this.content.pictures = pictures;
    this.drawing.showPictures();
  }

  setHovered(place: number | null): void {
    if (place === this.content.hovered) return;
    this.content.hovered = place;
    this.drawing.overlayChanged();
  }

  // ---- how it looks

  get style(): "points" | "pictures" {
    return this.drawing.wanted.style;
  }
  set style(style: "points" | "pictures") {
    this.drawing.wanted.style = style;
    this.drawing.changed();
  }

  /** A point's diameter in CSS pixels; null: as the density allows. */
  get pointSize(): number | null {
    return this.drawing.wanted.pointSize;
  }
  set pointSize(pixels: number | null) {
    this.drawing.wanted.pointSize = pixels;
    this.drawing.changed();
  }

  /** A picture's wider side in CSS pixels; null: as the density allows. */
  get pictureSize(): number | null {
    return this.drawing.wanted.pictureSize;
  }
  set pictureSize(pixels: number | null) {
    this.drawing.wanted.pictureSize = pixels;
    this.drawing.changed();
  }

  setTheme(theme: Theme): void {
    this.drawing.wanted.theme = theme;
    this.drawing.changed();
  }

  // ---- the camera

  get camera(): Camera {
    return structuredClone(this.eye.camera);
  }
  set camera(given: Partial<Camera>) {
    this.eye.setFrom(given);
    this.drawing.changed();
  }

  get autoRotate(): boolean {
    return this.eye.autoRotate;
  }
  set autoRotate(turning: boolean) {
    this.eye.autoRotate = turning;
    this.drawing.again();
  }

  /** Looks at some places from near by. */
  flyTo(places: Uint32Array): void {
    const sphere = sphereOf(this.content.samples, places);
    if (!sphere) return;
    const least = places.length === 1 ? 0.15 : 0.05;
    this.eye.lookAt({ ...sphere, radius: Math.max(least, 1.1 * sphere.radius) }, performance.now(), true);
    this.eye.atHome = false;
    this.drawing.again();
  }

  /** Looks at everything. */
  fit(): void {
    const sphere = sphereOf(this.content.samples, null);
    if (!sphere) return;
    this.eye.home(sphere, performance.now(), true);
    this.drawing.again();
  }

  /** Looks at everything, as before anybody moved the map. */
  lookAgain(): void {
    this.eye.become(this.content.samples.dims, performance.now(), false);
    const sphere = sphereOf(this.content.samples, null);
    if (sphere) this.eye.home(sphere, performance.now(), false);
    this.drawing.changed();
  }

  // ---- asking

  /**
   * The place under a position in CSS pixels from the host's corner, over all points that are shown; where none is hit,
   * the nearest within so many pixels.
   */
  pick(x: number, y: number, reach?: number): number | null {
    return this.asking.pick(x, y, reach);
  }

  /** The shown places inside a polygon of CSS pixels; null where other samples were set meanwhile. */
  within(polygon: Polygon): Promise<Uint32Array | null> {
    return this.asking.within(polygon);
  }

  /** Times of drawn frames, milliseconds as of performance.now(), the latest last. */
  frames(): number[] {
    return [...this.drawing.frames];
  }

  /** Resolves when the next frame has been drawn, with all that the map was told before; of samples not before their first points. */
  nextFrame(): Promise<void> {
    return this.drawing.nextFrame();
  }

  /** The map as a PNG, names and marks included, once all of it is drawn. */
  picture(): Promise<Blob> {
    return this.drawing.picture();
  }

  // ---- hands and eyes

  private hands(): Hands {
    const moveTo = (camera: Camera) => {
      this.eye.set(camera);
      this.drawing.changed();
    };
    const view = (): Viewport => this.surface.size;
    return {
      tool: () => this.tool,
      turns: () => this.eye.camera.dims === 3,
      view,
      turn: (dx, dy) => moveTo(orbit(this.eye.camera, dx, dy, view())),
      move: (dx, dy) => moveTo(pan(this.eye.camera, dx, dy, view())),
      zoom: (factor, x, y) => moveTo(zoom(this.eye.camera, factor, x, y, view())),
      showAll: () => this.fit(),
      hover: (at) => this.asking.pointAt(at),
      click: (x, y, modifiers) => this.tell("click", this.pick(x, y), modifiers),
      drawing: (shape) => {
        const [red, green, blue] = THEMES[this.drawing.wanted.theme].accent.map((each) => Math.round(255 * each));
        this.outline.show(shape, `rgb(${red} ${green} ${blue})`);
      },
      shape: (shape, mode) => void this.tellRegion(shape, mode),
    };
  }

  private async tellRegion(shape: Polygon, mode: RegionMode): Promise<void> {
    const places = await this.within(shape);
    if (places) this.tell("region", places, mode);
  }

  private followPointer(now: number): void {
    const place = this.asking.follow(now);
    if (place === undefined) return;
    this.surface.canvas.style.cursor = this.tool !== "orbit" ? "crosshair" : place === null ? "grab" : "pointer";
    if (place === this.content.hovered) return;
    this.setHovered(place);
    this.tell("hover", place);
  }

  private tellCamera(): void {
    if (this.eye.camera === this.told.camera) return;
    this.told.camera = this.eye.camera;
    this.tell("camera", this.eye.untouched ? null : this.camera);
  }

  /** At once when all are drawn or there are others to draw; of those on the way now and then, since each may be shown. */
  private tellDrawn(drawn: number, total: number): void {
    const { told } = this;
    const now = performance.now();
    if (drawn === told.drawn && total === told.total) return;
    const onTheWay = drawn < total && told.drawn < told.total && total === told.total;
    if (onTheWay && now - told.at < TELL_MS) return;
    Object.assign(told, { drawn, total, at: now });
    this.tell("drawn", drawn, total);
  }

  dispose(): void {
    this.disposed = true;
    this.gestures.dispose();
    this.drawing.dispose();
    this.outline.dispose();
    this.surface.dispose();
  }
}
