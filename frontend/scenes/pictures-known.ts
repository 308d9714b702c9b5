import { plainPictures } from "./data";
import { scene as known } from "./known";
import type { Scene } from "./stage";

export const scene: Scene = {
  says: "Plain pictures at known places, nine on a page.",
  async show(view) {
    await known.show(view);
    view.setPictures(Object.assign(window, { source: plainPictures(25, 32, 9) }).source);
    view.style = "pictures";
    view.pictureSize = 40;
  },
};
