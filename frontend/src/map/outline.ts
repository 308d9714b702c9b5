/** The outline of the box or lasso while it is being drawn. */

import type { Polygon } from "./region";

const SVG = "http://www.w3.org/2000/svg";

export class Outline {
  private readonly svg = document.createElementNS(SVG, "svg");
  private readonly path = document.createElementNS(SVG, "polygon");

  constructor(host: HTMLElement) {
    this.svg.setAttribute("aria-hidden", "true");
    this.svg.style.cssText = "position:absolute;inset:0;width:100%;height:100%;pointer-events:none;overflow:hidden";
    this.path.setAttribute("fill-opacity", "0.12");
    this.path.setAttribute("stroke-width", "1.5");
    this.path.setAttribute("stroke-dasharray", "5 3");
    this.path.setAttribute("stroke-linejoin", "round");
    this.svg.append(this.path);
    host.append(this.svg);
    this.show(null, "");
  }

  show(shape: Polygon | null, colour: string): void {
    // shown, it is one more layer over every frame of the map
    this.svg.style.display = shape ? "block" : "none";
    this.path.setAttribute("points", shape?.map((each) => each.join()).join(" ") ?? "");
    this.path.setAttribute("fill", colour);
    this.path.setAttribute("stroke", colour);
  }

  dispose(): void {
    this.svg.remove();
  }
}
