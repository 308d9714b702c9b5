/** The map on the screen: draws, picks and moves points by their place, and knows nothing of requests. */

import { type Camera, type Dims, onScreen, orbit, pan, type Viewport, zoom } from "./camera";
import { sphereOf } from "./extent";
import { Eye } from "./eye";
import { Gestures, type Modifiers, type RegionMode, type Tool } from "./gestures";
import { attenuated, type Look, roomyDiameter } from "./look";
import type { Mark, MarkKind } from "./marks/marks";
import { duration, Motion } from "./motion";
import { type Label, Names } from "./names";
import { drawingOrder, type Order } from "./order";
import { Outline } from "./outline";
import { checkedPalette } from "./palette";
import { type Drawn, pick } from "./picking";
import { pictureOf } from "./picture";
import type { Pictures } from "./pictures/source";
import { type Polygon, placesWithin, placesWithinInParts } from "./region";
import { type Bounds, FALSE_NEIGHBOUR, NEIGHBOUR, Samples, SELECTED } from "./samples";
import { Scene } from "./scene";
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
  camera(state: Camera): void;
  /** Of the points that can be drawn (here, and not hidden), how many are. */
  drawn(count: number, total: number): void;
  /** Why nothing can be drawn, in words; null when it can again. */
  problem(text: string | null): void;
}

const MORPH_MS = 900;
const MOST_MARKS = 2000;
const MOST_PIXELS = 3840 * 2160;
const PICTURES_REST_MS = 200;
const SHOW_MS = 120;

type Listeners = { [Name in keyof MapEvents]: Set<MapEvents[Name]> };

export class MapView {
  private readonly canvas = document.createElement("canvas");
  private readonly gl: WebGL2RenderingContext | null;
  private readonly outline: Outline;
  private readonly gestures: Gestures;
  private readonly resizes: ResizeObserver;
  private readonly listeners: Listeners = {
    hover: new Set(),
    click: new Set(),
    region: new Set(),
    camera: new Set(),
    drawn: new Set(),
    problem: new Set(),
  };
  private scene: Scene | null = null;
  private samples = new Samples(0);
  private order: Order = { front: new Uint32Array(), back: null, count: 0 };
  private palette = checkedPalette(new Uint8Array());
  private pictures: Pictures | null = null;
  private theme: Theme = "light";
  private readonly names = new Names();
  private readonly eye = new Eye();
  private morphing: Motion | null = null;
  private hovered: number | null = null;
  private marked: number[] = [];
  private selecting = false;
  private size = { width: 1, height: 1, ratio: 1 };

  private request = 0;
  /** What is drawn no longer holds: it is begun anew. */
  private stale = true;
  private orderStale = false;
  /** Only what lies over the points changed. */
  private overlayStale = false;
  private wasMoving = false;
  private shown = 0;
  private enlarged = 1;
  private heldUntil = 0;
  private pointer: readonly [number, number] | null = null;
  private pointerMoved = false;
  private nextLook = 0;
  private readonly told = { drawn: -1, total: -1, camera: this.eye.camera };
  private waitingForFrame: (() => void)[] = [];
  private waitingForPicture: ((picture: Promise<Blob>) => void)[] = [];
  private picturesWait = false;
  private picturesTimer = 0;
  private disposed = false;

  private chosen = {
    style: "points" as "points" | "pictures",
    pointSize: null as number | null,
    pictureSize: null as number | null,
  };
  tool: Tool = "orbit";

