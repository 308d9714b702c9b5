/** Long work in turns, so that the page answers hands and draws in between. */

/** So many samples in a turn: some ten milliseconds, whatever is done with each. */
export const SAMPLES_A_TURN = 1 << 18;

/** Resolves when the page has had its turn, or later. */
export function breath(milliseconds = 0): Promise<void> {
  return new Promise((resume) => setTimeout(resume, milliseconds));
}

/** Works from 0 to `total`, a part of it each turn; what fits into one is done at once. */
export async function inTurns(total: number, work: (from: number, end: number) => void): Promise<void> {
  for (let from = 0; from < total; from += SAMPLES_A_TURN) {
    if (from > 0) await breath();
    work(from, Math.min(total, from + SAMPLES_A_TURN));
  }
}
