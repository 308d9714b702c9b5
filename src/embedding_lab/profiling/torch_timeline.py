"""Reads the timeline that PyTorch's profiler exported: which module each operation serves, forward and backward."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from embedding_lab.profiling.timeline import HOST, STEP_MARK, STEP_NUMBER, Event, Kind, Track

LAYER = "layer: "
"""What stands before a module's name in the mark of its forward pass."""

STEP = "step "
_ENGINE = "autograd::engine::evaluate_function: "
_BACKWARD_THREAD = "Fwd thread id"
_SEQUENCE = "Sequence number"
_ON_DEVICE = ("kernel", "gpu_memcpy", "gpu_memset")


def read_tracks(trace: Mapping[str, Any]) -> list[Track]:
    """The timeline in a trace that torch.profiler exported.

    Args:
        trace: the content of its JSON file.
    """
    slices = [each for each in trace["traceEvents"] if each.get("ph") == "X" and isinstance(each.get("pid"), int)]
    names = {
        (each["pid"], each["tid"]): each["args"]["name"]
        for each in trace["traceEvents"]
        if each.get("ph") == "M" and each.get("name") == "thread_name"
    }
    origin = min((each["ts"] for each in slices), default=0.0)
    threads: dict[tuple[Any, Any], list[dict[str, Any]]] = {}
    for each in sorted(slices, key=lambda each: (each["ts"], -each.get("dur", 0.0))):
        threads.setdefault((each["pid"], each["tid"]), []).append(each)
    layers = _layers_by_number(threads)
    return [
        Track(
            names.get(thread, str(thread[1])),
            _device(found),
            [_event(each, where, origin) for each, where in _placed(found, layers)],
        )
        for thread, found in threads.items()
    ]


class Place(NamedTuple):
    """Where an operation belongs: a module, "" for none, and which direction of it."""

    layer: str = ""
    backward: bool = False


def _event(each: Mapping[str, Any], where: Place, origin: float) -> Event:
    name, category, details = each["name"], each.get("cat", ""), each.get("args", {})
    start, length = (each["ts"] - origin) * 1000, each.get("dur", 0.0) * 1000
    if category == "cpu_op" or category in _ON_DEVICE:
        operation = name.removeprefix(_ENGINE) + (" (gradient)" if where.backward else "")
        return Event(name, start, length, "operation", operation, where.layer, details)
    if re.fullmatch(rf"{STEP}\d+", name):
        number = int(name.removeprefix(STEP))
        return Event(name, start, length, "step", details={STEP_NUMBER: number, STEP_MARK: 1})
    kind: Kind = "python" if category in ("user_annotation", "python_function") else "native"
    return Event(name, start, length, kind, details=details)


def _placed(
    events: list[dict[str, Any]], layers: Mapping[int, str] | None = None
) -> Iterator[tuple[dict[str, Any], Place]]:
    """Each event with the innermost module whose forward or backward pass it lies in.

    Args:
        events: of one thread, in the order of their begins.
        layers: the module behind each sequence number, so that backward passes are placed too.
    """
    open_ones: list[tuple[float, Place]] = []
    for each in events:
        while open_ones and open_ones[-1][0] <= each["ts"]:
            open_ones.pop()
        number = _backward_of(each)
        if number is not None and layers is not None:
            open_ones.append((_end(each), Place(layers.get(number, ""), backward=True)))
        elif each["name"].startswith(LAYER):
            open_ones.append((_end(each), Place(each["name"].removeprefix(LAYER))))
        yield each, open_ones[-1][1] if open_ones else Place()


def _layers_by_number(threads: Mapping[Any, list[dict[str, Any]]]) -> dict[int, str]:
    """The module behind each sequence number: an operation and its step backward bear the same."""
    layers: dict[int, str] = {}
    for events in threads.values():
        for each, where in _placed(events):
            number = each.get("args", {}).get(_SEQUENCE)
            if where.layer and number is not None and _backward_of(each) is None:
                layers[number] = where.layer
    return layers


def _end(each: Mapping[str, Any]) -> float:
    return float(each["ts"] + each.get("dur", 0.0))


def _backward_of(each: Mapping[str, Any]) -> int | None:
    """The sequence number of an operation of the backward pass; None for all else."""
    details = each.get("args", {})
    return details.get(_SEQUENCE) if details.get(_BACKWARD_THREAD) else None


def with_backward(tracks: list[Track]) -> list[Track]:
    """The thread of the steps with the backward passes that ran on others, for which it waited."""
    own = next((track for track in tracks if any(each.kind == "step" for each in track.events)), None)
    if own is None:
        return []
    others = [each for track in tracks if track is not own for each in track.events]
    return [replace(own, events=[*own.events, *(each for each in others if each.name.startswith(_ENGINE))])]


def _device(events: list[dict[str, Any]]) -> str:
    on_device = next((each for each in events if each.get("cat") in _ON_DEVICE), None)
    return HOST if on_device is None else f"GPU:{on_device.get('args', {}).get('device', 0)}"
