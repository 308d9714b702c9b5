/** When how many points are drawn: as many as keep up while things move, then slice by slice until all are there. */

import { Budget, enlargement, weightOf } from "./budget";

const REMEMBERED_FRAMES = 2000;

/** One piece may wait while another is drawn, so that the machine never idles; a third would make the user wait. */
const MOST_UNDER_WAY = 2;
/** That a frame is done is told late, when the next but one could have begun; a browser asks for no more than keep up. */
const MOST_MOVING = 3;

interface Piece {
  /** In small points, as the budget counts. */
  weight: number;
  at: number;
  first: boolean;
  fence: WebGLSync;
}

export class Painter {
  /** Of the order, what is drawn so far. */
  drawn = 0;
  /** When frames were drawn, milliseconds, the latest last. */
  readonly frames: number[] = [];
  private readonly budget = new Budget();
  private readonly underWay: Piece[] = [];
  private last: Piece | null = null;
  private finished = 0;

  constructor(private readonly gl: WebGL2RenderingContext) {}

  /** False while the machine has enough to do. */
  ready(now: number, moving: boolean): boolean {
    while (this.underWay[0] && this.isDone(this.underWay[0])) this.learnFrom(this.underWay.shift()!, now);
    if (this.underWay.length >= (moving ? MOST_MOVING : MOST_UNDER_WAY)) return false;
    // between two frames of a movement lies all that a frame costs, not the points alone
    if (moving && this.last?.first) this.budget.moved(this.last.weight, now - this.last.at);
    return true;
  }

  private isDone({ fence }: Piece): boolean {
    const { gl } = this;
    return gl.isContextLost() || gl.getSyncParameter(fence, gl.SYNC_STATUS) === gl.SIGNALED;
  }

  private learnFrom(piece: Piece, now: number): void {
    this.gl.deleteSync(piece.fence);
    if (!piece.first) this.budget.refined(piece.weight, now - Math.max(piece.at, this.finished));
    this.finished = now;
  }

  /** How many points, of so many device pixels, the next piece has; a `first` one begins the picture anew. */
  next(first: boolean, count: number, diameter: number): number {
    if (first) this.drawn = 0;
    const fitting = (first ? this.budget.moving : this.budget.slice) / weightOf(diameter);
    return Math.min(Math.ceil(fitting), count - this.drawn);
  }

  /** How much larger than so many device pixels points are drawn while they move, if not all can be. */
  enlargement(count: number, diameter: number): number {
    return enlargement(this.budget.moving / weightOf(diameter), count);
  }

  /** A piece was handed to the machine, and shown. */
  handed(points: number, diameter: number, first: boolean, now: number): void {
    const { gl } = this;
    this.drawn += points;
    const fence = gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0)!;
    this.last = { weight: points * weightOf(diameter), at: now, first, fence };
    this.underWay.push(this.last);
    gl.flush();
    this.frames.push(now);
    if (this.frames.length > 2 * REMEMBERED_FRAMES) this.frames.splice(0, REMEMBERED_FRAMES);
  }

  /** No frame is wanted just now, though things still move: the next could begin as soon as the machine is done. */
  waited(now: number): void {
    if (this.underWay.length || !this.last?.first) return;
    this.budget.moved(this.last.weight, now - this.last.at);
    this.last = null;
  }

  /** Nothing moved for a while: the time until the next frame says nothing. */
  rested(): void {
    if (this.last?.first) this.last = null;
  }
}
