/** What a person is told of an error: the server's words, or that the page itself could not go on. */

import { type Problem, Refused } from "../data/source";
import { BrokenBlock } from "../data/wire";

export function isAborted(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}

export function problemOf(error: unknown): Problem {
  if (error instanceof Refused) return error.problem;
  const said = error instanceof Error ? error.message : String(error);
  if (error instanceof BrokenBlock) return { happened: said, got: "", expected: "", remedy: "Reload the page." };
  return { happened: "The page could not go on.", got: said, expected: "", remedy: "Reload the page." };
}
