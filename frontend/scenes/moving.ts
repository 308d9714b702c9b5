import { clusters } from "./data";
import { type Scene, showClusters } from "./stage";

export const scene: Scene = {
  says: "Every three seconds another map of the same samples: the points move there.",
  show(view) {
    showClusters(view, 10_000, 2);
    const maps = [2, 3, 3, 2].map((dims, at) => ({
      dims: dims as 2 | 3,
      ...clusters(10_000, dims as 2 | 3, 10, at + 1),
    }));
    let at = 0;
    setInterval(() => {
      const { dims, bounds, points } = maps[++at % maps.length]!;
      view.addPoints(`map ${at}`, dims, bounds, 0, points);
    }, 3000);
  },
};
