/** When how many points are drawn: as many as keep up while things move, then slice by slice until all are there. */

import { Budget, enlargement, weightOf } from "./budget";

const REMEMBERED_FRAMES = 2000;

interface Piece {
  /** In small points, as the budget counts. */
  weight: number;
  at: number;
  first: boolean;
}

export class Painter {
  /** Of the order, what is drawn so far. */
  drawn = 0;
  /** When frames were drawn, milliseconds, the latest last. */
  readonly frames: number[] = [];
  private readonly budget = new Budget();
  private fence: WebGLSync | null = null;
  private last: Piece | null = null;

  constructor(private readonly gl: WebGL2RenderingContext) {}

  /** False while the machine is still busy with the last piece: a second would only wait, and the user with it. */
  ready(now: number, moving: boolean): boolean {
    const { gl, fence, last } = this;
    if (fence) {
      if (gl.getSyncParameter(fence, gl.SYNC_STATUS) !== gl.SIGNALED && !gl.isContextLost()) return false;
      gl.deleteSync(fence);
      this.fence = null;
      if (last && !last.first) this.budget.refined(last.weight, now - last.at);
    }
    // between two frames of a movement lies all that a frame costs, not the points alone
    if (moving && last?.first) this.budget.moved(last.weight, now - last.at);
    return true;
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
    this.last = { weight: points * weightOf(diameter), at: now, first };
    this.fence = gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0);
    gl.flush();
    this.frames.push(now);
    if (this.frames.length > 2 * REMEMBERED_FRAMES) this.frames.splice(0, REMEMBERED_FRAMES);
  }

  /** Nothing moved for a while: the time until the next frame says nothing. */
  rested(): void {
    if (this.last?.first) this.last = null;
  }
}
