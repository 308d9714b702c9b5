/** What the pointer is over: its picture, its id and the value that colours it. */

import { effect } from "@preact/signals-core";
import { brief } from "../numbers";
import type { Lab } from "../state/lab";
import { isAborted } from "../state/problem";
import { fill, h } from "./dom";
import { picture } from "./inspector";

const PATIENCE_MS = 40;
const AWAY_PIXELS = 14;

export function tooltip(lab: Lab, host: HTMLElement): HTMLElement {
  const box = h("div", { class: "tooltip", role: "status", hidden: true });
  let [x, y] = [0, 0];
  let inside = false; // what is pointed at in a list is ringed on the map, and needs no words there
  let timer = 0;
  let asked = new AbortController();
  host.addEventListener("pointermove", (event) => {
    const room = host.getBoundingClientRect();
    [x, y] = [event.clientX - room.left, event.clientY - room.top];
    inside = true;
    if (!box.hidden) stand();
  });

  host.addEventListener("pointerleave", () => {
    inside = false;
  });

  function stand(): void {
    const [width, height] = [box.offsetWidth, box.offsetHeight];
    const left = x + AWAY_PIXELS + width > host.clientWidth ? x - AWAY_PIXELS - width : x + AWAY_PIXELS;
    const top = y + AWAY_PIXELS + height > host.clientHeight ? y - AWAY_PIXELS - height : y + AWAY_PIXELS;
    box.style.transform = `translate(${Math.max(4, left)}px, ${Math.max(4, top)}px)`;
  }

  effect(() => {
    const place = lab.view.hovered.value;
    const set = lab.set.value;
    clearTimeout(timer);
    asked.abort();
    asked = new AbortController();
    const ended = asked.signal;
    const row = place === null ? null : lab.places.value.row(place);
    if (row === null || !set || !inside) {
      box.hidden = true;
      return;
    }
    timer = window.setTimeout(() => {
      lab.source.samples(set, [row], lab.mapName.peek(), ended).then(
        ([sample]) => {
          if (!sample || ended.aborted) return;
          const colour = lab.colouring.peek()?.info.name;
          const values = new Map(Object.entries(sample.values));
          const told = [colour, "label", "prediction"].filter((name, at, all) => name && all.indexOf(name) === at);
          fill(
            box,
            picture(lab, row, "small"),
            h(
              "div",
              {},
              h("strong", {}, sample.id),
              ...told
                .filter((name) => values.has(name!))
                .map((name) => h("div", {}, h("span", { class: "quiet" }, `${name} `), brief(values.get(name!)))),
            ),
          );
          box.hidden = false;
          stand();
        },
        (error) => isAborted(error) || lab.tell(error),
      );
    }, PATIENCE_MS);
  });
  return box;
}
