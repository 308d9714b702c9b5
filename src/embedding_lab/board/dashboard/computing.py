"""What the dashboard asks of whoever can compute; `app/` hands it in, since this room knows no other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from embedding_lab.board.dashboard.nearest import Metric
from embedding_lab.embeddings import Neighbours, Run
from embedding_lab.embeddings.measures import MeasuresOf


class KeptIndex(Protocol):
    """What finds neighbours among vectors of which there are too many to look at all.

    Attributes:
        recall: the share of true neighbours that it finds, measured on some rows.
    """

    recall: float

    def neighbours_of(self, rows: NDArray[np.int64], k: int) -> Neighbours:
        """The k nearest of some rows among all others: indices of shape (m, k)."""
        ...


class Computing(Protocol):
    """Maps and neighbours, made while the page waits."""

    def first_map(self, vectors: Any) -> NDArray[np.float32]:
        """A map that is there in seconds, for vectors that have none: their first principal components.

        Args:
            vectors: float32, shape (n, dims).

        Returns:
            Points, float32, shape (n, 3).
        """
        ...

    def index(
        self, run: Run, layer: str, step: int | None, vectors: Any, generation: str, metric: Metric
    ) -> KeptIndex | None:
        """The index that was kept of a layer's vectors where they do not fit in memory; None where there is none.

        Args:
            run: where they lie.
            layer: the layer's name.
            step: the training step; None where nothing changes.
            vectors: float32, shape (n, dims), memory-mapped.
            generation: which writing of them it is.
            metric: "euclidean" or "cosine".
        """
        ...


@dataclass(frozen=True)
class Wanted:
    """Work on the vectors of a layer.

    Attributes:
        run: the run's name.
        layer: the layer's name.
        step: the training step; None where nothing changes.
    """

    run: str
    layer: str
    step: int | None


@dataclass(frozen=True)
class WantedMap(Wanted):
    """A map that the page asks for.

    Attributes:
        method: "tsne", "umap" or "pca".
        dims: 2 or 3.
        parameters: the method's own, and "metric" and "seed".
        rows: the samples that are to be on it; None for all.
    """

    method: str
    dims: int
    parameters: Mapping[str, Any]
    rows: tuple[int, ...] | None = None


@dataclass(frozen=True)
class WantedMeasures(Wanted):
    """The measures of a map that has none, which a page shows.

    Attributes:
        of: the map, and of which vectors.
    """

    of: MeasuresOf


class Jobs(Protocol):
    """Work that takes longer than a request, done by processes of their own: new maps, and measures of maps."""

    def all(self) -> list[Mapping[str, Any]]:
        """All jobs, oldest first, as the page is told of them."""
        ...

    def start(self, wanted: WantedMap) -> str:
        """Begins a job, or puts it behind the others, and returns its id.

        Raises:
            InputError: the method or a parameter cannot be used, or there are too many jobs.
        """
        ...

    def cancel(self, job: str) -> None:
        """Ends a job; the map so far is kept.

        Raises:
            UnknownName: there is none of this id.
        """
        ...

    def measure(self, wanted: WantedMeasures, *, keep: bool) -> None:
        """Begins to measure a map when no map is being made; of several that wait the one asked for last.

        What was asked for before is not begun again.

        Args:
            wanted: the map.
            keep: whether the measures are kept with the run, where it can be written to; else, `aside`.
        """
        ...

    def measuring(self, wanted: WantedMeasures) -> Mapping[str, Any] | None:
        """How far the measures of a map are: state, stage, done, total and message; None where nobody is at it."""
        ...

    def aside(self, run: str) -> Run | None:
        """Where measures lie that are not kept with a run, while this server runs: laid out as a run.

        None where nothing was measured yet.
        """
        ...
