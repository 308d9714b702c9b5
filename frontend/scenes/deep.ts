import { type Scene, showClusters } from "./stage";

export const scene: Scene = {
  says: "Ten thousand points in three dimensions: nearer ones are larger, farther ones paler.",
  show: (view) => void showClusters(view, 10_000, 3),
};
