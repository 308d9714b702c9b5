"""What an event file holds, in short: its tags, steps and graphs, and where it is damaged."""

from __future__ import annotations

import math
import struct
from array import array
from bisect import bisect_left
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from embedding_lab.board.checks.records import Damage, read_events

_LEGACY_KINDS = {"simple_value": "scalars", "image": "images", "histo": "histograms", "audio": "audio"}
GRAPH = "graphs"
KERAS_GRAPH = "graph_keras_model"
TRACE_GRAPHS = ("graph_run_metadata", "graph_run_metadata_graph")
LARGEST_GRAPH_BYTES = 64 << 20
_DT_FLOAT, _DT_DOUBLE = 1, 2


@dataclass
class Tag:
    """One series of a run.

    Attributes:
        plugin: the plugin that shows it, by TensorBoard's name, such as "scalars".
        content: what the plugin keeps beside it.
        steps: the steps that TensorBoard still shows: a step that goes back takes the later ones with it.
        lost: how many points went that way.
        overwritten: how many points another point at the same step replaced.
        not_finite: how many values are NaN or infinite, the first of them at step `first_not_finite`.
        last_time: when the last point was written; `clock_back` by how many seconds the clock went back.
    """

    plugin: str
    content: bytes = b""
    steps: array[int] = field(default_factory=lambda: array("q"))
    lost: int = 0
    overwritten: int = 0
    not_finite: int = 0
    first_not_finite: int = 0
    last_time: float = -math.inf
    clock_back: float = 0.0

    def add(self, step: int, time: float) -> None:
        """Counts a point as TensorBoard does."""
        if self.steps and step <= self.steps[-1]:
            keep = bisect_left(self.steps, step)
            replaced = int(self.steps[keep] == step)
            self.overwritten += replaced
            self.lost += len(self.steps) - keep - replaced
            del self.steps[keep:]
        elif self.steps:
            self.clock_back = max(self.clock_back, self.last_time - time)
        self.steps.append(step)
        self.last_time = time

    def after(self, earlier: Tag) -> Tag:
        """This series behind that of an earlier event file, whose points it takes away from its first step on."""
        kept = earlier.steps[: bisect_left(earlier.steps, self.steps[0])]
        return Tag(
            self.plugin or earlier.plugin,
            self.content or earlier.content,
            kept + self.steps,
            self.lost + earlier.lost,
            self.overwritten + earlier.overwritten,
            self.not_finite + earlier.not_finite,
            earlier.first_not_finite if earlier.not_finite else self.first_not_finite,
            self.last_time,
            max(self.clock_back, earlier.clock_back),
        )


@dataclass(frozen=True)
class Graph:
    """A graph in an event file.

    Attributes:
        kind: "graph", "trace" (of a function) or "keras" (the layers).
        tag: its name; "" for the run's own graph.
        nodes: how many; -1 where it was too large to count.
        problem: why TensorBoard cannot draw it; "" where it can.
    """

    kind: str
    tag: str
    nodes: int
    problem: str = ""


@dataclass
class Scan:
    """What one event file holds.

    Attributes:
        path: the file.
        events: how many records could be read.
        tags: the series by name.
        graphs: the graphs in it.
        damages: what is wrong with its records.
        first_time: when its first event was written; `last_time` the last, seconds since 1970.
    """

    path: Path
    events: int = 0
    tags: dict[str, Tag] = field(default_factory=dict)
    graphs: list[Graph] = field(default_factory=list)
    damages: list[Damage] = field(default_factory=list)
    first_time: float = math.inf
    last_time: float = -math.inf

    @property
    def has_data(self) -> bool:
        return bool(self.tags or self.graphs)


def scan_event_file(path: Path) -> Scan:
    """Reads an event file once, record by record; memory grows with the number of points, not with their size.

    Raises:
        OSError: the file cannot be read.
    """
    scan = Scan(path)
    for event in read_events(path):
        if isinstance(event, Damage):
            scan.damages.append(event)
            continue
        scan.events += 1
        scan.first_time = min(scan.first_time, event.wall_time)
        scan.last_time = max(scan.last_time, event.wall_time)
        if event.HasField("summary"):
            for value in event.summary.value:
                _add_value(scan, value, event.step, event.wall_time)
        elif event.graph_def:
            scan.graphs.append(_run_graph(event.graph_def))
    return scan


def _add_value(scan: Scan, value: Any, step: int, time: float) -> None:
    tag = scan.tags.get(value.tag)
    if tag is None:
        kept = value.metadata.plugin_data
        plugin = kept.plugin_name or _LEGACY_KINDS.get(value.WhichOneof("value"), "")
        tag = scan.tags[value.tag] = Tag(plugin, bytes(kept.content))
    tag.add(step, time)
    if tag.plugin == "scalars" and not math.isfinite(_number(value)):
        tag.first_not_finite = tag.first_not_finite if tag.not_finite else step
        tag.not_finite += 1
    elif tag.plugin == KERAS_GRAPH:
        scan.graphs.append(_keras_graph(value.tag, _text(value)))
    elif tag.plugin in TRACE_GRAPHS:
        scan.graphs.append(_trace_graph(value.tag, _text(value)))


def _number(value: Any) -> float:
    """The value of a scalar; 0 where its form is unknown, which is no reason to complain."""
    if value.HasField("simple_value"):
        return float(value.simple_value)
    tensor = value.tensor
    for values in (tensor.float_val, tensor.double_val):
        if values:
            return float(values[0])
    form = {_DT_FLOAT: "<f", _DT_DOUBLE: "<d"}.get(tensor.dtype)
    if form and len(tensor.tensor_content) == struct.calcsize(form):
        return float(struct.unpack(form, tensor.tensor_content)[0])
    return 0.0


def _text(value: Any) -> bytes:
    return bytes(value.tensor.string_val[0]) if value.tensor.string_val else b""


def _run_graph(data: bytes) -> Graph:
    from tensorboard.compat.proto.graph_pb2 import GraphDef

    return _counted("graph", "", data, lambda: len(GraphDef.FromString(data).node))


def _keras_graph(tag: str, data: bytes) -> Graph:
    import json

    from tensorboard.plugins.graph.keras_util import keras_model_to_graph_def

    return _counted("keras", tag, data, lambda: len(keras_model_to_graph_def(json.loads(data)).node))


def _trace_graph(tag: str, data: bytes) -> Graph:
    from tensorboard.compat.proto.config_pb2 import RunMetadata
    from tensorboard.plugins.graph.graph_util import merge_graph_defs

    def nodes() -> int:
        functions = RunMetadata.FromString(data).function_graphs
        return len(merge_graph_defs([each.pre_optimization_graph for each in functions]).node)

    return _counted("trace", tag, data, nodes)


def _counted(kind: str, tag: str, data: bytes, count: Any) -> Graph:
    """Counts the nodes with TensorBoard's own code, whatever it makes of the data."""
    if len(data) > LARGEST_GRAPH_BYTES:
        return Graph(kind, tag, -1)
    try:
        return Graph(kind, tag, count())
    except Exception as error:  # TensorBoard's parsers raise anything on data they do not know
        return Graph(kind, tag, 0, f"{type(error).__name__}: {str(error)[:200]}")
