"""What an ONNX file gives, run by onnxruntime: the outputs of its graph, and of every node inside it by name.

A node's output can be had once it is marked as one of the graph's, which takes the package `onnx`.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding_lab.cores import cores
from embedding_lab.embeddings import INPUT_LAYER
from embedding_lab.embeddings.files import storage_errors
from embedding_lab.embeddings.inputs import parts_of, shape_of
from embedding_lab.errors import BrokenFile, InputError, MissingDependency
from embedding_lab.extraction.classifier import saying_classes
from embedding_lab.extraction.fitting import is_out_of_memory
from embedding_lab.extraction.source import (
    Activations,
    ForwardPass,
    LayerInfo,
    Pooling,
    Scale,
    in_one_line,
    no_vectors,
    other_input,
    rows_in_caches,
    rows_within,
    unknown_layer,
)

CHANNELS_FIRST = ("Conv", "ConvTranspose", "BatchNormalization", "InstanceNormalization", "MaxPool", "AveragePool")
"""Nodes whose channels are axis 1 also where the others have them last: behind sequences (b, time, channels)."""

WEIGHTS_FOLDER = "session.model_external_initializers_file_folder_path"
"""Where onnxruntime looks for the weights beside a file when it gets a graph that is in memory."""

ON_PROCESSOR = {"CPUExecutionProvider", "AzureExecutionProvider"}
"""What onnxruntime runs graphs with where it knows of no accelerator."""

FLOAT_BYTES = 4

POOLED = " pooled by the lab"
"""The end of the names of what was added to a graph."""

OUTPUT = "Output"
"""The kind of an output of the graph where what made it is not known."""


@dataclass(frozen=True)
class Node:
    """One output of a node of the graph.

    Attributes:
        name: of the tensor.
        kind: of the node, such as "Conv".
        parameters: numbers that the node holds.
        of_graph: whether it is an output of the graph.
    """

    name: str
    kind: str
    parameters: int
    of_graph: bool


class OnnxSource:
    """An ONNX file that can be asked for what its graph gives.

    Args:
        path: the file; weights beside it are found as onnxruntime finds them.

    Raises:
        BrokenFile: it holds no graph that can be run.
        MissingDependency: onnxruntime is not installed.
    """

    own_form = None

    def __init__(self, path: Path) -> None:
        self._path = path
        self._runtime = _import_runtime()
        session = self._session(str(path))
        self._inputs = session.get_inputs()
        self._outputs = [each.name for each in session.get_outputs() if each.type.startswith("tensor(")]
        self._shapes = {each.name: each.shape for each in session.get_outputs()}
        self._graph = _readable_graph(path)
        self._nodes = [Node(name, OUTPUT, 0, True) for name in self._outputs]
        if self._graph is not None:
            self._nodes = list(_nodes(self._graph, self._outputs))

    @property
    def several_inputs(self) -> bool:
        """Whether the graph has more than one input."""
        return len(self._inputs) > 1

    def layers(self) -> list[LayerInfo]:
        """What the nodes give, in their order; shapes where the file says them."""
        shapes = self._shapes | _said_shapes(self._graph)
        return [
            LayerInfo(
                name=each.name,
                kind=each.kind,
                shape=_sample_shape(shapes.get(each.name)),
                parameters=each.parameters,
                worth_showing=each.of_graph,
            )
            for each in self._nodes
        ]

    @contextlib.contextmanager
    def forward_pass(
        self, example: NDArray[Any], names: Sequence[str] | None, pooling: Pooling
    ) -> Iterator[ForwardPass]:
        """Marks the chosen outputs, and looks at what they are for few samples. See `Source.forward_pass`."""
        known = {each.name: each for each in self._nodes}
        wanted = self._outputs if names is None else list(names)
        for name in wanted:
            if name not in known:
                raise unknown_layer(name, [INPUT_LAYER, *known])
        session = self._session_with(wanted)
        found = self._given(session, example, list(dict.fromkeys([*self._outputs, *wanted])))
        chosen = [name for name in wanted if names is not None or _is_table(found[name], example)]
        for name in chosen:
            if not _is_table(found[name], example):
                raise no_vectors(
                    name, f"an output of shape {found[name].shape}, {found[name].dtype}, for {len(example)} samples"
                )
        last = saying_classes({name: found[name] for name in self._outputs})
        scale: Scale = "none" if last is None else "unknown"

        inside = [name for name in chosen if self._pools_inside(found[name], known[name].kind, pooling)]
        if inside:
            session = self._session_with(wanted, inside, pooling)
        taken = {name: name + POOLED if name in inside else name for name in chosen}
        asked = list(dict.fromkeys([*taken.values(), *([] if last is None else [last])]))

        def run(samples: NDArray[Any]) -> Activations:
            given = self._given(session, samples, asked)
            vectors = {name: _vectors(given[taken[name]], known[name].kind, pooling) for name in chosen}
            return vectors, None if last is None else given[last].astype(np.float32, copy=False)

        yield ForwardPass(
            layers={name: pooling if found[name].ndim > 2 else None for name in chosen},
            run=run,
            scale=scale,
            batch_size=self._rows or self._batch_size(example, found.values()),
            fingerprint=_fingerprint(self._path, self._graph),
            at_once=self._at_once,
        )

    def _batch_size(self, example: NDArray[Any], outputs: Iterable[NDArray[Any]]) -> int:
        """By what a few samples take, and the outputs for them."""
        sizes = [each.nbytes // len(example) for each in (example, *outputs)]
        rows = rows_within(4 * sum(sizes))  # what is not asked for is held too
        if not self._on_processor:
            return rows
        floats = example[:1].size * FLOAT_BYTES  # which most graphs make of their input
        return min(rows, rows_in_caches(max(floats, *sizes), 1))

    @property
    def _at_once(self) -> int:
        """Batches at the same time: on the processor one per core, which is half the work of one on all cores."""
        return cores() if self._on_processor else 1

    @property
    def _on_processor(self) -> bool:
        return set(self._runtime.get_available_providers()) <= ON_PROCESSOR

    @property
    def _rows(self) -> int | None:
        """The number of samples that the graph was made for; None where any number will do."""
        shape = self._inputs[0].shape
        return shape[0] if shape and isinstance(shape[0], int) else None

    def _session(self, graph: str | bytes) -> Any:
        options = self._runtime.SessionOptions()
        options.log_severity_level = 4
        options.add_session_config_entry(WEIGHTS_FOLDER, str(self._path.absolute().parent))
        if self._at_once > 1:
            options.intra_op_num_threads = 1
        try:
            return self._runtime.InferenceSession(graph, options, providers=self._runtime.get_available_providers())
        except Exception as error:
            raise BrokenFile(
                f"{self._path} could not be read as an ONNX graph.",
                got=f"{type(error).__name__}: {in_one_line(error)}",
                remedy="Export the model again.",
            ) from error

    def _pools_inside(self, output: NDArray[Any], kind: str, pooling: Pooling) -> bool:
        """Whether the graph itself can make further axes one, so that it need not hand them out."""
        maps = output.ndim > 2 and output.dtype.kind == "f" and _channels(output, kind) == 1
        return maps and pooling != "flatten" and self._graph is not None

    def _session_with(self, names: Sequence[str], inside: Sequence[str] = (), pooling: Pooling = "mean") -> Any:
        """A session that gives the graph's outputs and those of these nodes; of some, also what pooling leaves."""
        more = [name for name in names if name not in self._outputs and name not in inside]
        if self._graph is None or not (more or inside):
            return self._session(str(self._path))
        graph = type(self._graph)()
        graph.CopyFrom(self._graph)
        for name in inside:
            node = graph.graph.node.add(op_type="GlobalAveragePool" if pooling == "mean" else "GlobalMaxPool")
            node.input.append(name)
            node.output.append(name + POOLED)
        for name in (*more, *(name + POOLED for name in inside)):
            graph.graph.output.add().name = name
        return self._session(graph.SerializeToString())

    def _given(self, session: Any, samples: NDArray[Any], names: list[str]) -> dict[str, NDArray[Any]]:
        """What the session gives for a batch under these names, in as many runs as the graph needs."""
        feeds = self._feeds(samples)
        rows = self._rows or len(samples)
        runs = []
        for begin in range(0, len(samples), rows):
            part = {name: _exactly(each[begin : begin + rows], rows) for name, each in feeds.items()}
            try:
                runs.append(session.run(names, part))
            except Exception as error:
                if is_out_of_memory(error):
                    raise MemoryError from error
                raise other_input(self._takes, shape_of(samples), error) from error
        if len(runs) == 1 and rows == len(samples):
            return dict(zip(names, runs[0], strict=True))
        joined = (np.concatenate(list(map(np.atleast_1d, each))) for each in zip(*runs, strict=True))
        return {
            name: each[: len(samples)] if len(each) == rows * len(runs) else each
            for name, each in zip(names, joined, strict=True)
        }

    def _feeds(self, samples: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """A batch by the names of the graph's inputs, in the types that they have."""
        parts = parts_of(samples)
        names = [each.name for each in self._inputs]
        if not isinstance(parts, Mapping):
            listed = parts if isinstance(parts, tuple) else (parts,)
            if len(listed) != len(names):
                raise other_input(self._takes, shape_of(samples))
            parts = dict(zip(names, listed, strict=True))
        if not parts.keys() >= set(names):
            raise other_input(self._takes, shape_of(samples))
        return {each.name: _typed(parts[each.name], each.type) for each in self._inputs}

    @property
    def _takes(self) -> Any:
        """The shape of a sample, or text for several inputs."""
        if len(self._inputs) == 1:
            return _sample_shape(self._inputs[0].shape) or "samples that the graph takes"
        return "inputs " + ", ".join(f"{each.name!r} {_sample_shape(each.shape)}" for each in self._inputs)


def _import_runtime() -> Any:
    try:
        import onnxruntime
    except ModuleNotFoundError as error:
        raise MissingDependency(
            f"This needs {error.name}, which is not installed.",
            remedy='Install it with: pip install "embedding-lab[onnx]"',
        ) from error
    return onnxruntime


def _readable_graph(path: Path) -> Any:
    """The graph as `onnx` reads it, without the weights that lie beside the file; None without that package."""
    try:
        import onnx
    except ModuleNotFoundError:
        return None
    return onnx.load(path, load_external_data=False)


def _nodes(graph: Any, outputs: Sequence[str]) -> Iterator[Node]:
    """What each node gives, in the order in which they run."""
    sizes = {each.name: math.prod(each.dims) for each in graph.graph.initializer}
    for node in graph.graph.node:
        if node.op_type != "Constant":
            held = sum(sizes.get(name, 0) for name in node.input)
            for name in filter(None, node.output):
                yield Node(name, node.op_type, held, name in outputs)


def _said_shapes(graph: Any) -> dict[str, Any]:
    """The shapes of what the nodes give, as far as they can be told from the graph."""
    if graph is None:
        return {}
    import onnx

    inferred = onnx.shape_inference.infer_shapes(graph)
    return {
        each.name: [axis.dim_value or None for axis in each.type.tensor_type.shape.dim]
        for each in (*inferred.graph.value_info, *inferred.graph.output)
        if each.type.tensor_type.HasField("shape")
    }


def _sample_shape(shape: Any) -> tuple[int | None, ...] | None:
    if shape is None:
        return None
    return tuple(size if isinstance(size, int) else None for size in shape[1:])


def _typed(samples: NDArray[Any], declared: str) -> NDArray[Any]:
    """Samples in the type that an input declares, such as "tensor(float)"."""
    name = declared.removeprefix("tensor(").removesuffix(")")
    if name == "string":
        return samples.astype(object)
    kind = {"float": "float32", "double": "float64"}.get(name, name)
    if samples.dtype.kind not in "biuf":
        raise InputError("onnxruntime cannot take these samples.", got=f"dtype {samples.dtype}", expected=kind)
    return samples.astype(kind, copy=False)


def _exactly(samples: NDArray[Any], rows: int) -> NDArray[Any]:
    """So many samples, the last one repeated where there are fewer."""
    missing = rows - len(samples)
    return np.concatenate([samples, np.repeat(samples[-1:], missing, axis=0)]) if missing else samples


def _is_table(output: Any, example: NDArray[Any]) -> bool:
    array = np.asarray(output)
    return array.ndim > 0 and len(array) == len(example) and array.dtype.kind in "biuf"


def _vectors(output: NDArray[Any], kind: str, pooling: Pooling) -> NDArray[np.float32]:
    """One output as vectors: float32, shape (b, dims)."""
    output = output.astype(np.float32, copy=False)
    if output.ndim <= 2 or pooling == "flatten":
        return output.reshape(len(output), -1)
    channels = _channels(output, kind)
    inner = tuple(axis for axis in range(1, output.ndim) if axis != channels)
    return np.asarray(output.mean(inner) if pooling == "mean" else output.max(inner))


def _channels(output: NDArray[Any], kind: str) -> int:
    """The axis of the channels, of an output with three axes or more."""
    return 1 if output.ndim > 3 or kind in CHANNELS_FIRST else 2


def _fingerprint(path: Path, graph: Any) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of the file, and of those beside it that hold weights of its
    main graph, which only `onnx` can tell.
    """
    beside = sorted({path.parent / name for name in _files_beside(graph)})
    digest = hashlib.sha256()
    for each in (path, *beside):
        with storage_errors(each), each.open("rb") as file:
            for block in iter(lambda: file.read(1 << 20), b""):
                digest.update(block)
    return digest.hexdigest()[:16]


def _files_beside(graph: Any) -> Iterator[str]:
    """The names of the files that hold weights of a graph."""
    for weights in () if graph is None else graph.graph.initializer:
        for entry in weights.external_data:
            if entry.key == "location":
                yield entry.value
