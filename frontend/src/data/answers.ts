/** The answers that were laid into the page, word for word as the server gave them, found by what was asked. */

import { type Overview, Refused, type SetKey } from "./source";
import { readBlock, type WireBlock } from "./wire";

/** `same`: the key of the answer that it is, word for word. */
export type Answer = { type: string; text?: string; base64?: string; same?: string };
export type Query = Record<string, string | number | null>;

export class Answers {
  constructor(private readonly all: Readonly<Record<string, Answer>>) {}

  overview(): Overview {
    return JSON.parse(this.all.overview?.text ?? "{}") as Overview;
  }

  has(route: string, which: Query): boolean {
    return key(route, which) in this.all;
  }

  get(route: string, which: Query): Answer {
    return this.named(key(route, which));
  }

  json<T>(route: string, which: Query): T {
    return JSON.parse(this.get(route, which).text ?? "null") as T;
  }

  block(route: string, which: Query): WireBlock {
    return readBlock(this.bytes(route, which));
  }

  bytes(route: string, which: Query): ArrayBuffer {
    const text = atob(this.get(route, which).base64 ?? "");
    const bytes = new Uint8Array(text.length);
    for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
    return bytes.buffer;
  }

  private named(name: string): Answer {
    const found = this.all[name];
    if (found?.same) return this.named(found.same);
    if (found) return found;
    throw serverOnly("This");
  }
}

export function query(set: SetKey): Query {
  return { run: set.run, layer: set.layer, step: set.step ?? "static" };
}

/** The key that `embedded.py` writes: the route, and the parameters by name. */
function key(route: string, which: Query): string {
  const names = Object.keys(which)
    .filter((name) => which[name] !== null)
    .sort();
  return `${route} ${JSON.stringify(Object.fromEntries(names.map((name) => [name, String(which[name])])))}`;
}

export function array(block: WireBlock, name: string) {
  const found = block.arrays.get(name)?.values;
  if (!found) throw serverOnly(`The array ${name}`);
  return found;
}

export function serverOnly(what: string): Refused {
  return new Refused({
    happened: `${what} needs the server: this page is a file that was exported.`,
    got: "",
    expected: "",
    remedy: "Open the log directory with `embedding-lab serve`.",
  });
}