  constructor(host: HTMLElement) {
    if (getComputedStyle(host).position === "static") host.style.position = "relative";
    const { canvas } = this;
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "application");
    canvas.setAttribute(
      "aria-label",
      "Map of the points. Arrow keys turn or move it, plus and minus zoom, 0 shows all.",
    );
    canvas.style.cssText = "position:absolute;inset:0;width:100%;height:100%;touch-action:none;display:block";
    host.append(canvas);
    this.outline = new Outline(host);
    this.gl = canvas.getContext("webgl2", {
      antialias: false,
      alpha: false,
      depth: false,
      powerPreference: "high-performance",
    });
    this.gestures = new Gestures(canvas, this.hands());
    canvas.addEventListener("webglcontextlost", (event) => {
      event.preventDefault();
      this.scene?.dispose(); // pictures under way must not come to what is gone
      this.scene = null;
      if (!this.disposed) this.tell("problem", "The graphics card was taken away; the map comes back with it.");
    });
    canvas.addEventListener("webglcontextrestored", () => {
      this.buildScene();
      this.tell("problem", null);
    });
    this.resizes = new ResizeObserver(([entry]) => this.resized(entry!));
    this.resizes.observe(canvas);
    if (this.gl) this.buildScene();
    else
      setTimeout(() =>
        this.tell(
          "problem",
          "This browser offers no WebGL2, which the map is drawn with. Allow it in its settings, or use another.",
        ),
      );
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
    this.samples = new Samples(total);
    this.morphing = null;
    this.hovered = null;
    this.marked = [];
    this.selecting = false;
    this.pictures = null;
    this.names.set([]);
    this.eye.atHome = true;
    this.orderStale = true;
    this.buildScene();
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
    const { samples } = this;
    const isNew = !samples.isCurrent(map);
    if (isNew) this.beginMap(map, dims, bounds);
    const count = samples.add(from, points, present);
    this.scene?.places.pointsChanged(from, count);
    if (isNew) this.welcome();
    if (from < 60_000) this.names.changed();
    if (this.order.back || this.order.front.length || isNew) this.orderStale = true;
    else this.appended(from, count);
    this.again();
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

  /** The first points of a map are there: they are looked at as what they are. */
  private welcome(): void {
    const now = performance.now();
    const fly = this.samples.previous !== null;
    if (this.samples.dims !== this.eye.camera.dims) this.eye.become(this.samples.dims, now, fly);
    const sphere = sphereOf(this.samples, null);
    if (this.eye.atHome && sphere) this.eye.home(sphere, now, fly);
    this.stale = true;
  }

  /** Where nothing is flagged and nobody absent, the order grows by what came. */
  private appended(from: number, count: number): void {
    for (let place = from; place < from + count; place++)
      if (!this.samples.isShown(place)) {
        this.orderStale = true;
        return;
      }
    this.order = { ...this.order, count: this.samples.arrived };
    this.scene?.places.orderChanged(this.order);
    if (from + count < this.samples.arrived) this.stale = true; // points that were there already have moved
  }

  /** Up to 4096 colours, four bytes each. */
  setPalette(rgba: Uint8Array): void {
    this.palette = checkedPalette(rgba);
    this.scene?.palette.changed(this.palette);
    this.changed();
  }

  /** Per place from `from` on: an index into the palette, or NO_COLOUR. */
  setColours(from: number, index: Uint16Array): void {
    this.samples.colours.set(index, from);
    this.scene?.places.coloursChanged(from, index.length);
    if (from < 60_000) this.names.changed();
    this.changed();
  }

  /** Per place: bits. When anything is selected, the rest is grey. */
  setFlags(flags: Uint8Array): void {
    this.samples.flags.set(flags);
    this.scene?.places.flagsChanged();
    this.selecting = flags.some((bits) => bits & SELECTED);
    this.marked = [];
    for (let place = 0; place < flags.length && this.marked.length < MOST_MARKS; place++)
      if (flags[place]! & (NEIGHBOUR | FALSE_NEIGHBOUR)) this.marked.push(place);
    this.names.changed();
    this.orderStale = true;
    this.changed();
  }

  /** Names for colours, the most important first. */
  setLabels(labels: readonly Label[]): void {
    this.names.set(labels);
    this.overlayChanged();
  }

  setPictures(pictures: Pictures | null): void {
    this.pictures = pictures;
    this.scene?.pictures.show(pictures, this.samples.total, this.picturesCame);
    this.changed();
  }

  private readonly picturesCame = (): void => {
    this.picturesWait = true;
    this.again();
  };

  // ---- how it looks

  get style(): "points" | "pictures" {
    return this.chosen.style;
  }
  set style(style: "points" | "pictures") {
    this.chosen.style = style;
    this.changed();
  }

  /** A point's diameter in CSS pixels; null: as the density allows. */
  get pointSize(): number | null {
    return this.chosen.pointSize;
  }
  set pointSize(pixels: number | null) {
    this.chosen.pointSize = pixels;
    this.changed();
  }

  /** A picture's wider side in CSS pixels; null: as the density allows. */
  get pictureSize(): number | null {
    return this.chosen.pictureSize;
  }
  set pictureSize(pixels: number | null) {
    this.chosen.pictureSize = pixels;
    this.changed();
  }

  setTheme(theme: Theme): void {
    this.theme = theme;
    this.changed();
  }

