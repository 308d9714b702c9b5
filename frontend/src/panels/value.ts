/** A value of a sample as it can be used: sounds are played, pictures seen, links followed, long texts read. */

import type { Cell } from "../data/source";
import { brief } from "../numbers";
import type { Lab } from "../state/lab";
import { type Child, h } from "./dom";

const LONG_CHARACTERS = 160;

export function shownValue(lab: Lab, row: number, column: string, value: Cell | undefined): Child {
  const media = lab.columns.peek().find(({ name }) => name === column)?.media;
  const set = lab.set.peek();
  const address = media && set && value !== null && value !== undefined && lab.source.media(set, column, row);
  const told = brief(value);
  if (address && media === "audio") {
    return h("audio", { controls: true, preload: "none", src: address, "aria-label": `${column}: ${told}` });
  }
  if (address && media === "image") {
    return h("img", { class: "media", src: address, alt: told, title: told, loading: "lazy" });
  }
  if (media && address === null) return `${told} (not in this file)`;
  if (typeof value !== "string") return told;
  const link = webAddress(value);
  if (link) return h("a", { href: link, target: "_blank", rel: "noopener noreferrer" }, value);
  if (value.length > LONG_CHARACTERS || value.includes("\n")) {
    return h("div", { class: "long", tabindex: 0, role: "group", "aria-label": column }, value);
  }
  return told;
}

/** The address that a text is as a whole; null for any other text, and for addresses that could run something. */
export function webAddress(text: string): string | null {
  if (!/^https?:\/\/\S+$/i.test(text)) return null;
  try {
    const { protocol, href } = new URL(text);
    return protocol === "http:" || protocol === "https:" ? href : null;
  } catch {
    return null;
  }
}
