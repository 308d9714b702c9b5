"""The seam between tracing and the frameworks: what a recorder does, and what it hands over at the end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from embedding_lab.profiling.costs import Cost
from embedding_lab.profiling.timeline import Track

MOST_EVENTS = 300_000
"""How many events a trace keeps by default: some tens of megabytes, which TensorBoard and Perfetto open at once."""


@dataclass
class Recording:
    """What a recorder saw during the steps.

    Attributes:
        tracks: the timeline.
        rows: what each operation cost, counted before anything was left out.
        python_share: which part of the steps was Python, from 0 to 1; None where that is unknown.
        tensor_bytes: the most memory that tensors held; None where that is unknown.
        xspace: the profile in the form of the Profile tab, where the framework wrote one itself.
        graph: a serialised GraphDef of what was compiled; None where there is no graph.
        left_out: events the recorder had to let go of.
        notes: what to know about all this.
    """

    tracks: list[Track]
    rows: list[Cost]
    python_share: float | None = None
    tensor_bytes: int | None = None
    xspace: Any = None
    graph: bytes | None = None
    left_out: int = 0
    notes: list[str] = field(default_factory=list)


class Recorder(Protocol):
    """One framework's profiler. Called in this order, all from one thread; `abandon` may come at any time."""

    def begin_first(self) -> None:
        """Gets ready to see what is compiled in the first call. Raises LabError where another profiler runs."""
        ...

    def end_first(self) -> None:
        """The first call is over: starts the profiler."""
        ...

    def begin_step(self, number: int) -> None:
        """Marks the begin of a step."""
        ...

    def end_step(self) -> float:
        """Marks its end; returns how many seconds of it were the recorder's own."""
        ...

    def finish(self) -> Recording:
        """Stops the profiler and hands over what it saw."""
        ...

    def abandon(self) -> None:
        """Stops everything that is running and keeps nothing; what was never begun is left alone."""
        ...
