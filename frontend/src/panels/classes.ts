/** How many of the selected samples are of which class. */

import { categoryPalette, cssColour } from "../colours/palette";
import { whole } from "../numbers";
import type { ColumnValues } from "../state/columns";
import type { Lab } from "../state/lab";
import type { Theme } from "../theme";
import { swatch } from "./colour";
import { h } from "./dom";

/** The largest classes of the selection as bars, and how many more there are. */
export function classBars(lab: Lab, column: ColumnValues, theme: Theme, most: number): HTMLElement[] {
  const counts = countsOf(lab, column);
  const highest = counts[0]?.count ?? 1;
  const colours = categoryPalette(theme, column.info.categories?.length ?? 0);
  const shown = counts.slice(0, most).map(({ name, count, code }) => {
    const bar = h("span", { class: "bar-fill", "aria-hidden": "true" });
    const colour = cssColour(colours, code % (colours.length / 4));
    bar.style.setProperty("width", `${(100 * count) / highest}%`);
    bar.style.setProperty("background", colour);
    return h(
      "li",
      {},
      swatch(colour),
      h("span", { class: "text" }, name),
      h("span", { class: "bar-room" }, bar),
      h("span", { class: "count" }, whole(count)),
    );
  });
  const more = counts.length - shown.length;
  return more > 0 ? [...shown, h("li", { class: "quiet" }, `and ${whole(more)} more classes`)] : shown;
}

/** Every class of the selection with its count, side by side. */
export function classCounts(lab: Lab, column: ColumnValues, theme: Theme): HTMLElement[] {
  const colours = categoryPalette(theme, column.info.categories?.length ?? 0);
  return countsOf(lab, column).map(({ name, count, code }) =>
    h(
      "li",
      {},
      swatch(cssColour(colours, code % (colours.length / 4))),
      h("span", {}, name),
      h("span", { class: "count" }, whole(count)),
    ),
  );
}

function countsOf(lab: Lab, column: ColumnValues): { name: string; count: number; code: number }[] {
  const names = column.info.categories ?? [];
  return column
    .counts(lab.marks.selected())
    .map((count, code) => ({ name: names[code] || "(empty)", count, code }))
    .filter(({ count }) => count)
    .sort((one, other) => other.count - one.count);
}
