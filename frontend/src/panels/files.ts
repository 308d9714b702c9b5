/** Hands a file to the person at the page. */

import { h } from "./dom";

export function saveFile(file: Blob, name: string): void {
  const address = URL.createObjectURL(file);
  h("a", { href: address, download: name.replaceAll(/[^\w.-]+/g, "_") }).click();
  // after the click the browser holds the file itself, but not within the same turn
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
