"""A map: where every sample of an embedding set lies in two or three dimensions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from embedding_lab.errors import ShapeMismatch

State = Literal["forming", "complete"]


def map_name(method: str, dims: int, metric: str = "euclidean") -> str:
    """The name of a map that got none, such as "tsne-3d"."""
    return f"{method}-{dims}d" + ("" if metric == "euclidean" else f"-{metric}")


@dataclass(frozen=True, eq=False)
class Projection:
    """Points on a map, row by row for the samples of one embedding set.

    Attributes:
        points: float32, shape (n, k); k is 2 or 3, for PCA also more.
        ids: the samples' ids, shape (n,).
        method: "pca", "tsne", "umap", …
        parameters: what the method was asked for, as JSON can hold it.
        seed: the seed of its random numbers; None where it uses none.
        parent: the map it starts from or is aligned to, with the transform; None where it stands alone.
        quality: measures in total, such as {"trustworthiness": 0.99}.
        per_sample: measures per sample, each of shape (n,).
        state: "forming" while an iterative method is still at work.
        done: how many iterations it has behind it; None where the method has none.
        total: of how many.
        vectors: which writing of its layer's vectors it shows (`Place.generation`); None where they lie in no run.
        checkpoint: arrays by name from which its method goes on with it, while it forms; none where it cannot.

    Raises:
        ShapeMismatch: points, ids and measures describe different numbers of samples.
    """

    points: NDArray[np.float32]
    ids: NDArray[np.str_]
    method: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    seed: int | None = None
    parent: Mapping[str, Any] | None = None
    quality: Mapping[str, float] = field(default_factory=dict)
    per_sample: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    state: State = "complete"
    done: int | None = None
    total: int | None = None
    vectors: str | None = None
    checkpoint: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.points.ndim != 2:
            raise ShapeMismatch("A map is not a table.", got=f"shape {self.points.shape}", expected="shape (n, k)")
        for part, values in {"ids": self.ids, **self.per_sample}.items():
            if len(values) != len(self.points):
                raise ShapeMismatch(
                    f"The {part} of a {self.method} map do not fit its points.",
                    got=f"{len(values):,} for {len(self.points):,} points",
                    expected="one for each point",
                )
