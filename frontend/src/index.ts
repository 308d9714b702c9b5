/** The dashboard's entry: TensorBoard and the stand-alone page call `render`; an exported file renders itself. */

import { openApp } from "./app";
import { EmbeddedSource } from "./data/embedded";
import { ServerSource } from "./data/server";
import { Lab } from "./state/lab";

export function render(): void {
  document.documentElement.lang = "en";
  document.title ||= "Embedding Lab";
  // The routes lie beside this module, whatever prefix or proxy the page came through.
  const here = import.meta.url;
  void openApp(document.body, new Lab(EmbeddedSource.of(document) ?? new ServerSource(new URL(".", here))));
}

if (EmbeddedSource.of(document)) render();
