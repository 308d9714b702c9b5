"""t-SNE in two and three dimensions, as a scikit-learn estimator.

Neighbours (`neighbours.py`) give affinities (`affinity.py`); a first map goes down the slope (`descent.py`)
under the pull of the affinities (`attraction.py`) and the push of all points (`repulsion.py`); new samples
are placed on the finished map (`placement.py`). `docs/tsne.md` has the equations, the sources, and when not
to trust a map.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.exceptions import NotFittedError
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from embedding_lab.embeddings import Neighbours
from embedding_lab.errors import InputError, ShapeMismatch, one_of
from embedding_lab.projection.affinity import (
    F32,
    Affinities,
    conditional,
    perplexity_affinities,
    uniform_affinities,
)
from embedding_lab.projection.crew import Crew, crew_of
from embedding_lab.projection.descent import Descent, Schedule
from embedding_lab.projection.first_map import first_map, narrowed
from embedding_lab.projection.frame import extreme_exponent, moderate
from embedding_lab.projection.kernel import Weighting
from embedding_lab.projection.neighbours import Index
from embedding_lab.projection.placement import placed

Callback = Callable[[int, NDArray[np.float32], float], object]


class TSNE(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """A map on which near samples lie near each other.

    Args:
        n_components: dimensions of the map: 2 or 3, or 1 for a line.
        perplexity: the effective number of neighbours that a sample cares for; where there are fewer than
            three times as many others, a third of their number (see `perplexity_`).
        affinity: "perplexity", or "uniform" for the same affinity to each of the `perplexity` / 2 nearest
            neighbours: nearly the same map in half the time.
        early_exaggeration: factor of all affinities in the early phase, which gathers clusters.
        early_exaggeration_iter: how many of the iterations that phase takes.
        exaggeration: the factor afterwards; 1 is t-SNE itself, 2 to 4 tighter clusters with more space
            between.
        learning_rate: the step length; "auto" is n / exaggeration.
        max_iter: iterations in all.
        init: the first map: "pca", "random", an array of shape (n, n_components), or a map with `points` of
            that shape. It is scaled to a width of 0.0001, or taken as it is if there is no early phase.
        weighting: "neighbours", or in 3-D also "gradient": the exact gradient of the divergence, which
            keeps fewer neighbours; see `kernel.py`.
        metric: "euclidean" or "cosine".
        random_state: seed of the random first map and of the neighbour index.
        n_jobs: threads; None for one on every core. The map is the same for any number.
        callback: called as callback(iteration, map, divergence) with a float32 map of shape (n,
            n_components) every `callback_interval` iterations; if it returns True, the map is finished as
            it is.
        callback_interval: iterations between two calls.
        warm_start: `fit` goes on from where the last `fit` stopped, also by what its callback raised or Ctrl-C, up
            to `max_iter`; a map stopped by its callback becomes the very map that it would have been.

    Attributes:
        embedding_: the map, float32, shape (n, n_components), centred.
        kl_divergence_: Kullback-Leibler divergence of the map from the affinities, without exaggeration.
        n_iter_: iterations taken.
        perplexity_: the perplexity used.
        n_features_in_: columns of the vectors.
    """

    _index: Index | None
    _descent: Descent | None = None

    def __init__(
        self,
        n_components: int = 2,
        *,
        perplexity: float = 30.0,
        affinity: str = "perplexity",
        early_exaggeration: float = 12.0,
        early_exaggeration_iter: int = 150,
        exaggeration: float = 1.0,
        learning_rate: float | str = "auto",
        max_iter: int = 600,
        init: Any = "pca",
        weighting: Weighting = "neighbours",
        metric: str = "euclidean",
        random_state: Any = 0,
        n_jobs: int | None = None,
        callback: Callback | None = None,
        callback_interval: int = 50,
        warm_start: bool = False,
    ) -> None:
        self.n_components = n_components
        self.perplexity = perplexity
        self.affinity = affinity
        self.early_exaggeration = early_exaggeration
        self.early_exaggeration_iter = early_exaggeration_iter
        self.exaggeration = exaggeration
        self.learning_rate = learning_rate
        self.max_iter = max_iter
        self.init = init
        self.weighting = weighting
        self.metric = metric
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.callback = callback
        self.callback_interval = callback_interval
        self.warm_start = warm_start

    def fit(
        self,
        X: Any,  # noqa: N803
        y: object = None,
        *,
        neighbours: Neighbours | None = None,
        resume: Mapping[str, NDArray[Any]] | None = None,
    ) -> Self:
        """Makes the map.

        Args:
            X: real and finite vectors, shape (n, dims); memory-mapped ones are read in blocks.
            y: ignored.
            neighbours: of the same vectors, where they are known already: `neighbours_needed()` of them for
                each.
            resume: a `checkpoint` of another fit to the same vectors with the same parameters, to go on from; the
                map is the one that the other would have become, to the byte.

        Raises:
            NotFinite: a vector holds NaN or infinity; the message names its row.
            InputError: a parameter is out of its range, or the checkpoint that of another map.
        """
        vectors = validate_data(self, X, ensure_all_finite=False, ensure_min_samples=1)
        self.check()
        self._exponent = extreme_exponent(vectors)  # the map does not depend on the scale
        vectors = moderate(vectors, self._exponent)
        with crew_of(self.n_jobs) as crew:
            self._descent = descent = self._stopped(vectors) or self._start(vectors, neighbours, resume, crew)
            self._run(descent, crew)
            self._finish(descent, vectors, crew)
        return self

    def fit_transform(
        self,
        X: Any,  # noqa: N803
        y: object = None,
        *,
        neighbours: Neighbours | None = None,
        resume: Mapping[str, NDArray[Any]] | None = None,
    ) -> NDArray[np.float32]:
        """Makes the map as `fit` does, and returns it: float32, shape (n, n_components)."""
        return self.fit(X, y, neighbours=neighbours, resume=resume).embedding_

    def transform(self, X: Any) -> NDArray[np.float32]:  # noqa: N803
        """Places of other vectors on the finished map, float32, shape (m, n_components).

        A vector of the training set gets its own point (of equal ones, the first). A new vector comes to
        rest among its neighbours, whichever others come with it, and moves nothing.
        """
        check_is_fitted(self)
        vectors = moderate(validate_data(self, X, reset=False, ensure_all_finite=False), self._exponent)
        if self._index is None:
            self._index = Index(self._vectors, metric=self.metric, threads=self.n_jobs)
        found = self._index.query(vectors, max(self._wanted(len(self._vectors)), 1))
        new = np.flatnonzero(found.distances[:, 0] > 0)
        places = self.embedding_[found.indices[:, 0]].copy()
        if len(new) and len(self.embedding_) > 1:
            with crew_of(self.n_jobs) as crew:
                points = np.zeros((max(places.shape[1], 2), len(self.embedding_)), F32)
                points[: places.shape[1]] = self.embedding_.T
                weights = self._weights(found.distances[new], crew)
                rest = placed(points, self._normaliser, self._kernel, found.indices[new], weights, crew)
                places[new] = rest[: places.shape[1]].T
        return places

    def checkpoint(self) -> dict[str, NDArray[Any]]:
        """Where the map stands, as arrays by name that `np.savez` can keep, for `fit(…, resume=…)`.

            tsne = TSNE(callback=lambda *_: np.savez("stopped.npz", **tsne.checkpoint()))

        Raises:
            NotFittedError: no fit is under way, and none was stopped.
        """
        if self._descent is None:
            raise NotFittedError("There is no map that could be gone on with. Call `checkpoint` in a callback.")
        return self._descent.checkpoint()

    def neighbours_needed(self) -> int:
        """How many neighbours of each sample `fit` uses where there are enough samples."""
        return max(1, int((3 if self.affinity == "perplexity" else 0.5) * self.perplexity))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    @property
    def _n_features_out(self) -> int:
        return int(self.embedding_.shape[1])

    def check(self) -> None:
        """Refuses parameters that are out of range, as `fit` does.

        Raises:
            InputError: one is.
        """
        if self.n_components not in (1, 2, 3):
            raise InputError(
                "A t-SNE map has few dimensions.",
                got=f"n_components={self.n_components}",
                expected="1, 2 or 3",
            )
        if self.affinity not in ("perplexity", "uniform"):
            raise one_of("Affinity", self.affinity, ("perplexity", "uniform"))
        positive = ["perplexity", "early_exaggeration", "exaggeration", "max_iter", "callback_interval"]
        if isinstance(self.learning_rate, str):
            if self.learning_rate != "auto":
                raise one_of("Learning rate", self.learning_rate, ("auto", "a number"))
        else:
            positive.append("learning_rate")
        for name in positive:
            if not 0 < getattr(self, name) < np.inf:
                raise InputError(f"{name} is out of range.", got=str(getattr(self, name)), expected="more than 0")

    def _wanted(self, n: int) -> int:
        return min(self.neighbours_needed(), n - 1)

    def _stopped(self, vectors: NDArray[Any]) -> Descent | None:
        """Where the last `fit` to the same number of samples stopped, if this one is to go on from there."""
        stopped = self._descent if self.warm_start else None
        return stopped if stopped is not None and len(stopped.order) == len(vectors) else None

    def _start(
        self,
        vectors: NDArray[Any],
        neighbours: Neighbours | None,
        resume: Mapping[str, NDArray[Any]] | None,
        crew: Crew,
    ) -> Descent:
        n = len(vectors)
        self._index = None
        if neighbours is None:
            seed = check_random_state(self.random_state).randint(2**31 - 1)
            self._index = Index(vectors, metric=self.metric, seed=seed, threads=self.n_jobs)
            neighbours = self._index.neighbours(self._wanted(n)) if n > 1 else None
        elif len(neighbours) != n:
            raise ShapeMismatch(
                "The neighbours are those of other vectors.",
                got=f"{len(neighbours):,} rows",
                expected=f"{n:,}",
            )
        self.perplexity_ = max(min(float(self.perplexity), (n - 1) / 3), 1.0)
        schedule = Schedule(
            self.early_exaggeration_iter, self.early_exaggeration, self.exaggeration, self.learning_rate
        )
        if resume is not None:
            affinities = self._affinities(neighbours, crew)
            return Descent.resumed(affinities, resume, self.n_components, schedule, self.weighting)
        first = first_map(vectors, self.n_components, self.init, self.random_state)
        if self.early_exaggeration_iter > 0:
            first = narrowed(first)
        return Descent.start(self._affinities(neighbours, crew), first, schedule, self.weighting)

    def _affinities(self, neighbours: Neighbours | None, crew: Crew) -> Affinities:
        if neighbours is None:
            return Affinities(np.zeros(2, np.uint64), np.empty(0, np.uint32), np.empty(0, F32))
        nearest = neighbours.nearest(self._wanted(len(neighbours)))
        if self.affinity == "uniform":
            return uniform_affinities(nearest.indices)
        return perplexity_affinities(nearest.indices, nearest.distances, self.perplexity_, crew)

    def _weights(self, distances: NDArray[np.float32], crew: Crew) -> NDArray[np.float32]:
        if self.affinity == "uniform":
            return np.full(distances.shape, 1 / distances.shape[1], F32)
        return conditional(distances, min(self.perplexity_, distances.shape[1]), crew)

    def _run(self, descent: Descent, crew: Crew) -> None:
        if len(descent.order) < 2:
            return
        for state in descent.steps(self.max_iter, crew):
            due = state.iteration % self.callback_interval == 0 or state.iteration == self.max_iter
            if self.callback is not None and due:
                told = self.callback(state.iteration, state.map(), state.divergence(crew))
                if told is True:
                    break

    def _finish(self, descent: Descent, vectors: NDArray[Any], crew: Crew) -> None:
        self.embedding_ = descent.map()
        self.kl_divergence_ = descent.divergence(crew)
        self.n_iter_ = descent.iteration
        self._normaliser = descent.normaliser(crew) if len(vectors) > 1 else 1.0
        self._kernel = descent.kernel
        self._vectors = vectors
        self._descent = descent if self.warm_start else None
