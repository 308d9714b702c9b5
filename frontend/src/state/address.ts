/**
 * Keeps the view in the address, so that a link, a bookmark or a reload shows the same again.
 *
 * Inside TensorBoard it is TensorBoard's address that people copy: there our part is kept under the plugin's prefix,
 * beside TensorBoard's own.
 */

export type Remembered = Readonly<Record<string, string>>;

const PLUGIN = "embedding_lab";
const PREFIX = `p.${PLUGIN}.`;

export class Address {
  private readonly place: Window;
  private readonly insideTensorBoard: boolean;

  constructor(page: Window = window) {
    this.insideTensorBoard = page.location.pathname.endsWith("/plugin_entry.html") && reachable(page.parent);
    this.place = this.insideTensorBoard ? page.parent : page;
  }

  read(): Remembered {
    return decode(this.place.location.hash, this.insideTensorBoard ? PREFIX : "");
  }

  /** Replaces our part, without a new entry in the history: every turn of the camera would be one. */
  write(remembered: Remembered): void {
    const hash = this.place.location.hash;
    // Another tab is in front: its address is not ours to touch.
    if (this.insideTensorBoard && hash.replace(/^#/, "").split("&")[0] !== PLUGIN) return;
    const next = this.insideTensorBoard ? encodeBeside(hash, remembered) : encode(remembered, "");
    if (next !== hash.replace(/^#/, "")) this.place.history.replaceState(this.place.history.state, "", `#${next}`);
  }

  /** Calls back when a person edits the address or follows a link to another view. */
  onChange(listener: (remembered: Remembered) => void): void {
    this.place.addEventListener("hashchange", () => listener(this.read()));
  }
}

export function decode(hash: string, prefix: string): Remembered {
  const found: Record<string, string> = {};
  for (const part of hash.replace(/^#/, "").split("&")) {
    const at = part.indexOf("=");
    if (at < 0 || !part.startsWith(prefix)) continue;
    found[plain(part.slice(prefix.length, at))] = plain(part.slice(at + 1));
  }
  return found;
}

export function encode(remembered: Remembered, prefix: string): string {
  return Object.entries(remembered)
    .map(([name, value]) => `${prefix}${name}=${encodeURIComponent(value)}`)
    .join("&");
}

function encodeBeside(hash: string, remembered: Remembered): string {
  const others = hash
    .replace(/^#/, "")
    .split("&")
    .filter((part) => part && !part.startsWith(PREFIX));
  return [...others, encode(remembered, PREFIX)].filter(Boolean).join("&");
}

function plain(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function reachable(other: Window): boolean {
  try {
    return typeof other.location.hash === "string";
  } catch {
    return false;
  }
}
