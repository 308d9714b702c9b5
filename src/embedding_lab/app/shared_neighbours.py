"""The neighbours of a set: searched once for each metric, kept, and handed to whatever asks for them."""

from __future__ import annotations

import contextlib
from typing import Any
from weakref import WeakKeyDictionary

from embedding_lab.app.kept_index import made_index
from embedding_lab.embeddings import EmbeddingSet, Neighbours, open_run
from embedding_lab.errors import BrokenFile, StorageError
from embedding_lab.progress import Progress, silent
from embedding_lab.projection import find, fits_in_memory

FEWEST = 90
"""So many are searched at least: what t-SNE at its usual perplexity asks for, and more than UMAP and the measures
of trust do. So one search serves all, and a map does not depend on which of them came first."""

_remembered: WeakKeyDictionary[EmbeddingSet, dict[str, Neighbours]] = WeakKeyDictionary()


class SharedNeighbours:
    """Called with a number k, it gives the k nearest neighbours of every sample, or n - 1 where there are fewer.

    They are remembered with the set and, where that lies in a run, kept beside its vectors, so that a later
    process finds them.

    Args:
        embeddings: the set.
        metric: "euclidean" or "cosine".
        threads: how many search; None for one on every core.
        progress: told "search neighbours" in samples, where they must be searched.
    """

    def __init__(
        self, embeddings: EmbeddingSet, metric: str, *, threads: int | None = None, progress: Progress = silent
    ) -> None:
        self._embeddings, self._metric = embeddings, metric
        self._threads, self._progress = threads, progress

    def __call__(self, k: int) -> Neighbours:
        """The k nearest of every sample; InputError where the vectors cannot be searched."""
        found = self.known()
        if found is None or not found.holds(k):
            found = self._search(k)
        _remembered.setdefault(self._embeddings, {})[self._metric] = found
        return found.nearest(k)

    def known(self) -> Neighbours | None:
        """Those that are remembered or lie beside the vectors; None where there are none."""
        remembered = _remembered.get(self._embeddings, {}).get(self._metric)
        place = self._embeddings.place
        if remembered is not None or place is None:
            return remembered
        with contextlib.suppress(BrokenFile):  # as good as none: they are searched again and kept anew
            return open_run(place.run).neighbours(self._embeddings, self._metric)
        return None

    def _search(self, k: int) -> Neighbours:
        vectors, place = self._embeddings.vectors, self._embeddings.place
        how: Any = {"threads": self._threads, "progress": self._progress}
        if place is not None and not fits_in_memory(*vectors.shape):
            found = made_index(self._embeddings, self._metric, **how).neighbours(k, progress=self._progress)
        else:
            found = find(vectors, max(k, FEWEST), metric=self._metric, **how)
        if place is not None:
            with contextlib.suppress(StorageError):  # a run that cannot be written to is still good to read
                open_run(place.run).save_neighbours(self._embeddings, found)
        return found
