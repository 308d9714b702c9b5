import { boundsOf, plainPictures, random } from "./data";
import type { Scene } from "./stage";

const TOTAL = 60_000;

/** Places 0 to 24 on a square by themselves, so many others in a crowd that their pictures fit only at a coarse level. */
export const scene: Scene = {
  says: "More pictures than fit into memory: sharp ones come for the few that are seen large.",
  show(view) {
    const next = random(6);
    const points = Float32Array.from({ length: 2 * TOTAL }, () => 4 * next() - 20);
    for (let place = 0; place < 25; place++) points.set([place % 5, Math.floor(place / 5)], 2 * place);
    view.setSamples(TOTAL);
    view.addPoints("square and crowd", 2, boundsOf(points, 2), 0, points);
    view.setPictures(Object.assign(window, { source: plainPictures(TOTAL, 64, 256) }).source);
    view.style = "pictures";
    view.pictureSize = 12;
  },
};
