import { boundsOf, TEN } from "./data";
import type { Scene } from "./stage";

/** Twenty-five points on a square, one unit apart, in the order of places from the lower left, row by row. */
export const scene: Scene = {
  says: "Points at known places.",
  show(view) {
    const points = new Float32Array(Array.from({ length: 25 }, (_, at) => [at % 5, Math.floor(at / 5)]).flat());
    view.setSamples(25);
    view.setPalette(TEN);
    view.pointSize = 12;
    view.addPoints("square", 2, boundsOf(points, 2), 0, points);
    view.setColours(
      0,
      Uint16Array.from({ length: 25 }, (_, at) => at % 10),
    );
  },
};
