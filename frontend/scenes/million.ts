import { type Scene, showClusters } from "./stage";

export const scene: Scene = {
  says: "A million points: a fair sample while it turns, all of them at rest.",
  show: (view) => void showClusters(view, 1_000_000, 3),
};
