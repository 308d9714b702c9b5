/** Which names are shown where, so that none covers another: the important first, and who is shown tends to stay. */

export interface Wanted {
  /** Of its centre, CSS pixels. */
  x: number;
  y: number;
  width: number;
  height: number;
  /** Whether it was shown just before. */
  shown: boolean;
}

const GAP = 4;

/** For each, in the order of importance, whether it is shown. Those outside the screen are not. */
export function withoutOverlap(wanted: readonly Wanted[], screen: { width: number; height: number }): boolean[] {
  const kept: Wanted[] = [];
  const fits = (one: Wanted) =>
    one.x > 0 &&
    one.y > 0 &&
    one.x < screen.width &&
    one.y < screen.height &&
    !kept.some((each) => overlap(one, each));
  const show = wanted.map(() => false);
  for (const round of [true, false])
    wanted.forEach((each, at) => {
      if (each.shown !== round || !fits(each)) return;
      kept.push(each);
      show[at] = true;
    });
  return show;
}

function overlap(a: Wanted, b: Wanted): boolean {
  return (
    Math.abs(a.x - b.x) < (a.width + b.width) / 2 + GAP && Math.abs(a.y - b.y) < (a.height + b.height) / 2 + GAP
  );
}
