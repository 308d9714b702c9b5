/** What hands do to the map: pointer, wheel, fingers and keys, told as turns, moves, zooms, clicks and shapes. */

import type { Viewport } from "./camera";
import type { Polygon } from "./region";

/** The keys that say where the keyboard is. */
const STEERING = /^(Arrow.*|Enter|Tab)$/;

export type Tool = "orbit" | "box" | "lasso";
export type RegionMode = "replace" | "add" | "remove";

export interface Modifiers {
  shift: boolean;
  ctrl: boolean;
  alt: boolean;
}

/** Positions and distances in CSS pixels. */
export interface Hands {
  tool(): Tool;
  /** Whether a plain drag turns; else it moves. */
  turns(): boolean;
  view(): Viewport;
  turn(dx: number, dy: number): void;
  move(dx: number, dy: number): void;
  zoom(factor: number, x: number, y: number): void;
  showAll(): void;
  hover(at: readonly [number, number] | null): void;
  click(x: number, y: number, modifiers: Modifiers): void;
  /** A shape being drawn; null when it is done or given up. */
  drawing(shape: Polygon | null): void;
  shape(shape: Polygon, mode: RegionMode): void;
}

type Doing = "turn" | "move" | "shape" | null;
type Point = readonly [number, number];

const CLICK_REACH = 4;
const KEY_STEP = 40;
const WHEEL_LINE = 16;

export class Gestures {
  private readonly pointers = new Map<number, Point>();
  private doing: Doing = null;
  private travelled = 0;
  private path: Point[] = [];
  private readonly off = new AbortController();

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly hands: Hands,
  ) {
    const { signal } = this.off;
    const on = <Name extends keyof HTMLElementEventMap>(
      name: Name,
      act: (event: HTMLElementEventMap[Name]) => void,
    ) => canvas.addEventListener(name, act, { signal, passive: false });
    on("pointerdown", (event) => this.down(event));
    on("pointermove", (event) => this.moved(event));
    on("pointerup", (event) => this.up(event));
    on("pointercancel", (event) => this.cancel(event));
    on("pointerleave", () => this.hands.hover(null));
    on("wheel", (event) => this.wheel(event));
    on("keydown", (event) => this.key(event));
    on("blur", () => this.canvas.classList.remove("pointed"));
    on("contextmenu", (event) => event.preventDefault());
  }

  private at(event: MouseEvent): Point {
    const box = this.canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  private down(event: PointerEvent): void {
    this.canvas.classList.add("pointed"); // whoever points needs no marks of where the keyboard is
    this.canvas.focus({ preventScroll: true });
    this.canvas.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, this.at(event));
    this.hands.hover(null);
    if (this.pointers.size > 1) {
      this.giveUpShape();
      return;
    }
    this.travelled = 0;
    const aside = event.button !== 0 || event.ctrlKey || event.metaKey;
    if (this.hands.tool() !== "orbit" && !aside) {
      this.doing = "shape";
      this.path = [this.at(event)];
    } else this.doing = this.hands.turns() && !aside && !event.shiftKey ? "turn" : "move";
  }

  private moved(event: PointerEvent): void {
    const before = this.pointers.get(event.pointerId);
    const now = this.at(event);
    if (!before) {
      if (event.pointerType !== "touch") this.hands.hover(now);
      return;
    }
    if (this.pointers.size === 2) this.pinch(event.pointerId, before, now);
    else if (this.pointers.size === 1) this.drag(before, now);
    this.pointers.set(event.pointerId, now);
  }

  private drag(before: Point, now: Point): void {
    const [dx, dy] = [now[0] - before[0], now[1] - before[1]];
    this.travelled += Math.hypot(dx, dy);
    if (this.doing === "turn") this.hands.turn(dx, dy);
    else if (this.doing === "move") this.hands.move(dx, dy);
    else if (this.doing === "shape") {
      this.path.push(now);
      this.hands.drawing(this.shape());
    }
  }

  private pinch(moved: number, before: Point, now: Point): void {
    const other = [...this.pointers].find(([id]) => id !== moved)![1];
    const apart = (point: Point) => Math.max(10, Math.hypot(point[0] - other[0], point[1] - other[1]));
    this.travelled = Number.POSITIVE_INFINITY;
    this.hands.move((now[0] - before[0]) / 2, (now[1] - before[1]) / 2);
    this.hands.zoom(apart(before) / apart(now), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
  }

  private up(event: PointerEvent): void {
    const last = this.pointers.size === 1;
    const [x, y] = this.at(event);
    this.pointers.delete(event.pointerId);
    if (!last) return;
    const shape = this.shape();
    const wasShape = this.doing === "shape";
    this.giveUpShape();
    if (this.travelled <= CLICK_REACH) {
      if (event.button === 0) this.hands.click(x, y, modifiersOf(event));
    } else if (wasShape && shape.length > 2)
      this.hands.shape(shape, event.altKey ? "remove" : event.shiftKey ? "add" : "replace");
  }

  private cancel(event: PointerEvent): void {
    this.pointers.delete(event.pointerId);
    this.giveUpShape();
  }

  private giveUpShape(): void {
    if (this.doing === "shape") this.hands.drawing(null);
    this.doing = null;
    this.path = [];
  }

  private shape(): Polygon {
    const [first, last] = [this.path[0], this.path.at(-1)];
    if (this.hands.tool() !== "box" || !first || !last) return this.path;
    return [first, [last[0], first[1]], last, [first[0], last[1]]];
  }

  private wheel(event: WheelEvent): void {
    event.preventDefault();
    const pixels = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? event.deltaY * WHEEL_LINE : event.deltaY;
    // a pinch on a touch pad comes as a wheel with ctrl, in far smaller steps
    const factor = Math.exp(Math.max(-200, Math.min(200, pixels)) * (event.ctrlKey ? 0.01 : 0.0016));
    this.hands.zoom(factor, ...this.at(event));
  }

  private key(event: KeyboardEvent): void {
    if (STEERING.test(event.key)) this.canvas.classList.remove("pointed");
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { width, height } = this.hands.view();
    const arrow = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (arrow) {
      const [dx, dy] = [arrow[0]! * KEY_STEP, arrow[1]! * KEY_STEP];
      if (this.hands.turns() && !event.shiftKey) this.hands.turn(dx, dy);
      else this.hands.move(-dx, -dy);
    } else if (event.key === "+" || event.key === "=") this.hands.zoom(0.8, width / 2, height / 2);
    else if (event.key === "-") this.hands.zoom(1.25, width / 2, height / 2);
    else if (event.key === "0") this.hands.showAll();
    else if (event.key === "Escape" && this.doing === "shape") this.giveUpShape();
    else return;
    event.preventDefault();
  }

  dispose(): void {
    this.off.abort();
  }
}

function modifiersOf({ shiftKey, ctrlKey, metaKey, altKey }: MouseEvent): Modifiers {
  return { shift: shiftKey, ctrl: ctrlKey || metaKey, alt: altKey };
}
