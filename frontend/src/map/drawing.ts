/** Draws frame by frame: what moves goes on, then as many points as there is time for, and at rest all of them. */

import { onScreen } from "./camera";
import type { Content } from "./content";
import type { Eye } from "./eye";
import { attenuated, type Look, roomyDiameter } from "./look";
import type { Mark, MarkKind } from "./marks/marks";
import { pictureOf } from "./picture";
import { placesWithin } from "./region";
import { NEIGHBOUR } from "./samples";
import { Scene } from "./scene";
import type { Surface } from "./surface";
import { THEMES, type Theme } from "./theme";

const PICTURES_REST_MS = 200;
const SHOW_MS = 120;
/** A hand that stops for less is still moving the map. */
const REST_MS = 100;

/** How the map is wanted to look. */
export interface Wanted {
  style: "points" | "pictures";
  /** In CSS pixels; null: as the density allows. */
  pointSize: number | null;
  pictureSize: number | null;
  theme: Theme;
}

export interface DrawingEvents {
  /** Before a frame is drawn. */
  frame(now: number): void;
  /** After it: of the points that can be drawn, how many are. */
  drawn(count: number, total: number): void;
  /** This browser cannot draw it; null when it can again. */
  failed(error: Error | null): void;
}

export class Drawing {
  readonly wanted: Wanted = { style: "points", pointSize: null, pictureSize: null, theme: "light" };
  private request = 0;
  /** What is drawn no longer holds: it is begun anew. */
  private stale = true;
  /** Only what lies over the points changed. */
  private overlayStale = false;
  /** What moves is drawn straight onto the canvas, and is not kept. */
  private passing = false;
  /** Something changed, and again not long after. */
  private moving = false;
  /** When something last changed that was drawn anew. */
  private changedAt = Number.NEGATIVE_INFINITY;
  /** All was drawn, and no frame was asked for since. */
  private idle = true;
  private shown = 0;
  private enlarged = 1;
  private heldUntil = 0;
  private waitingForFrame: (() => void)[] = [];
  private waitingForPicture: ((picture: Promise<Blob>) => void)[] = [];
  private picturesWait = false;
  private picturesTimer = 0;
  private ended = false;
  /** This browser cannot draw it, which was told. */
  private failing = false;
  /** No frame is asked for until something changes. */
  private halted = false;

  constructor(
    private readonly surface: Surface,
    private readonly content: Content,
    private readonly eye: Eye,
    private readonly events: DrawingEvents,
  ) {}

  // ---- what makes it draw

  changed(): void {
    this.stale = true;
    this.halted = false;
    this.again();
  }

  overlayChanged(): void {
    this.overlayStale = true;
    this.again();
  }

  again(): void {
    if (!this.request && !this.ended && !this.halted) this.request = requestAnimationFrame(this.tick);
  }

  /** Makes anew what lies in graphics memory. */
  build(): void {
    const { content } = this;
    const { gl } = this.surface;
    if (!gl || gl.isContextLost()) return;
    content.scene?.dispose();
    content.renewed(new Scene(gl, content.samples, content.palette));
    this.showPictures();
    this.fit();
  }

  /** There are other samples. */
  renew(): void {
    const { scene, samples } = this.content;
    if (!scene) return;
    scene.take(samples);
    this.content.renewed(scene);
    this.showPictures();
  }

  /** Graphics memory is gone: pictures under way must not come to it. */
  lost(): void {
    this.content.scene?.dispose();
    this.content.scene = null;
  }

  fit(): void {
    this.content.scene?.target.resize(...this.surface.fit());
    this.changed();
  }

  showPictures(): void {
    const { scene, pictures, samples } = this.content;
    scene?.pictures.show(pictures, samples.total, this.picturesCame);
    this.changed();
  }

  private readonly picturesCame = (): void => {
    this.picturesWait = true;
    this.again();
  };

  // ---- what is waited for

  get frames(): readonly number[] {
    return this.content.scene?.painter.frames ?? [];
  }

  nextFrame(): Promise<void> {
    if (this.halted) return Promise.resolve();
    this.again();
    return new Promise((resolve) => {
      this.waitingForFrame.push(resolve);
    });
  }

  picture(): Promise<Blob> {
    if (!this.surface.gl || this.halted)
      return Promise.reject(new Error("There is no picture: this browser cannot draw the map."));
    return new Promise((resolve) => {
      this.waitingForPicture.push(resolve);
      this.overlayChanged();
    });
  }

  // ---- how it is drawn now

  clip(): Float64Array {
    return this.eye.clip(this.surface.size, this.content.samples.radius);
  }

  get isFlat(): boolean {
    return this.content.samples.dims === 2 && this.eye.isFlat && this.content.morphing === null;
  }

  /** Of a point or a picture at the target's depth, CSS pixels: what is asked for, or what leaves room between them. */
  get diameter(): number {
    const { style, pictureSize, pointSize } = this.wanted;
    const asked = style === "pictures" ? pictureSize : pointSize;
    const { order } = this.content;
    return asked === null
      ? roomyDiameter(style, this.surface.size, order.count, this.eye.camera)
      : Math.max(1, asked);
  }

  private look(now: number): Look {
    const { content, eye, surface } = this;
    return {
      clip: new Float32Array(this.clip()),
      width: surface.canvas.width,
      height: surface.canvas.height,
      ratio: surface.size.ratio,
      morph: content.morphAt(now),
      total: content.samples.total,
      flat: this.isFlat,
      parted: content.order.front.length > 0,
      selecting: content.selecting,
      diameter: this.diameter * this.enlarged,
      fog: eye.fog(content.samples.radius),
      colours: THEMES[this.wanted.theme],
    };
  }

  // ---- a frame

