/** What people say of samples, which is kept with the run: selections by a name, and right labels and tags. */

import { effect, signal, untracked } from "@preact/signals-core";
import type { Annotation } from "../data/source";
import { samplesOf, whole } from "../numbers";
import type { Lab } from "./lab";
import { asNotes, inWords, type Note } from "./notes";

/** As many ids as the server takes at once where it notes down. */
const MOST_SENT = 100_000;

export class Said {
  /** What was noted down, the latest first. */
  readonly notes = signal<readonly Note[]>([]);

  constructor(private readonly lab: Lab) {
    effect(() => {
      const told = lab.notesText.value;
      untracked(() => this.askForNotes(told));
    });
  }

  /** Saves what is selected under a name. */
  async save(name: string): Promise<void> {
    const set = this.lab.set.value;
    if (!set) return;
    const rows = await this.lab.selectedRows();
    await this.lab.source.saveSelection(set, name, rows);
    this.lab.marks.savedName.value = name;
    this.lab.tell(`Saved “${name}”: ${samplesOf(rows.length)}.`);
    await this.lab.refresh();
  }

  /** Takes a saved selection away; what is selected stays so. */
  async remove(name: string): Promise<void> {
    const set = this.lab.set.value;
    if (!set) return;
    await this.lab.source.removeSelection(set.run, name);
    if (this.lab.marks.savedName.value === name) this.lab.marks.savedName.value = null;
    this.lab.tell(`Removed the selection “${name}”.`);
    await this.lab.refresh();
  }

  async show(name: string): Promise<void> {
    const set = this.lab.set.value;
    if (!set) return;
    const saved = await this.lab.source.selection(set, name);
    await this.lab.selectRows(saved.rows);
    this.lab.marks.savedName.value = name;
    if (saved.unknown) {
      this.lab.tell(`${whole(saved.unknown)} of the samples in “${name}” are not among those shown here.`);
    }
  }

  /** Says of what is selected what its label should be, or tags it; the given label stays as it is. */
  async annotate(said: Omit<Annotation, "run" | "ids">): Promise<number> {
    const set = this.lab.set.value;
    if (!set) return 0;
    const ids = await this.lab.selectedIds();
    await this.lab.source.annotate({ ...said, run: set.run, ids });
    await this.lab.refresh();
    return ids.length;
  }

  /** Takes back what was said, of all its samples or of some. */
  async withdraw(note: Note, ids: readonly string[] = note.ids): Promise<void> {
    const set = this.lab.set.value;
    if (!set) return;
    for (let from = 0; from < ids.length; from += MOST_SENT) {
      await this.lab.source.withdraw(set.run, ids.slice(from, from + MOST_SENT), note.time);
    }
    this.lab.tell(`Taken back: ${inWords(note) || note.reason || "a note"}.`);
    await this.lab.refresh();
  }

  /** Selects the samples of which something was said, those that are shown here. */
  async showNote(note: Note): Promise<void> {
    const set = this.lab.set.value;
    if (set) await this.lab.selectRows((await this.lab.source.rowsOf(set, note.ids)).rows);
  }

  private askForNotes(told: string | null): void {
    const run = this.lab.run.peek();
    if (!run?.annotations) {
      this.notes.value = [];
      return;
    }
    this.lab.source.annotations(run.name).then(
      (said) => {
        if (told === this.lab.notesText.peek()) this.notes.value = asNotes(said);
      },
      (error) => this.lab.tell(error),
    );
  }
}
