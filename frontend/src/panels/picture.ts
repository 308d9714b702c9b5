/** The original of a sample, as large as the window. */

import type { Lab } from "../state/lab";
import { fill, h, iconButton } from "./dom";
import { picture } from "./inspector";

export interface PictureDialog {
  element: HTMLDialogElement;
  /** Shows the inspected sample's picture, where there is one. */
  open(): void;
}

export function pictureDialog(lab: Lab): PictureDialog {
  const title = h("h2", { id: "picture-title" });
  const size = h("span", { class: "quiet", role: "status" });
  const room = h("div", { class: "picture-room" });
  const step = (by: number) => () => {
    lab.inspectNext(by);
    show();
  };
  const element = h(
    "dialog",
    {
      class: "wide",
      "aria-labelledby": "picture-title",
      onkeydown: (event: KeyboardEvent) => {
        if (event.key === "[" || event.key === "ArrowLeft") step(-1)();
        if (event.key === "]" || event.key === "ArrowRight") step(1)();
      },
    },
    h(
      "header",
      {},
      title,
      size,
      iconButton("previous", "The sample before", step(-1), "["),
      iconButton("next", "The sample after", step(1), "]"),
      iconButton("close", "Close", () => element.close(), "Esc"),
    ),
    room,
  );

  /** Whether there is anything to show. */
  function show(): boolean {
    const [set, place] = [lab.set.value, lab.view.inspected.value];
    const row = place === null ? null : lab.places.value.row(place);
    const image = row === null ? null : picture(lab, row, "original");
    if (!set || row === null || !image) return false;
    fill(room, image);
    size.textContent = "";
    title.textContent = "";
    image.onload = () => {
      size.textContent = `${image.naturalWidth} × ${image.naturalHeight} pixels`;
      // few pixels are shown as they are, many as the photograph that they are
      image.classList.toggle("smooth", image.naturalWidth > SMOOTH_FROM);
    };
    lab.source.samples(set, [row], null).then(
      ([sample]) => {
        if (lab.view.inspected.value !== place) return; // another one is shown by now
        title.textContent = sample?.id ?? "";
        image.alt = `The picture of ${title.textContent}`;
      },
      (error) => lab.tell(error),
    );
    return true;
  }

  return {
    element,
    open: () => {
      if (show() && !element.open) element.showModal();
    },
  };
}

const SMOOTH_FROM = 128;
