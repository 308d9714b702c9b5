"""Adds up a timeline: what each operation cost, on which layer, and what share of a step was Python."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from embedding_lab.profiling.timeline import Track, self_times


@dataclass(frozen=True)
class Cost:
    """A row of the table: all calls of one operation in one layer on one device.

    Attributes:
        operation: its name, such as "MatMul" or "MatMul (gradient)".
        layer: the layer it belongs to; "" where none is known.
        seconds: its own time over all profiled steps, without the operations inside it. Threads that work
            side by side add up.
        share: of the time of all operations, from 0 to 1.
        calls: how often it ran, over all profiled steps.
        device: "CPU", or "GPU:0" and the like.
    """

    operation: str
    layer: str
    seconds: float
    share: float
    calls: int
    device: str = "CPU"


Key = tuple[str, str, str]
"""Operation, layer, device."""


@dataclass
class Totals:
    """Nanoseconds and calls, added up under their keys."""

    nanoseconds: dict[Key, float] = field(default_factory=dict)
    calls: dict[Key, int] = field(default_factory=dict)

    def add(self, key: Key, nanoseconds: float) -> None:
        """One more call."""
        self.nanoseconds[key] = self.nanoseconds.get(key, 0.0) + nanoseconds
        self.calls[key] = self.calls.get(key, 0) + 1

    def costs(self) -> list[Cost]:
        """The rows, the most expensive first."""
        whole = sum(self.nanoseconds.values()) or 1.0
        rows = [
            Cost(operation, layer, spent / 1e9, spent / whole, self.calls[operation, layer, device], device)
            for (operation, layer, device), spent in self.nanoseconds.items()
        ]
        return sorted(rows, key=lambda row: (-row.seconds, row.operation, row.layer))


def operation_costs(tracks: Iterable[Track]) -> list[Cost]:
    """What each operation cost, the most expensive first."""
    totals = Totals()
    for track in tracks:
        for event, own_ns in self_times([each for each in track.events if each.operation]):
            totals.add((event.operation, event.layer, track.device), own_ns)
    return totals.costs()


def layer_costs(rows: Iterable[Cost]) -> list[Cost]:
    """The rows of each layer added up, without those of no layer."""
    seconds: dict[str, float] = {}
    shares: dict[str, float] = {}
    calls: dict[str, int] = {}
    for row in rows:
        if row.layer:
            seconds[row.layer] = seconds.get(row.layer, 0.0) + row.seconds
            shares[row.layer] = shares.get(row.layer, 0.0) + row.share
            calls[row.layer] = calls.get(row.layer, 0) + row.calls
    layers = [Cost("", layer, seconds[layer], shares[layer], calls[layer], "") for layer in seconds]
    return sorted(layers, key=lambda row: -row.seconds)


def python_share(tracks: Sequence[Track]) -> float | None:
    """Which part of the steps, from 0 to 1, their thread spent in Python and not in compiled code.

    None where no step was marked.
    """
    for track in tracks:
        if any(event.kind == "step" for event in track.events):
            whole = sum(event.duration_ns for event in track.events if event.kind == "step")
            own = sum(ns for event, ns in self_times(track.events) if event.kind in ("step", "python"))
            return min(1.0, own / whole) if whole else None
    return None
