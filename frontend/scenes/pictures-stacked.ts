import { boundsOf, plainPictures, random } from "./data";
import type { Scene } from "./stage";

const TOTAL = 36_000;

/** Places 0 to 24 from the last pages on a square by themselves, the others in a crowd. */
export const scene: Scene = {
  says: "More pages of pictures than a texture has layers.",
  show(view) {
    const next = random(6);
    const points = Float32Array.from({ length: 2 * TOTAL }, () => 4 * next() - 20);
    for (let at = 0; at < 25; at++) points.set([at % 5, Math.floor(at / 5)], 2 * (TOTAL - 25 + at));
    view.setSamples(TOTAL);
    view.addPoints("square and crowd", 2, boundsOf(points, 2), 0, points);
    view.setPictures(Object.assign(window, { source: plainPictures(TOTAL, 8, 16) }).source);
    view.style = "pictures";
    view.pictureSize = 40;
    view.flyTo(Uint32Array.of(TOTAL - 13)); // the middle of the square
  },
};
