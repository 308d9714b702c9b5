import { FALSE_NEIGHBOUR, NEIGHBOUR, SELECTED } from "../src/map/view";
import { type Scene, showClusters } from "./stage";

export const scene: Scene = {
  says: "A class is selected and the rest is grey context; one point's neighbours, true and false, are ringed.",
  show(view) {
    const { classes } = showClusters(view, 10_000, 2);
    const flags = Uint8Array.from(classes, (each) => (each === 3 ? SELECTED : 0));
    for (let at = 0; at < 6; at++) flags[classes.indexOf(3, 200 * at)]! |= NEIGHBOUR;
    for (let at = 0; at < 4; at++) flags[classes.indexOf(7, 200 * at)]! |= FALSE_NEIGHBOUR;
    view.setFlags(flags);
    view.setHovered(classes.indexOf(3));
  },
};
