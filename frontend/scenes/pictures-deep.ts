import { writtenPictures } from "./data";
import { type Scene, showClusters } from "./stage";

export const scene: Scene = {
  says: "Thumbnails in three dimensions.",
  show(view) {
    const { classes } = showClusters(view, 5_000, 3);
    view.setPictures(writtenPictures(classes));
    view.style = "pictures";
  },
};
