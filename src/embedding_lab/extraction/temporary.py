"""A run that nobody asked to keep: it goes with the sets that read from it, at the latest with the process."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Iterable
from pathlib import Path

from embedding_lab.embeddings import EmbeddingSet, Run, create_run
from embedding_lab.embeddings.files import storage_errors


class TemporaryRun:
    """A run in a folder of the system's temporary files.

    Attributes:
        run: the run to write to.
    """

    def __init__(self) -> None:
        with storage_errors(Path(tempfile.gettempdir())):
            folder = tempfile.mkdtemp(prefix="embedding-lab-")
        self.run: Run = create_run(Path(folder) / "run")
        self.remove = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)

    def keep_for(self, sets: Iterable[EmbeddingSet]) -> None:
        """Ties the folder's life to these sets; a finalizer holds its arguments until its object is gone."""
        for each in sets:
            weakref.finalize(each, _let_go, self)


def _let_go(_: TemporaryRun) -> None:
    """Drops a reference by being called."""
