"""Means of a training's metrics over the steps since the last look, from the totals that Keras keeps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


class IntervalMeans:
    """Knows a model's metrics.

    Keras says the mean since the epoch began, which is stale at its end. Of a metric that is a mean, total and
    count can be read, so the mean since any earlier moment follows; of others (AUC, …) Keras' own value is taken.

    Args:
        model: a compiled Keras model.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self._before: dict[str, tuple[float, float]] = {}

    def begin(self) -> None:
        """Says that an epoch begins: what the metrics have counted so far belongs to points before it."""
        self._before = dict(self._sums())

    def since_last(self, logs: Mapping[str, Any]) -> dict[str, float]:
        """The metrics by name.

        Args:
            logs: what Keras says of them, which also tells which there are.
        """
        sums = dict(self._sums())
        found = {name: float(value) for name, value in logs.items() if not name.startswith("val_")}
        for name, (total, count) in sums.items():
            total_before, count_before = self._before.get(name, (0.0, 0.0))
            if name in found and count > count_before:
                found[name] = (total - total_before) / (count - count_before)
        self._before = sums
        return found

    def _sums(self) -> Iterator[tuple[str, tuple[float, float]]]:
        for metric in _single(self._model.metrics):
            if hasattr(metric, "total") and hasattr(metric, "count"):
                yield metric.name, (float(metric.total), float(metric.count))


def _single(metrics: Any) -> Iterator[Any]:
    """The metrics, and those inside the ones that hold others."""
    for metric in metrics:
        inside = getattr(metric, "metrics", None)
        if inside:
            yield from _single(inside)
        else:
            yield metric
