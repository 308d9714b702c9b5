/** The dashboard's entry: TensorBoard, the stand-alone page and the exported file call `render`. */

export function render(root: HTMLElement = document.body): void {
  root.dataset.state = "loading";
}
