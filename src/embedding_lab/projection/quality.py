"""How far a map may be trusted: what it keeps of the vectors' neighbourhoods and of their large distances.

`docs/trust.md` gives the formulas and their sources.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from embedding_lab.embeddings import Neighbours
from embedding_lab.errors import InputError, ShapeMismatch
from embedding_lab.progress import Progress, silent
from embedding_lab.projection.frame import as_vectors, directions
from embedding_lab.projection.neighbours import Index
from embedding_lab.projection.ranks import nearer_rows
from embedding_lab.projection.threads import usable

if TYPE_CHECKING:
    from embedding_lab.projection.affinity import Affinities

NEAR = 10
"""The neighbourhood that the measures look at."""

WIDE = 30
"""The neighbourhood outside of which a neighbour is false, or missing."""

EXACT_ROWS = 20_000
"""Up to so many samples all are ranked."""

RANKED_PAIRS = EXACT_ROWS**2
"""Beyond, so many distances are ranked: of fewer samples, but each against all others."""

FEWEST_RANKED = 1_000

DISTANCE_PAIRS = 20_000


@dataclass(frozen=True, eq=False)
class Quality:
    """Measures of one map. One that is not defined, for instance for very few samples, is left out.

    Attributes:
        totals: the mean of each measure over the samples; "<measure>_error" is its standard error where only
            some samples were looked at.
        per_sample: float32, each of shape (n,), NaN where a sample was not looked at.
    """

    totals: Mapping[str, float] = field(default_factory=dict)
    per_sample: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)


def measure(
    vectors: Any,
    points: Any,
    *,
    metric: str = "euclidean",
    neighbours: Neighbours | None = None,
    labels: Any = None,
    affinities: Affinities | None = None,
    seed: int = 0,
    threads: int | None = None,
    progress: Progress = silent,
) -> Quality:
    """Compares a map with the vectors it shows.

    Args:
        vectors: real and finite, shape (n, dims).
        points: positions on the map, shape (n, 2 or more), any scale.
        metric: how vectors are compared; points always by euclidean distance.
        neighbours: those of the vectors, 30 or more for each; searched where they are not given.
        labels: int, shape (n,), -1 where a sample has none.
        affinities: those a t-SNE map was made from, or would be (`divergence.affinities_of`); the map must be
            at the scale at which it was laid out.
        seed: of the samples and pairs that are looked at where there are too many for all.
        threads: how many work; None for one on every core.
        progress: told "search neighbours" and "rank neighbours" in samples.

    Returns:
        In total and per sample: "kept_10" and "kept_30", the share of a sample's neighbours that are its
        neighbours on the map; "false", the share of its 10 map neighbours that are not among its 30
        neighbours; "missing", the share of its 10 neighbours that are not among its 30 map neighbours;
        "trustworthiness" and "continuity" over 10 neighbours; with labels "label_agreement" of the vectors
        and "label_agreement_map". In total only: "rank_correlation" of distances, from -1 to 1; with
        affinities "kl", the divergence that t-SNE makes small; and "neighbours_recall", below 1 where the
        neighbours of the vectors are not all the true ones. Of "false", "missing" and "kl" less is better, of
        all others more.

    Raises:
        InputError and its kinds: tables that do not fit, or values that are not finite.
    """
    vectors, points = as_vectors(vectors), as_vectors(points)
    rows = vectors.shape[0]
    if points.shape[0] != rows or (neighbours is not None and len(neighbours) != rows):
        raise ShapeMismatch(
            "Vectors, map and neighbours describe different samples.",
            got=f"{rows:,} vectors, {points.shape[0]:,} points"
            + (f", neighbours of {len(neighbours):,}" if neighbours is not None else ""),
            expected="one of each for every sample",
        )
    if rows < 3:
        return Quality()
    crew = usable(threads)
    layer = Index(vectors, metric=metric, seed=seed, threads=crew)
    if neighbours is None or (neighbours.k < WIDE and neighbours.k < rows - 1):
        neighbours = layer.neighbours(WIDE, progress=progress)
    plane = Index(points, seed=seed, threads=crew)
    on_map = plane.neighbours(WIDE)
    samples = {
        **compared(neighbours, on_map, rows),
        **_ranked(layer, plane, neighbours, on_map, seed, crew, progress),
    }
    if labels is not None:
        samples["label_agreement"] = label_agreement(neighbours, labels)
        samples["label_agreement_map"] = label_agreement(on_map, labels)
    totals = _totals(samples)
    correlation = rank_correlation(vectors, points, metric=metric, seed=seed)
    if correlation is not None:
        totals["rank_correlation"] = correlation
    if affinities is not None:
        from embedding_lab.projection.divergence import kl_divergence

        totals["kl"] = kl_divergence(points, affinities, threads=crew)
    if neighbours.recall < 1:
        totals["neighbours_recall"] = neighbours.recall
    return Quality(totals, {name: values.astype(np.float32) for name, values in samples.items()})


def label_agreement(
    neighbours: Neighbours, labels: Any, k: int = NEAR, *, of: NDArray[np.int64] | None = None
) -> NDArray[np.float64]:
    """The share of a sample's k neighbours with a label that have its own label.

    Args:
        neighbours: k or more for each of n samples; fewer where there are not so many samples.
        labels: int, shape (n,), -1 where a sample has none.
        k: how many neighbours count.
        of: the m samples of which these are the neighbours; None for all n.

    Returns:
        0 to 1, shape (n,) or (m,); NaN for a sample that has no label itself or no neighbour with one.

    Raises:
        ShapeMismatch: labels are not one per sample.
    """
    numbers = np.asarray(labels)
    if of is None and numbers.shape != (len(neighbours),):
        raise ShapeMismatch(
            "The labels do not fit the neighbours.",
            got=f"shape {numbers.shape}",
            expected=f"({len(neighbours)},)",
        )
    near = numbers[neighbours.nearest(k).indices]
    known = (near >= 0).sum(axis=1)
    own = numbers if of is None else numbers[of]
    same = (near == own[:, None]).sum(axis=1)
    counted = (own >= 0) & (known > 0)
    return np.where(counted, same / np.maximum(known, 1), np.nan)


def rank_correlation(
    vectors: Any, points: Any, *, metric: str = "euclidean", pairs: int = DISTANCE_PAIRS, seed: int = 0
) -> float | None:
    """Spearman's correlation between distances of the vectors and on the map, over random pairs of samples.

    Args:
        vectors: shape (n, dims).
        points: shape (n, k).
        metric: how vectors are compared.
        pairs: how many; its standard error is about 1 / √pairs.
        seed: of the pairs.

    Returns:
        From -1 to 1; None where all distances of one kind are equal, so that nothing can be ranked.
    """
    if metric not in ("euclidean", "cosine"):
        raise InputError("The metric is unknown.", got=repr(metric), expected="'euclidean' or 'cosine'")
    random = np.random.default_rng([seed, 3])
    rows = vectors.shape[0]
    one = random.integers(0, rows, pairs)
    two = (one + random.integers(1, rows, pairs)) % rows
    far = _distances(vectors, one, two, metric)
    near = _distances(points, one, two, "euclidean")
    if far.min() == far.max() or near.min() == near.max():
        return None
    return float(spearmanr(far, near).statistic)


def _distances(table: Any, one: NDArray[np.int64], two: NDArray[np.int64], metric: str) -> NDArray[np.float64]:
    found = np.empty(len(one))
    for start in range(0, len(one), 1024):
        some = slice(start, start + 1024)
        a, b = np.asarray(table[one[some]], np.float64), np.asarray(table[two[some]], np.float64)
        if metric == "cosine":
            a, b = directions(a), directions(b)
        apart = np.abs(a - b)
        largest = apart.max(axis=1, keepdims=True)
        ratio = apart / np.where(largest == 0, 1, largest)  # squares of tiny or huge numbers leave the range
        found[some] = largest[:, 0] * np.sqrt((ratio**2).sum(axis=1))
    return found


def _enough(rows: int, k: int) -> bool:
    """A neighbourhood is one when it is less than half of the samples, as scikit-learn asks for too."""
    return rows > 2 * k


def compared(layer: Neighbours, plane: Neighbours, rows: int) -> dict[str, NDArray[np.float64]]:
    """What of the neighbours of some or all of so many samples is kept on the map, per sample."""
    measures: dict[str, NDArray[np.float64]] = {}
    for k in (NEAR, WIDE):
        if _enough(rows, k):
            measures[f"kept_{k}"] = _share(layer.indices[:, :k], plane.indices[:, :k])
    if _enough(rows, WIDE):
        measures["false"] = 1 - _share(plane.indices[:, :NEAR], layer.indices[:, :WIDE])
        measures["missing"] = 1 - _share(layer.indices[:, :NEAR], plane.indices[:, :WIDE])
    return measures


def _share(some: NDArray[np.int32], among: NDArray[np.int32]) -> NDArray[np.float64]:
    """The share of each row of `some` that is found in the same row of `among`."""
    share = np.empty(len(some))
    for start in range(0, len(some), 4096):
        block = slice(start, start + 4096)
        share[block] = (some[block, :, None] == among[block, None, :]).any(axis=2).mean(axis=1)
    return share


def _ranked(
    layer: Index,
    plane: Index,
    layer_neighbours: Neighbours,
    plane_neighbours: Neighbours,
    seed: int,
    threads: int,
    progress: Progress,
) -> dict[str, NDArray[np.float64]]:
    rows = len(layer)
    if not _enough(rows, NEAR):
        return {}
    chosen = np.arange(rows)
    if rows > EXACT_ROWS:
        count = max(FEWEST_RANKED, RANKED_PAIRS // rows)
        chosen = np.sort(np.random.default_rng([seed, 4]).choice(rows, count, replace=False))
    intruders = plane_neighbours.indices[chosen, :NEAR]
    leavers = layer_neighbours.indices[chosen, :NEAR]
    worst = NEAR * (2 * rows - 3 * NEAR - 1) / 2
    measures = {}
    for name, index, others in (("trustworthiness", layer, intruders), ("continuity", plane, leavers)):
        ranks = 1 + nearer_rows(index, chosen, others, threads, progress)
        measures[name] = np.full(rows, np.nan)
        measures[name][chosen] = 1 - np.maximum(ranks - NEAR, 0).sum(axis=1) / worst
    return measures


def _totals(samples: Mapping[str, NDArray[np.float64]]) -> dict[str, float]:
    totals = {}
    for name, values in samples.items():
        seen = values[np.isfinite(values)]
        if len(seen):
            totals[name] = float(seen.mean())
        if name in ("trustworthiness", "continuity") and 1 < len(seen) < len(values):
            unseen = 1 - len(seen) / len(values)  # drawn without replacement
            totals[f"{name}_error"] = float(seen.std(ddof=1) * np.sqrt(unseen / len(seen)))
    return totals
