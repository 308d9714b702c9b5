"""Reads and computes what a page will ask for first, from the moment on when one is to be expected."""

from __future__ import annotations

import contextlib
import threading
from typing import Any

from embedding_lab.board.dashboard.library import Library
from embedding_lab.board.dashboard.overview import overview
from embedding_lab.board.dashboard.sample_set import Map
from embedding_lab.embeddings.embedding_set import INPUT_LAYER
from embedding_lab.errors import LabError

PREFERRED = ("tsne", "umap", "pca")
"""The methods of maps, those that are shown first in front."""


class Expected:
    """Makes ready what a page opens with by itself: the newest run, the layer with most maps, the last step.

    Args:
        library: where it is kept ready.
    """

    def __init__(self, library: Library) -> None:
        self._library = library
        self._at_work = threading.Lock()

    def begin(self) -> None:
        """Begins, beside whatever else is done; once more only when that has ended."""
        if self._at_work.acquire(blocking=False):
            threading.Thread(target=self._make_ready, name="expected", daemon=True).start()

    def _make_ready(self) -> None:
        try:
            # whatever is wrong, the page is told when it asks
            with contextlib.suppress(LabError, OSError, ValueError, MemoryError):
                self._read_first_view()
        finally:
            self._at_work.release()

    def _read_first_view(self) -> None:
        library = self._library
        runs = [run for run in overview(library, None)["runs"] if run["layers"]]
        if not runs:
            return
        newest = max(reversed(runs), key=lambda run: float(run["written"]))
        layer = max(reversed(newest["layers"]), key=_maps)
        found = library.set(newest["name"], layer["name"], layer["steps"][-1]["step"])
        library.order(found.rows)
        for shown in found.maps.values():  # of those on disk the bounds alone cost time
            library.bounds(shown)
        first = min(found.maps.values(), key=_place, default=None)
        for column in found.all_columns(first.name if first else None):
            column.description(library.cache)


def _maps(layer: dict[str, Any]) -> int:
    return int(layer["name"] != INPUT_LAYER) + len(layer["steps"][-1]["maps"])


def _place(shown: Map) -> tuple[int, int]:
    """Where a map stands among those to begin with; `first_look.ts` has the same."""
    method = str(shown.facts.get("method"))
    return PREFERRED.index(method) if method in PREFERRED else len(PREFERRED), -shown.dims
