import { type Scene, showClusters } from "./stage";

export const scene: Scene = {
  says: "Ten thousand points in two dimensions: clusters, strays and names.",
  show: (view) => void showClusters(view, 10_000, 2),
};
