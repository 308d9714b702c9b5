import { writtenPictures } from "./data";
import { type Scene, showClusters } from "./stage";

export const scene: Scene = {
  says: "A thumbnail for every one of five thousand points.",
  show(view) {
    const { classes } = showClusters(view, 5_000, 2);
    view.setPictures(writtenPictures(classes));
    view.style = "pictures";
  },
};
