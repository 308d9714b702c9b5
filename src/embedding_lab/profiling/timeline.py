"""What a profiler saw: who did what, when, on which thread; the same words for every framework."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

HOST = "CPU"

STEP_NAME = "TraceContext"
STEP_NUMBER = "step_num"
STEP_MARK = "_r"
"""To the Profile tab an event of this name, with this number and this mark, is a step."""

Kind = Literal["step", "operation", "python", "native"]
"""A step that was asked for; an operation of the table; Python code; other compiled code."""


class Event(NamedTuple):
    """One stretch of time on one thread.

    Attributes:
        name: what the timeline shows.
        start_ns: nanoseconds since the trace began.
        duration_ns: nanoseconds.
        kind: see `Kind`.
        operation: the row of the table that its time belongs to; "" for none.
        layer: the layer it belongs to; "" where none is known.
        details: what else the profiler said, such as shapes.
    """

    name: str
    start_ns: float
    duration_ns: float
    kind: Kind
    operation: str = ""
    layer: str = ""
    details: Mapping[str, Any] = {}


@dataclass(frozen=True)
class Track:
    """The events of one thread, or of one stream of a device, in any order.

    Attributes:
        name: of the thread.
        device: "CPU", or "GPU:0" and the like.
        events: what happened on it.
    """

    name: str
    device: str = HOST
    events: list[Event] = field(default_factory=list)


def self_times(events: Sequence[Event]) -> Iterator[tuple[Event, float]]:
    """Every event with its own nanoseconds: its duration without the events inside it.

    Args:
        events: of one thread, where what overlaps is nested.
    """
    open_ones: list[tuple[Event, float, list[float]]] = []  # event, its end, durations inside it
    for event in sorted(events, key=lambda each: (each.start_ns, -each.duration_ns)):
        while open_ones and open_ones[-1][1] <= event.start_ns:
            yield _closed(open_ones.pop())
        end = event.start_ns + event.duration_ns
        if open_ones:
            end = min(end, open_ones[-1][1])  # clocks of one thread differ by a hair now and then
            open_ones[-1][2].append(end - event.start_ns)
        open_ones.append((event, end, []))
    while open_ones:
        yield _closed(open_ones.pop())


def _closed(one: tuple[Event, float, list[float]]) -> tuple[Event, float]:
    event, end, inside = one
    return event, max(0.0, end - event.start_ns - sum(inside))


def shortest_kept_ns(tracks: Sequence[Track], most: int) -> float:
    """The duration that an event must exceed so that at most so many are kept; below 0 where all are.

    Steps are always kept, and not counted.
    """
    durations = [each.duration_ns for track in tracks for each in track.events if each.kind != "step"]
    if len(durations) <= most:
        return -1.0
    return heapq.nlargest(most + 1, durations)[-1]


def shortened(tracks: Sequence[Track], longer_than_ns: float) -> list[Track]:
    """The tracks with only the steps and the events that take longer."""
    return [
        replace(track, events=[e for e in track.events if e.kind == "step" or e.duration_ns > longer_than_ns])
        for track in tracks
    ]