  setHovered(place: number | null): void {
    if (place === this.hovered) return;
    this.hovered = place;
    this.overlayChanged();
  }

  // ---- the camera

  get camera(): Camera {
    return structuredClone(this.eye.camera);
  }
  set camera(given: Partial<Camera>) {
    this.eye.setFrom(given);
    this.changed();
  }

  get autoRotate(): boolean {
    return this.eye.autoRotate;
  }
  set autoRotate(turning: boolean) {
    this.eye.autoRotate = turning;
    this.again();
  }

  /** Looks at some places from near by. */
  flyTo(places: Uint32Array): void {
    const sphere = sphereOf(this.samples, places);
    if (!sphere) return;
    const least = places.length === 1 ? 0.15 : 0.05;
    this.eye.lookAt({ ...sphere, radius: Math.max(least, 1.1 * sphere.radius) }, performance.now(), true);
    this.eye.atHome = false;
    this.again();
  }

  /** Looks at everything. */
  fit(): void {
    const sphere = sphereOf(this.samples, null);
    if (!sphere) return;
    this.eye.home(sphere, performance.now(), true);
    this.again();
  }

  // ---- asking

  /** The place under a position in CSS pixels from the host's corner, over all points that are shown. */
  pick(x: number, y: number): number | null {
    return this.morphing ? null : pick(this.samples, this.drawnAs(), x, y);
  }

  /** The shown places inside a polygon of CSS pixels. */
  within(polygon: Polygon): Uint32Array {
    return placesWithin(this.samples, this.clip(), this.size, polygon);
  }

  /** Times of drawn frames, milliseconds as of performance.now(), the latest last. */
  frames(): number[] {
    return [...(this.scene?.painter.frames ?? [])];
  }

  /** Resolves when the next frame has been drawn, with all that the map was told before. */
  nextFrame(): Promise<void> {
    this.again();
    return new Promise((resolve) => {
      this.waitingForFrame.push(resolve);
    });
  }

  /** The map as a PNG, names and marks included, once all of it is drawn. */
  picture(): Promise<Blob> {
    if (!this.gl) return Promise.reject(new Error("Nothing is drawn: this browser offers no WebGL2."));
    return new Promise((resolve) => {
      this.waitingForPicture.push(resolve);
      this.overlayChanged();
    });
  }

  private clip(): Float64Array {
    return this.eye.clip(this.size, this.samples.radius);
  }

  private drawnAs(): Drawn {
    const isPicture = this.chosen.style === "pictures";
    return {
      clip: this.clip(),
      view: this.size,
      radius: this.diameter() / 2,
      shape: isPicture ? (this.scene?.pictures.shape ?? [1, 1]) : null,
      flat: this.isFlat(),
      parted: this.order.front.length > 0,
    };
  }

  private isFlat(): boolean {
    return this.samples.dims === 2 && this.eye.isFlat && this.morphing === null;
  }

  /** Of a point or a picture at the target's depth, CSS pixels: what is asked for, or what leaves room between them. */
  private diameter(): number {
    const { style, pictureSize, pointSize } = this.chosen;
    const asked = style === "pictures" ? pictureSize : pointSize;
    return asked === null ? roomyDiameter(style, this.size, this.order.count, this.eye.camera) : Math.max(1, asked);
  }

  // ---- hands

  private hands() {
    const moveTo = (camera: Camera) => {
      this.eye.set(camera);
      this.changed();
    };
    return {
      tool: () => this.tool,
      turns: () => this.eye.camera.dims === 3,
      view: (): Viewport => this.size,
      turn: (dx: number, dy: number) => moveTo(orbit(this.eye.camera, dx, dy, this.size)),
      move: (dx: number, dy: number) => moveTo(pan(this.eye.camera, dx, dy, this.size)),
      zoom: (factor: number, x: number, y: number) => moveTo(zoom(this.eye.camera, factor, x, y, this.size)),
      showAll: () => this.fit(),
      hover: (at: readonly [number, number] | null) => {
        this.pointer = at;
        this.pointerMoved = true;
        this.again();
      },
      click: (x: number, y: number, modifiers: Modifiers) => this.tell("click", this.pick(x, y), modifiers),
      drawing: (shape: Polygon | null) => {
        const [red, green, blue] = THEMES[this.theme].accent.map((each) => Math.round(255 * each));
        this.outline.show(shape, `rgb(${red} ${green} ${blue})`);
      },
      shape: (shape: Polygon, mode: RegionMode) => void this.tellRegion(shape, mode),
    };
  }

