"""Records what runs on TensorFlow: the graph of what is compiled, and the profiler's timeline of the steps."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow.python.eager import context

from embedding_lab.errors import LabError
from embedding_lab.profiling.costs import operation_costs, python_share
from embedding_lab.profiling.graph import function_graph, readable_graph
from embedding_lab.profiling.recorder import Recording
from embedding_lab.profiling.subject import Subject
from embedding_lab.profiling.tensorflow_timeline import compiles, read_tracks, tensor_bytes
from embedding_lab.profiling.timeline import STEP_MARK, STEP_NAME, STEP_NUMBER
from embedding_lab.profiling.xplane import forget_loops, read_xspace

EAGER_OPERATIONS = 2
"""TensorFlow wraps every eager operation in a graph of its own: itself and its variant for this processor."""

ALREADY_COMPILED = (
    "It had been compiled before, so the first call here shows no compilation. Trace it in a fresh process, "
    "or before its first call, to measure that."
)
NO_GRAPH = (
    "Profile only: no graph was compiled in the first call. It runs eagerly, or what it calls had been compiled "
    "before. Decorate it with @tf.function, or hand in the tf.function itself."
)
XLA = "Compiled by XLA, which merges operations: their layers are not known."
_COMPILED_FOR = {
    "train_on_batch": "train",
    "fit": "train",
    "test_on_batch": "test",
    "evaluate": "test",
    "predict_on_batch": "predict",
    "predict": "predict",
}


class TensorFlowRecorder:
    """Sees the graph in the first call and the timeline in the steps.

    Args:
        subject: what is traced.
        graph: whether to collect the graph.
    """

    def __init__(self, subject: Subject, graph: bool = True) -> None:
        self._subject = subject
        self._wants_graph = graph
        self._notes: list[str] = []
        self._graph: Any = None
        self._collecting = False
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._step: Any = None

    def begin_first(self) -> None:
        _check_no_profiler_runs()
        _forget_compiled_step(self._subject)
        if _was_compiled(self._subject.function):
            self._notes.append(ALREADY_COMPILED)
        if self._wants_graph:
            _begin_collecting()
            self._collecting = True

    def end_first(self) -> None:
        if self._collecting:
            self._collecting = False
            collected = _stop_collecting()
            self._graph = _concrete_graph(self._subject) or collected
            if self._graph is None:
                self._notes.append(NO_GRAPH)
        folder = tempfile.TemporaryDirectory(prefix="embedding-lab-trace-")
        try:
            tf.profiler.experimental.start(folder.name)
        except BaseException as error:
            folder.cleanup()
            raise _explained(error) from error
        self._folder = folder

    def begin_step(self, number: int) -> None:
        marks = {STEP_NUMBER: number, STEP_MARK: 1}
        self._step = tf.profiler.experimental.Trace(STEP_NAME, **marks)
        self._step.__enter__()

    def end_step(self) -> float:
        self._step.__exit__(None, None, None)
        self._step = None
        return 0.0

    def finish(self) -> Recording:
        if self._step is not None:
            self.end_step()
        assert self._folder is not None
        folder, self._folder = self._folder, None
        with folder:
            try:
                tf.profiler.experimental.stop()
            except tf.errors.OpError as error:
                raise _explained(error) from error
            written = sorted(Path(folder.name).rglob("*.xplane.pb"))
            space = read_xspace(written[0].read_bytes() if written else b"")
        forget_loops(space)
        return self._recording(space)

    def abandon(self) -> None:
        if self._collecting:
            self._collecting = False
            _stop_collecting()
        if self._step is not None:
            self.end_step()
        if self._folder is not None:
            folder, self._folder = self._folder, None
            with folder:
                _stop_and_forget()

    def _recording(self, space: Any) -> Recording:
        tracks = read_tracks(space, self._subject.model)
        if again := sum(compiles(event) for track in tracks for event in track.events):
            self._notes.append(
                f"It was compiled {again} more times during the steps, which is why they are slow. Hand in tensors "
                "of one shape in place of Python numbers."
            )
        if any("hlo_op" in event.details for track in tracks for event in track.events):
            self._notes.append(XLA)
        return Recording(
            tracks=tracks,
            rows=operation_costs(tracks),
            python_share=python_share(tracks),
            tensor_bytes=tensor_bytes(tracks),
            xspace=space,
            graph=None if self._graph is None else readable_graph(self._graph, self._subject.owner),
            notes=self._notes,
        )


def _was_compiled(function: Any) -> bool:
    """Whether a tf.function has been compiled so far; False for all else."""
    count = getattr(function, "experimental_get_tracing_count", None)
    return bool(count and count())


def _forget_compiled_step(subject: Subject) -> None:
    """Lets Keras compile its step anew, so that the graph and the compilation are seen whatever ran before."""
    make = getattr(subject.owner, f"make_{_COMPILED_FOR.get(subject.method, '')}_function", None)
    if make is not None:
        make(force=True)


def _concrete_graph(subject: Subject) -> Any:
    """The GraphDef of a tf.function for the arguments at hand; None for all else."""
    function: Any = subject.function
    if hasattr(function, "get_concrete_function"):
        function = function.get_concrete_function(*subject.args, **subject.kwargs)
    graph = getattr(function, "graph", None)
    if not isinstance(graph, tf.Graph):
        return None
    return graph.as_graph_def()


def _begin_collecting() -> None:
    """Lets TensorFlow keep every graph that it compiles from now on.

    Not by tf.summary.trace_on: in TensorFlow 2.21 trace_off goes on collecting for as long as the process lives.
    """
    context.context().enable_graph_collection()
    context.context().export_run_metadata()  # what someone else's trace left over


def _stop_collecting() -> Any:
    """The largest graph that was compiled since; None where only single operations ran."""
    found = context.context().export_run_metadata()
    context.context().disable_graph_collection()
    graphs = [each.pre_optimization_graph for each in found.function_graphs]
    # Keras' `fit` compiles the step as a function that another one calls
    graphs += [function_graph(function, graph) for graph in graphs for function in graph.library.function]
    graph = max(graphs, key=_operations, default=None)
    return graph if graph is not None and _operations(graph) > EAGER_OPERATIONS else None


def _operations(graph: Any) -> int:
    """How many nodes do something."""
    return sum(node.op not in ("_Arg", "_Retval", "_DeviceArg", "_DeviceRetval") for node in graph.node)


def _check_no_profiler_runs() -> None:
    """Starts and stops one: there is no way to ask."""
    with tempfile.TemporaryDirectory(prefix="embedding-lab-trace-") as folder:
        try:
            tf.profiler.experimental.start(folder)
        except tf.errors.OpError as error:
            raise _explained(error) from error
        _stop_and_forget()


def _stop_and_forget() -> None:
    try:
        tf.profiler.experimental.stop(save=False)
    except tf.errors.OpError as error:  # someone else stopped it; that must not hide the error that led here
        logging.getLogger(__name__).debug("stopping the profiler: %s", error)


def _explained(error: BaseException) -> BaseException:
    if not isinstance(error, tf.errors.OpError):
        return error
    said = str(error.message)
    if isinstance(error, tf.errors.AlreadyExistsError) or "nother profile" in said:
        return LabError(
            "Another TensorFlow profiler is running in this process.",
            got=said,
            remedy="Let it end first: tf.profiler.experimental.stop() stops one that was left over, as after an "
            "interrupted notebook cell; the Keras TensorBoard callback runs one unless profile_batch=0.",
        )
    return LabError("TensorFlow's profiler failed.", got=said)
