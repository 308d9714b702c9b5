/** Something on its way from 0 to 1, gently at both ends. */

export class Motion {
  constructor(
    private readonly began: number,
    private readonly milliseconds: number,
  ) {}

  /** How far it is at a time, from 0 to 1. */
  at(now: number): number {
    if (this.milliseconds <= 0) return 1;
    const t = Math.max(0, Math.min(1, (now - this.began) / this.milliseconds));
    return t * t * t * (t * (6 * t - 15) + 10);
  }

  over(now: number): boolean {
    return now - this.began >= this.milliseconds;
  }
}

/** Whoever asked their system for less motion gets there at once. */
export function duration(milliseconds: number): number {
  return matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : milliseconds;
}