  private async tellRegion(shape: Polygon, mode: RegionMode): Promise<void> {
    const { samples } = this;
    const isWanted = () => this.samples === samples;
    const places = await placesWithinInParts(samples, this.clip(), { ...this.size }, shape, isWanted);
    if (places) this.tell("region", places, mode);
  }

  private followPointer(now: number): void {
    if (!this.pointerMoved) return;
    // among many millions a look takes tens of milliseconds: then the pointer is followed less often
    if (now < this.nextLook) {
      this.again();
      return;
    }
    this.pointerMoved = false;
    const began = performance.now();
    const place = this.pointer && this.pick(...this.pointer);
    this.nextLook = now + 4 * (performance.now() - began);
    this.canvas.style.cursor = this.tool !== "orbit" ? "crosshair" : place === null ? "grab" : "pointer";
    if (place === this.hovered) return;
    this.setHovered(place);
    this.tell("hover", place);
  }

  // ---- drawing

  private changed(): void {
    this.stale = true;
    this.again();
  }

  private overlayChanged(): void {
    this.overlayStale = true;
    this.again();
  }

  private again(): void {
    if (!this.request && !this.disposed) this.request = requestAnimationFrame(this.tick);
  }

  private buildScene(): void {
    const { gl } = this;
    if (!gl || gl.isContextLost()) return;
    this.scene?.dispose();
    this.scene = new Scene(gl, this.samples, this.palette);
    this.scene.pictures.show(this.pictures, this.samples.total, this.picturesCame);
    this.fitTarget();
    this.orderStale = true;
    this.changed();
  }

  private resized(entry: ResizeObserverEntry): void {
    const { width, height } = entry.contentRect;
    if (width < 1 || height < 1) return;
    const most = Math.sqrt(MOST_PIXELS / (width * height));
    this.size = { width, height, ratio: Math.min(devicePixelRatio, Math.max(1, most)) };
    this.fitTarget();
    this.changed();
  }

  private fitTarget(): void {
    const { width, height, ratio } = this.size;
    const [wide, high] = [Math.max(1, Math.round(width * ratio)), Math.max(1, Math.round(height * ratio))];
    if (this.canvas.width !== wide || this.canvas.height !== high)
      [this.canvas.width, this.canvas.height] = [wide, high];
    this.scene?.target.resize(wide, high);
  }

  /** One frame: what moves goes on, then as many points are drawn as there is time for. */
  private readonly tick = (now: number): void => {
    this.request = 0;
    const { scene } = this;
    if (!scene) return;
    const moved = this.advance(now);
    if (moved) this.stale = true;
    if (!scene.painter.ready(now, this.stale && this.wasMoving)) {
      this.again();
      return;
    }
    this.renewOrder();
    this.enlarge(scene);
    this.wasMoving = this.stale;
    this.followPointer(now);
    const more = this.paint(scene, now);
    this.tellCamera();
    for (const resolve of this.waitingForFrame.splice(0)) resolve();
    if (more || moved) this.again();
    else this.settled(scene);
  };

  /** While not all points can be drawn they are larger; at rest the picture begins anew with their own size. */
  private enlarge({ painter }: Scene): void {
    const moving = this.stale && this.wasMoving && this.chosen.style === "points";
    const before = this.enlarged;
    this.enlarged = moving ? painter.enlargement(this.order.count, this.diameter() * this.size.ratio) : 1;
    // until there is as much to see as before, what was seen stays
    this.heldUntil = !this.stale && before > 1 ? 3 * painter.drawn : this.stale ? 0 : this.heldUntil;
    if (!this.stale && before > 1) this.stale = true;
  }

  private advance(now: number): boolean {
    const flown = this.eye.advance(now);
    const { morphing } = this;
    if (morphing?.over(now)) {
      this.morphing = null;
      this.samples.previous = null;
      this.scene?.places.mapSettled();
    }
    return flown || morphing !== null;
  }

  private morphAt(now: number): number {
    return this.morphing?.at(now) ?? 1;
  }

  private renewOrder(): void {
    if (!this.orderStale) return;
    this.orderStale = false;
    const before = this.order;
    this.order = drawingOrder(this.samples);
    this.scene?.places.orderChanged(this.order);
    if (this.order.front.length || before.front.length) this.stale = true;
  }