  private readonly tick = (now: number): void => {
    this.request = 0;
    const { content } = this;
    const { scene } = content;
    if (!scene) return;
    const points = content.advance(now);
    const moved = this.eye.advance(now) || points;
    if (moved) this.stale = true;
    const { painter } = scene;
    if (!this.compiled(scene) || !painter.ready(now, this.stale && this.passing)) {
      this.again();
      return;
    }
    if (!scene.drew && content.samples.arrived === 0 && content.samples.total > 0) {
      if (content.names.any) scene.labels.prepare(THEMES[this.wanted.theme]);
      return; // with an empty map the first points would wait for one frame more
    }
    if (content.putInOrder()) this.stale = true;
    this.events.frame(now);
    if (this.passing && !this.stale && !this.overlayStale && now - this.changedAt < REST_MS) {
      painter.waited(now);
      this.again();
      return;
    }
    this.choose(scene, now);
    const more = this.paint(scene, now);
    for (const resolve of this.waitingForFrame.splice(0)) resolve();
    if (more || moved || content.unordered) this.again();
    else this.settled(scene);
  };

  /** Whether all is compiled that draws; where this browser cannot, that is told, and nobody waits for a frame. */
  private compiled(scene: Scene): boolean {
    try {
      if (!scene.ready(this.wanted.style)) return false;
    } catch (error) {
      [this.failing, this.halted] = [true, true];
      this.events.failed(error as Error);
      for (const resolve of this.waitingForFrame.splice(0)) resolve();
      for (const resolve of this.waitingForPicture.splice(0)) resolve(Promise.reject(error));
      return false;
    }
    if (this.failing) this.events.failed(null);
    this.failing = false;
    return true;
  }

  /** What moves passes, its points larger while not all can be drawn; at rest a picture begins that is kept. */
  private choose({ painter }: Scene, now: number): void {
    const before = this.passing;
    const { count } = this.content.order;
    // frames may take longer than a hand rests: that time passed tells something only where nothing was waited for
    const stopped = now - this.changedAt >= REST_MS && (this.idle || !this.stale);
    if (stopped) this.moving = false;
    this.passing = this.stale && this.moving;
    const larger = this.passing && this.wanted.style === "points";
    this.enlarged = larger ? painter.enlargement(count, this.diameter * this.surface.size.ratio) : 1;
    if (this.stale) {
      this.changedAt = now;
      this.moving = true;
      this.heldUntil = 0;
    } else if (before) {
      this.stale = true;
      // until there is as much to see as before, what was seen stays
      this.heldUntil = 3 * painter.drawn;
    }
    this.idle = false;
  }

  /** Returns whether there is more to draw. */
  private paint(scene: Scene, now: number): boolean {
    const { painter } = scene;
    const { count } = this.content.order;
    const begins = this.stale;
    const look = this.look(now);
    const fading = scene.labels.arrange(this.placedNames(look), look, this.surface.size, now);
    const points = painter.next(begins, count, look.diameter * look.ratio);
    const drew = begins || points > 0;
    if (drew) {
      scene.draw(look, this.wanted.style, painter.drawn, points, begins, this.passing);
      painter.handed(points, look.diameter * look.ratio, begins, now);
    }
    // showing costs as much as thousands of points: a picture that is being completed is shown now and then
    const held = painter.drawn < Math.min(this.heldUntil, count);
    const due = begins || painter.drawn === count || now - this.shown >= SHOW_MS;
    if (!held && ((drew && due) || fading || this.overlayStale)) {
      scene.show(look, this.marks(look), this.passing);
      this.surface.reveal();
      this.shown = now;
      this.overlayStale = false;
    }
    this.stale = false;
    this.events.drawn(painter.drawn, count);
    return fading || this.passing || painter.drawn < count;
  }

  private placedNames(look: Look) {
    const { names, samples, palette } = this.content;
    const { size } = this.surface;
    return names.placed(samples, palette, look.morph, (at) => onScreen(look.clip, size, at)?.at ?? null);
  }

  private marks(look: Look): Mark[] {
    const { samples, marked, hovered } = this.content;
    const { flags } = samples;
    const wanted = marked.map((place) => [place, flags[place]! & NEIGHBOUR ? "neighbour" : "false neighbour"]);
    if (hovered !== null) wanted.push([hovered, "hovered"]);
    return (wanted as [number, MarkKind][]).flatMap(([place, kind]) => {
      const position = samples.at(place, look.morph);
      const seen = position && onScreen(look.clip, this.surface.size, position);
      if (!seen) return [];
      const radius = attenuated(look.diameter, seen.w) / 2 + 2.5;
      return [{ x: seen.at[0], y: seen.at[1], radius, kind }];
    });
  }

  // ---- at rest

  private settled(scene: Scene): void {
    this.idle = true;
    scene.painter.rested();
    if (this.waitingForPicture.length) {
      const look = this.look(performance.now());
      scene.show(look, this.marks(look), false);
      const picture = pictureOf(this.surface.gl!);
      if (picture) for (const resolve of this.waitingForPicture.splice(0)) resolve(picture);
      else this.changed();
    }
    if (this.wanted.style !== "pictures") return;
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
    const { samples } = this.content;
    const { size } = this.surface;
    const side = this.diameter * size.ratio;
    const most = scene.pictures.detailsFor(side);
    if (most === 0) return;
    const all = [
      [0, 0],
      [size.width, 0],
      [size.width, size.height],
      [0, size.height],
    ] as const;
    const inView = placesWithin(samples, this.clip(), size, all, 0, samples.arrived, most + 1);
    if (inView.length <= most) scene.pictures.wantDetails(inView, side, scene.places);
  }

  dispose(): void {
    this.ended = true;
    cancelAnimationFrame(this.request);
    clearTimeout(this.picturesTimer);
    this.content.scene?.dispose();
  }
}
