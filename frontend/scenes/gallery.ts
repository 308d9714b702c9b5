/** All scenes on one page, chosen by its address: index.html?scene=flat&theme=dark&bare. */

import { MapView } from "../src/map/view";
import type { Scene } from "./stage";

const scenes = import.meta.glob<{ scene?: Scene }>("./*.ts");
const asked = new URLSearchParams(location.search);

const view = new MapView(document.getElementById("map")!);
const root = document.documentElement;
view.on("drawn", (count, total) => {
  root.dataset.points = `${count}/${total}`;
});
view.setTheme(asked.get("theme") === "dark" ? "dark" : "light");
Object.assign(window, { view });

const nav = document.querySelector("nav")!;
nav.hidden = asked.has("bare");
for (const path of Object.keys(scenes)) {
  const name = path.slice(2, -3);
  if (["data", "stage", "gallery"].includes(name)) continue;
  const link = document.createElement("a");
  link.href = `?scene=${name}`;
  link.textContent = name;
  nav.append(link);
}

const { scene } = await scenes[`./${asked.get("scene") ?? "flat"}.ts`]!();
await scene?.show(view);
document.title = scene?.says ?? "";
root.dataset.shown = "true";