  /** Returns whether there is more to draw. */
  private paint(scene: Scene, now: number): boolean {
    const { painter } = scene;
    const { count } = this.order;
    const begins = this.stale;
    const look = this.look(now);
    const fading = scene.labels.arrange(this.placedNames(look), look, this.size, now);
    const points = painter.next(begins, count, look.diameter * look.ratio);
    const drew = begins || points > 0;
    if (drew) {
      scene.draw(look, this.chosen.style, painter.drawn, points, begins);
      painter.handed(points, look.diameter * look.ratio, begins, now);
    }
    // showing costs as much as thousands of points: a picture that is being completed is shown now and then
    const held = painter.drawn < Math.min(this.heldUntil, count);
    const due = !held && (begins || painter.drawn === count || now - this.shown >= SHOW_MS);
    if ((drew && due) || fading || this.overlayStale) {
      scene.show(look, this.marks(look));
      this.shown = now;
      this.overlayStale = false;
    }
    this.stale = false;
    this.tellDrawn(painter.drawn, count);
    return fading || painter.drawn < count;
  }

  private settled(scene: Scene): void {
    scene.painter.rested();
    if (this.waitingForPicture.length) {
      const look = this.look(performance.now());
      scene.show(look, this.marks(look));
      const picture = pictureOf(this.gl!);
      for (const resolve of this.waitingForPicture.splice(0)) resolve(picture);
    }
    if (this.chosen.style !== "pictures") return;
    this.sharpen(scene);
    if (!this.picturesWait || this.picturesTimer) return;
    // pages come in quick succession: what has come meanwhile is drawn together, when the picture before is complete
    this.picturesTimer = window.setTimeout(() => {
      this.picturesTimer = 0;
      this.picturesWait = false;
      this.changed();
    }, PICTURES_REST_MS);
  }

  /** Fetches single sharp pictures where few are seen large. */
  private sharpen(scene: Scene): void {
    const size = this.diameter() * this.size.ratio;
    const most = scene.pictures.detailsFor(size);
    if (most === 0) return;
    const { width, height } = this.size;
    const inView = this.within([
      [0, 0],
      [width, 0],
      [width, height],
      [0, height],
    ]);
    if (inView.length <= most) scene.pictures.wantDetails(inView, size, scene.places);
  }

  private tellCamera(): void {
    if (this.eye.camera === this.told.camera) return;
    this.told.camera = this.eye.camera;
    this.tell("camera", this.camera);
  }

  private tellDrawn(drawn: number, total: number): void {
    if (drawn === this.told.drawn && total === this.told.total) return;
    this.told.drawn = drawn;
    this.told.total = total;
    this.tell("drawn", drawn, total);
  }

  private look(now: number): Look {
    const { samples, eye, size } = this;
    return {
      clip: new Float32Array(this.clip()),
      width: this.canvas.width,
      height: this.canvas.height,
      ratio: size.ratio,
      morph: this.morphAt(now),
      total: samples.total,
      flat: this.isFlat(),
      parted: this.order.front.length > 0,
      selecting: this.selecting,
      diameter: this.diameter() * this.enlarged,
      fog: eye.fog(samples.radius),
      colours: THEMES[this.theme],
    };
  }

  private placedNames(look: Look) {
    return this.names.placed(
      this.samples,
      this.palette,
      look.morph,
      (at) => onScreen(look.clip, this.size, at)?.at ?? null,
    );
  }

  private marks(look: Look): Mark[] {
    const { flags } = this.samples;
    const marked = this.marked.map((place) => [place, flags[place]! & NEIGHBOUR ? "neighbour" : "false neighbour"]);
    if (this.hovered !== null) marked.push([this.hovered, "hovered"]);
    return (marked as [number, MarkKind][]).flatMap(([place, kind]) => {
      const position = this.samples.at(place, look.morph);
      const seen = position && onScreen(look.clip, this.size, position);
      if (!seen) return [];
      const radius = attenuated(look.diameter, seen.w) / 2 + 2.5;
      return [{ x: seen.at[0], y: seen.at[1], radius, kind }];
    });
  }

  dispose(): void {
    this.disposed = true;
    cancelAnimationFrame(this.request);
    clearTimeout(this.picturesTimer);
    this.gestures.dispose();
    this.resizes.disconnect();
    this.scene?.dispose();
    this.gl?.getExtension("WEBGL_lose_context")?.loseContext();
    this.canvas.remove();
    this.outline.dispose();
  }
}
