/** The points of a map, asked for from the moment on when it is known which map is shown, whether or not one can draw yet. */

import type { PointsPart } from "../data/source";
import { partsOf } from "./columns";

type Ask = (from: number, count: number, ended: AbortSignal) => Promise<PointsPart>;

export class Points {
  private readonly ended = new AbortController();
  private readonly wanted: [from: number, count: number][];
  private readonly first: Promise<PointsPart>;

  /** @param key the map and its state, as `Lab.mapText`. */
  constructor(
    readonly key: string,
    total: number,
    private readonly ask: Ask,
  ) {
    this.wanted = partsOf(total);
    this.first = this.part(0);
  }

  /** Part after part, each asked for while the one before is being put on the map. */
  async *parts(): AsyncGenerator<PointsPart> {
    let coming = this.first;
    for (let at = 1; at <= this.wanted.length; at++) {
      const part = await coming;
      if (this.ended.signal.aborted) return;
      if (at < this.wanted.length) coming = this.part(at);
      yield part;
    }
  }

  /** Asks for no more. */
  end(): void {
    this.ended.abort();
  }

  private part(at: number): Promise<PointsPart> {
    const part = this.ask(...this.wanted[at]!, this.ended.signal);
    part.catch(() => {}); // whoever reads the parts hears of it
    return part;
  }
}
