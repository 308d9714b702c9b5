/** Light or dark: as TensorBoard is when the page stands in it, else as the system wishes. */

import { type ReadonlySignal, signal } from "@preact/signals-core";

export type Theme = "light" | "dark";
export type ThemeSignal = ReadonlySignal<Theme>;

export function watchTheme(page: Window = window): ThemeSignal {
  const host = tensorBoardBody(page);
  const system = page.matchMedia("(prefers-color-scheme: dark)");
  const now = (): Theme => ((host ? host.classList.contains("dark-mode") : system.matches) ? "dark" : "light");
  const theme = signal(now());
  const look = () => {
    theme.value = now();
  };
  if (host) new MutationObserver(look).observe(host, { attributes: true, attributeFilter: ["class"] });
  else system.addEventListener("change", look);
  return theme;
}

function tensorBoardBody(page: Window): HTMLElement | null {
  try {
    return page.parent !== page && page.location.pathname.endsWith("/plugin_entry.html")
      ? page.parent.document.body
      : null;
  } catch {
    return null; // another origin's page
  }
}
