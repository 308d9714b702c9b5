/** Everything that lies in graphics memory, in one piece: made anew when the graphics card was taken away and came back. */

import { Target } from "./gl/target";
import { LabelsLayer } from "./labels/labels";
import type { Look } from "./look";
import { type Mark, MarksLayer } from "./marks/marks";
import { Painter } from "./painter";
import { Palette } from "./palette";
import { PicturesLayer } from "./pictures/pictures";
import { Places } from "./places";
import { PointsLayer } from "./points/points";
import type { Samples } from "./samples";

export class Scene {
  places: Places;
  readonly palette: Palette;
  readonly labels: LabelsLayer;
  readonly pictures: PicturesLayer;
  readonly painter: Painter;
  readonly target: Target;
  private readonly points: PointsLayer;
  private readonly marks: MarksLayer;
  private drawn = false;

  constructor(
    private readonly gl: WebGL2RenderingContext,
    samples: Samples,
    palette: Uint8Array,
  ) {
    this.target = new Target(gl);
    this.palette = new Palette(gl, palette);
    this.places = new Places(gl, samples);
    this.points = new PointsLayer(gl, this.palette.texture);
    this.pictures = new PicturesLayer(gl, this.palette.texture);
    this.marks = new MarksLayer(gl);
    this.labels = new LabelsLayer(gl);
    this.painter = new Painter(gl);
    for (const { program } of [this.points, this.labels]) program.begin();
  }

  /** Other samples take the place of these; the programs stay. */
  take(samples: Samples): void {
    this.pictures.show(null, 0, () => {});
    this.places.dispose();
    this.places = new Places(this.gl, samples);
  }

  /** Whether any points were drawn: the first do not wait for what only later frames need. */
  get drew(): boolean {
    return this.drawn;
  }

  /** False while there is no drawing yet without the page waiting for it. */
  ready(style: "points" | "pictures"): boolean {
    return [this.layer(style), this.labels].every(({ program }) => program.ready);
  }

  private layer(style: "points" | "pictures"): PointsLayer | PicturesLayer {
    return style === "pictures" ? this.pictures : this.points;
  }

  /** A piece of the picture; the `first` one begins it anew. A `passing` one is not kept. */
  draw(
    look: Look,
    style: "points" | "pictures",
    from: number,
    count: number,
    first: boolean,
    passing: boolean,
  ): void {
    const { gl } = this;
    if (passing) gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    else this.target.begin();
    if (first) {
      const [red, green, blue] = look.colours.background;
      gl.depthMask(true);
      gl.clearColor(red, green, blue, 1);
      gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    }
    if (count === 0) return;
    this.layer(style).draw(look, this.places, from, count);
    this.drawn = true;
  }

  /** What was drawn so far, with marks and names over it, on the canvas. */
  show(look: Look, marks: readonly Mark[], passing: boolean): void {
    if (!passing) this.target.show();
    this.marks.draw(look, marks);
    this.labels.draw(look);
    if (this.drawn) for (const { program } of [this.marks, this.pictures]) program.begin();
  }

  dispose(): void {
    const parts = [this.places, this.palette, this.points, this.pictures, this.marks, this.labels, this.target];
    for (const each of parts) each.dispose();
  }
}
