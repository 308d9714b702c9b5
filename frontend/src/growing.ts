/** A list of places that grows without a copy for each: places by the million come one by one. */
export class Growing {
  length = 0;
  private held: Uint32Array;

  constructor(room = 1024) {
    this.held = new Uint32Array(room);
  }

  /** 0 … length-1. */
  static upTo(length: number): Growing {
    const all = new Growing(Math.max(1024, length));
    for (let place = 0; place < length; place++) all.held[place] = place;
    all.length = length;
    return all;
  }

  push(place: number): void {
    if (this.length === this.held.length) {
      const larger = new Uint32Array(2 * this.length);
      larger.set(this.held);
      this.held = larger;
    }
    this.held[this.length++] = place;
  }

  /** What is in it now, not copied: good until more comes. */
  get values(): Uint32Array {
    return this.held.subarray(0, this.length);
  }
}
