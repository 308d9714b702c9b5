"""UMAP maps by umap-learn, from our neighbours instead of a search of its own.

McInnes, Healy & Melville, "UMAP: Uniform Manifold Approximation and Projection", 2018. umap-learn compiles
for half a minute in every process that uses it, and works on one thread so that a seed gives the same map.
"""

from __future__ import annotations

import io
import re
import sys
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding_lab.embeddings import Neighbours
from embedding_lab.errors import InputError
from embedding_lab.progress import Progress
from embedding_lab.projection.frame import as_vectors, column_extremes
from embedding_lab.projection.method import Forming, NeighboursOf
from embedding_lab.projection.pca import points_of

FEWEST = 5
"""Fewer samples have no neighbourhoods to speak of and are laid out by their principal components."""

SPECTRAL_ROWS = 12
"""From so many samples on the map starts from the graph's eigenvectors, below from random places."""

HARMLESS = (
    "n_jobs value",  # a fixed seed means one thread
    "precomputed_knn\\[2\\]",  # new samples cannot be placed; we do not ask it to
    "Spectral initialisation failed",  # it starts from random places then, which we accept
    "Graph is not fully connected",  # parts without a neighbour in common are laid out apart
    "Falling back to random",
)


def project(
    vectors: Any,
    *,
    dims: int,
    seed: int,
    metric: str,
    neighbours: NeighboursOf,
    forming: Forming,
    progress: Progress,
    threads: int | None,
    n_neighbors: int = 15,
    min_dist: float = 0.1,
    spread: float = 1.0,
    epochs: int | None = None,
) -> NDArray[np.float32]:
    """A UMAP map; the shared arguments are those of `Method`.

    Args:
        vectors: as in `Method`; a float32 copy is made where they are not float32 in C order already.
        dims: 2 or 3.
        seed: as in `Method`.
        metric: as in `Method`; the neighbours bring it along.
        neighbours: asked for n_neighbors - 1.
        forming: told of the finished map.
        progress: told "umap begins", with no end known while umap-learn compiles, and "umap epochs".
        threads: umap-learn uses one, so that the seed decides.
        n_neighbors: the size of a neighbourhood, the sample itself included, as in umap-learn; 2 or more.
        min_dist: how near points may lie on the map.
        spread: the scale of the map; min_dist is at most this.
        epochs: rounds of optimisation; None for 500 up to 10,000 samples and 200 beyond.

    Raises:
        InputError and its kinds: as in `Method`, or a parameter out of range.
    """
    check(n_neighbors, min_dist, spread, epochs)
    vectors = as_vectors(vectors)
    column_extremes(vectors)
    rows = vectors.shape[0]
    if rows < FEWEST:
        points = points_of(vectors, dims)
    else:
        size = min(n_neighbors, rows - 1)
        learner = _umap_learn().UMAP(
            n_components=dims,
            n_neighbors=size,
            min_dist=min_dist,
            spread=spread,
            n_epochs=epochs,
            init="spectral" if rows >= SPECTRAL_ROWS else "random",
            random_state=seed,
            n_jobs=1,
            precomputed_knn=_with_themselves(neighbours(size - 1)),
            force_approximation_algorithm=True,  # else it computes all distances anew below 4,096 rows
            tqdm_kwds={"disable": False, "file": _Epochs(progress), "bar_format": "{n} {total}"},
        )
        progress("umap begins", 0, None)
        with warnings.catch_warnings():
            for text in HARMLESS:
                warnings.filterwarnings("ignore", message=text)
            points = np.asarray(learner.fit_transform(_within_float32(vectors)), dtype=np.float32)
    forming(points, 1, 1, {}, {})
    return points


def check(n_neighbors: int, min_dist: float, spread: float, epochs: int | None) -> None:
    """Refuses parameters that are out of range.

    Raises:
        InputError: one is.
    """
    if n_neighbors < 2:
        raise InputError("A neighbourhood is too small.", got=f"n_neighbors={n_neighbors}", expected="2 or more")
    if not 0 <= min_dist <= spread < np.inf or spread == 0:
        raise InputError(
            "Points cannot keep this distance.",
            got=f"min_dist={min_dist} with spread={spread}",
            expected="min_dist from 0 to spread",
        )
    if epochs is not None and epochs < 1:
        raise InputError("UMAP needs a round of optimisation.", got=f"epochs={epochs}", expected="1 or more")


class _Epochs(io.StringIO):
    """Where umap-learn's progress bar is drawn, the only way in which it says how far it is."""

    def __init__(self, progress: Progress) -> None:
        super().__init__()
        self._progress = progress

    def write(self, text: str) -> int:
        if drawn := re.fullmatch(r"\s*(\d+) (\d+)\s*", text):
            self._progress("umap epochs", int(drawn[1]), int(drawn[2]))
        return len(text)


def _with_themselves(found: Neighbours) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Neighbours as umap-learn has them: each sample is its own first, and distances are of any scale."""
    own = np.arange(len(found), dtype=np.int32)[:, None]
    largest = float(found.distances.max(initial=0)) or 1.0
    distances = (found.distances.astype(np.float64) / largest).astype(np.float32)
    return np.hstack([own, found.indices]), np.hstack([np.zeros(own.shape, dtype=np.float32), distances])


def _within_float32(vectors: Any) -> NDArray[np.float32]:
    """The vectors in float32; umap-learn looks at them only to place parts of the graph that hang apart."""
    with np.errstate(over="ignore"):
        plain = np.asarray(vectors, dtype=np.float32, order="C")
    if np.abs(plain).max() < 1e15:
        return plain
    wide = np.asarray(vectors, dtype=np.float64)
    return np.asarray(wide / np.abs(wide).max(), dtype=np.float32)


def _umap_learn() -> Any:
    """umap-learn without its parametric variant, which would import all of TensorFlow unasked.

    `from umap.parametric_umap import ParametricUMAP` still works afterwards.
    """
    if "umap" in sys.modules or "tensorflow" in sys.modules:
        import umap

        return umap
    sys.modules["umap.parametric_umap"] = None  # type: ignore[assignment]
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Tensorflow not installed", category=ImportWarning)
            import umap
    finally:
        del sys.modules["umap.parametric_umap"]
    del umap.ParametricUMAP  # the stand-in that would say TensorFlow is missing
    return umap
