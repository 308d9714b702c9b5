/** The dashboard's entry: TensorBoard and the stand-alone page call `render`. */

import { openApp } from "./app";
import { ServerSource } from "./data/server";
import { Lab } from "./state/lab";

export function render(): void {
  document.documentElement.lang = "en";
  document.title ||= "Embedding Lab";
  // The routes lie beside this module, whatever prefix or proxy the page came through.
  const here = import.meta.url;
  openApp(document.body, new Lab(new ServerSource(new URL(".", here))));
}
