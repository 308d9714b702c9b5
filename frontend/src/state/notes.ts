/** What people said of samples: right labels and tags, with time and reason. The given labels stay as they are. */

import type { Said } from "../data/source";

/** What was said at once, of one sample or of many. */
export interface Note {
  /** Seconds since 1970. */
  time: number;
  /** What the label should be; null where that was not said. */
  label: string | null;
  tags: readonly string[];
  reason: string;
  ids: readonly string[];
}

/** Puts together what was said at once; the latest comes first. */
export function asNotes(said: readonly Said[]): Note[] {
  const notes = new Map<string, Note & { ids: string[] }>();
  for (const { id, time, label, tags, reason } of said) {
    const told = {
      time: Number(time) || 0,
      label: label === undefined || label === null ? null : String(label),
      tags: Array.isArray(tags) ? tags.map(String) : [],
      reason: reason === undefined || reason === null ? "" : String(reason),
    };
    const key = JSON.stringify(told);
    const known = notes.get(key);
    if (known) known.ids.push(String(id));
    else notes.set(key, { ...told, ids: [String(id)] });
  }
  return [...notes.values()].reverse();
}

/** What was said of one sample, the latest first. */
export function notesOf(notes: readonly Note[], id: string): Note[] {
  return notes.filter(({ ids }) => ids.includes(id));
}

/** What it says, in one line. */
export function inWords({ label, tags }: Note): string {
  return [label === null ? null : `right label: ${label}`, tags.length ? `tags: ${tags.join(", ")}` : null]
    .filter(Boolean)
    .join(" · ");
}
