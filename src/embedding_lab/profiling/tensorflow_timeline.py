"""Reads the timeline that TensorFlow wrote: which events are operations, of which layer, and which are Python."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from embedding_lab.profiling.layers import GRADIENT, LayerFinder, layer_names, other_scopes
from embedding_lab.profiling.timeline import HOST, STEP_MARK, STEP_NUMBER, Event, Track
from embedding_lab.profiling.xplane import HOST_PLANE, stats_of

_PYTHON_MARKS = ("tf.constant", "convert_to_tensor")
_EAGER = "EagerLocalExecute: "
_COMPILED = "__inference_"


def read_tracks(space: Any, model: Any = None) -> list[Track]:
    """The timeline in an XSpace that TensorFlow wrote.

    Args:
        space: the message.
        model: the Keras model whose layers are told apart; None where none is known.
    """
    planes = [plane for plane in space.planes if plane.name == HOST_PLANE or plane.name.startswith("/device:")]
    scopes = {scope for plane in planes for entry in plane.event_metadata for scope in _scope(entry.value)}
    layers, others = (layer_names(model), other_scopes(model)) if model is not None else (set(), {})
    find_layer = LayerFinder(layers, scopes, others)
    begins = [line.timestamp_ns for plane in planes for line in plane.lines if line.events]
    origin = min(begins, default=0)
    return [
        Track(line.display_name or line.name, _device(plane.name), list(_events(plane, line, origin, find_layer)))
        for plane in planes
        for line in plane.lines
        if line.events
    ]


def _device(plane: str) -> str:
    return HOST if plane == HOST_PLANE else plane.removeprefix("/device:")


def _events(plane: Any, line: Any, origin: int, find_layer: LayerFinder) -> Iterator[Event]:
    names = {entry.key: entry.value.name for entry in plane.stat_metadata}
    kinds = {entry.key: entry.value for entry in plane.event_metadata}
    on_device = plane.name != HOST_PLANE
    known: dict[str, tuple[str, str]] = {}
    for event in line.events:
        kind = kinds[event.metadata_id]
        details = stats_of(event, names)
        start = line.timestamp_ns - origin + event.offset_ps / 1000
        duration = event.duration_ps / 1000
        if STEP_NUMBER in details and STEP_MARK in details and not on_device:
            yield Event(f"step {details[STEP_NUMBER]}", start, duration, "step", details=details)
            continue
        if "tf_function_call" in details or kind.name in _PYTHON_MARKS:
            yield Event(kind.name, start, duration, "python", details=details)
            continue
        full = f"{details.get('tf_op', '')}" if on_device else _operation_name(kind, details)
        if on_device and not full:
            full = f"{kind.name}:{kind.name}"
        if full not in known:
            known[full] = _operation_and_layer(full, find_layer)
        operation, layer = known[full]
        yield Event(kind.name, start, duration, "operation" if operation else "native", operation, layer, details)


def _operation_name(kind: Any, details: Mapping[str, Any]) -> str:
    """An operation of the host as "scope/name:Type"; "" for all else that is compiled code."""
    if "hlo_op" in details:
        return f":{details['hlo_op']}"
    if kind.name.startswith(_EAGER):
        name = kind.name.removeprefix(_EAGER)
        return "" if name.startswith(_COMPILED) else f":{name}"
    if kind.display_name and kind.name.endswith(f":{kind.display_name}"):
        return "" if kind.display_name.startswith(_COMPILED) else str(kind.name)
    return ""


def _operation_and_layer(full: str, find_layer: LayerFinder) -> tuple[str, str]:
    scope, _, operation = full.rpartition(":")
    if operation and scope.split("/")[0] == GRADIENT:
        operation = f"{operation} (gradient)"
    return operation, find_layer(scope) if scope else ""


def _scope(kind: Any) -> Iterator[str]:
    if kind.display_name and kind.name.endswith(f":{kind.display_name}"):
        yield kind.name.removesuffix(f":{kind.display_name}")


def tensor_bytes(tracks: list[Track]) -> int | None:
    """The most that each allocator held at any time, added up; None where none was seen."""
    most: dict[str, int] = {}
    for track in tracks:
        for event in track.events:
            if event.name in ("MemoryAllocation", "MemoryDeallocation"):
                allocator = str(event.details.get("allocator_name", ""))
                most[allocator] = max(most.get(allocator, 0), int(event.details.get("bytes_allocated") or 0))
    return sum(most.values()) if most else None


def compiles(event: Event) -> bool:
    """Whether a tf.function was compiled in this call of it."""
    return str(event.details.get("tf_function_call", "")).startswith("traced")
