import { type Scene, showClusters } from "./stage";

export const scene: Scene = {
  says: "Five million points, all drawn at rest.",
  show: (view) => void showClusters(view, 5_000_000, 3),
};
