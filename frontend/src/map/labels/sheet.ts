/** All names drawn once on one sheet, as small pills with a dot of their colour; frames only copy from it. */

import type { Colours, Rgb } from "../theme";

export interface Name {
  text: string;
  colour: Rgb;
}

/** A pill's place on the sheet, in its pixels. */
export interface Cell {
  x: number;
  y: number;
  width: number;
  height: number;
}

const FONT = '600 12px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif';
const HEIGHT = 22;
const PAD = 8;
const DOT = 4;
const WIDEST = 180;
const SHEET_WIDTH = 2048;
const SHEET_HEIGHT = 4096;

const css = (colour: Rgb, alpha = 1) => `rgb(${colour.map((each) => Math.round(255 * each)).join(" ")} / ${alpha})`;

/** Names that no longer fit on the sheet (some thousands do) get no cell. */
export function drawnNames(names: readonly Name[], colours: Colours, ratio: number) {
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d", { willReadFrequently: true })!; // else the page waits for the graphics card
  context.font = FONT;
  const cells: Cell[] = [];
  let [x, y] = [0, 0];
  const shortened = names.map((each) => shortenedTo(context, each.text, WIDEST));
  for (const text of shortened) {
    const width = Math.ceil((context.measureText(text).width + 2 * PAD + 3 * DOT) * ratio);
    const height = Math.ceil(HEIGHT * ratio);
    if (x + width > SHEET_WIDTH) [x, y] = [0, y + height];
    if (y + height > SHEET_HEIGHT) break;
    cells.push({ x, y, width, height });
    x += width;
  }
  canvas.width = SHEET_WIDTH;
  canvas.height = Math.max(1, ...cells.map((each) => each.y + each.height));
  cells.forEach((cell, at) => {
    drawPill(context, cell, shortened[at]!, names[at]!.colour, colours, ratio);
  });
  return { canvas, cells };
}

function drawPill(
  context: CanvasRenderingContext2D,
  cell: Cell,
  text: string,
  colour: Rgb,
  { background, ink, context: border }: Colours,
  ratio: number,
): void {
  context.setTransform(ratio, 0, 0, ratio, cell.x, cell.y);
  const [width, height] = [cell.width / ratio, cell.height / ratio];
  context.beginPath();
  context.roundRect(0.5, 0.5, width - 1, height - 1, height / 2);
  context.fillStyle = css(background, 0.86);
  context.fill();
  context.strokeStyle = css(border);
  context.lineWidth = 1;
  context.stroke();
  context.beginPath();
  context.arc(PAD + DOT, height / 2, DOT, 0, 2 * Math.PI);
  context.fillStyle = css(colour);
  context.fill();
  context.font = FONT;
  context.textBaseline = "middle";
  context.fillStyle = css(ink);
  context.fillText(text, PAD + 3 * DOT, height / 2 + 0.5);
}

function shortenedTo(context: CanvasRenderingContext2D, text: string, width: number): string {
  if (context.measureText(text).width <= width) return text;
  let letters = Array.from(text.slice(0, 200));
  while (letters.length > 1 && context.measureText(`${letters.join("")}…`).width > width)
    letters = letters.slice(0, -1);
  return `${letters.join("")}…`;
}
