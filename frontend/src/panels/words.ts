/** What columns that are not the user's own say, in words: their names are for filters. */

import type { ColumnInfo } from "../data/source";
import { MEASURES } from "./trust_bar";

const SAID: Record<string, string> = {
  prediction: "what the model says",
  correct: "is the prediction the label?",
  confidence: "how sure the model is",
  loss: "how wrong the model is",
  corrected_label: "the right label",
};
const MEASURED = new Map(MEASURES.map(({ name, title }) => [name, title]));

/** null where the name says it, or nobody knows more. */
export function meaningOf({ name, source }: Pick<ColumnInfo, "name" | "source">): string | null {
  if (source === "map") return MEASURED.get(name) ?? null;
  return source === "sample" ? null : (SAID[name] ?? null);
}

/** Words and name together. */
export function inFull(column: Pick<ColumnInfo, "name" | "source">): string {
  const words = meaningOf(column);
  return words === null ? column.name : `${column.name} · ${words}`;
}
