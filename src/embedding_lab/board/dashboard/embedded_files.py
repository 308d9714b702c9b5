"""The files in an exported page: sounds and pictures of columns, and the originals of thumbnails, up to a limit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from embedding_lab.board.dashboard.sample_set import SampleSet
from embedding_lab.embeddings.sampling import fair_order

MOST_BYTES = 64 << 20
"""All files together: in text they take a third more, and a larger page opens slowly."""

MOST_REFUSED = 20
"""After so many files one after the other for which there was no room, no further ones are looked at."""


@dataclass
class EmbeddedFiles:
    """Chooses files until the limit is reached, for samples in the fair order: those that are there stand for all.

    Attributes:
        used: bytes of the files that were chosen.
        kept: how many were chosen.
        left_out: how many samples of each table of samples lack one that they have, or that nobody has looked at.
    """

    used: int = 0
    kept: int = 0
    left_out: dict[str, int] = field(default_factory=dict)
    _done: set[str] = field(default_factory=set)

    def of(self, found: SampleSet) -> Iterator[tuple[str, dict[str, Any], bytes, str]]:
        """Route and query of each file, its bytes and what it is; once for all layers of the same samples."""
        samples = str(found.facts.get("samples", ""))
        if samples in self._done or not (found.media or _has_originals(found)):
            return
        self._done.add(samples)
        complete = refused = 0
        for row in fair_order(found.rows).tolist():
            if refused >= MOST_REFUSED:
                break
            whole = True
            for route, query, file, kind in _files(found, row):
                if self.used + len(file) > MOST_BYTES:
                    whole, refused = False, refused + 1
                    continue
                refused = 0
                self.used, self.kept = self.used + len(file), self.kept + 1
                yield route, {"run": found.run, "samples": samples, **query}, file, kind
            complete += whole
        self.left_out[samples] = found.rows - complete

    @property
    def problem(self) -> dict[str, str] | None:
        """What the page says of the files that are not in it."""
        missing = sum(self.left_out.values())
        if not missing:
            return None
        return {
            "happened": "Not all sounds, and pictures in their size, are in this file.",
            "got": f"{self.kept:,} files of {self.used / 2**20:.1f} MiB; {missing:,} samples lack theirs",
            "expected": f"{MOST_BYTES >> 20} MiB of files in one page at most",
            "remedy": "Open the log directory with `embedding-lab serve`.",
        }


def _files(found: SampleSet, row: int) -> Iterator[tuple[str, dict[str, Any], bytes, str]]:
    for name, column in found.media.items():
        if file := column.file(row):
            yield "media", {"name": name, "row": row}, *file
    if found.pictures is not None and _has_originals(found) and (original := found.pictures.original(row)):
        yield "picture", {"row": row}, *original


def _has_originals(found: SampleSet) -> bool:
    """Whether there are pictures larger than their thumbnails."""
    facts: Any = {} if found.pictures is None else found.pictures.facts
    return bool(facts.get("original")) and max(facts["original"]) > max(facts["cell"])
