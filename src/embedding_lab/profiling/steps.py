"""Traces a few steps of something that goes on by itself, such as a training."""

from __future__ import annotations

import os
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from embedding_lab.errors import InputError, LabError, one_of
from embedding_lab.profiling.memory import MemoryWatch
from embedding_lab.profiling.recorder import MOST_EVENTS, Recorder, Recording
from embedding_lab.profiling.report import TraceReport
from embedding_lab.profiling.subject import FRAMEWORKS, Subject
from embedding_lab.profiling.written import write_trace

MOST_SECONDS = 60.0
"""After this long no further step is begun: a timeline of minutes helps nobody."""


def traced_steps(
    run: str | os.PathLike[str],
    *,
    steps: int = 3,
    framework: str = "tensorflow",
    model: Any = None,
    name: str = "training",
    graph: bool = False,
    most_events: int = MOST_EVENTS,
) -> TracedSteps:
    """Traces the first steps of a loop that the caller runs.

    The first step is measured apart, the next ones are profiled, and the rest goes on unobserved:

        with traced_steps(run_dir, steps=3, model=model) as traced:
            for batch in batches:
                train(batch)
                traced.step()
        print(traced.report)

    Args:
        run: the run's own folder, which may hold a run already; the trace is added.
        steps: how many steps to profile, after the first.
        framework: "tensorflow", "torch" or "python".
        model: the model whose layers are told apart; None to do without.
        name: what the report is headed by.
        graph: with TensorFlow, write the graph that the first step compiles too.
        most_events: how many events the timeline keeps, the longest ones; the table counts all.

    Raises:
        InputError: the number of steps is below 1.
        UnknownName: there is no such framework.
    """
    if framework not in FRAMEWORKS:
        raise one_of("Framework", framework, FRAMEWORKS)
    subject = Subject(name, framework, model=model, owner=model)
    return TracedSteps(Path(run), subject, steps=steps, graph=graph, most_events=most_events)


class TracedSteps:
    """A trace in the making: a context manager, told by `step` that a step is over.

    An error in its `with` block stops the profiler, leaves nothing behind and passes on.

    Attributes:
        done: whether all steps have been profiled and written.
    """

    def __init__(
        self, run: Path, subject: Subject, *, steps: int, graph: bool = True, most_events: int = MOST_EVENTS
    ) -> None:
        if steps < 1:
            raise InputError("There is nothing to trace.", got=f"{steps} steps", expected="1 or more")
        self.done = False
        self._run = run
        self._subject = subject
        self._steps = steps
        self._most_events = most_events
        self._recorder = _recorder_for(subject, graph, most_events)
        self._report: TraceReport | None = None
        self._first_seconds: float | None = None
        self._step_seconds: list[float] = []
        self._began_ns = 0  # of the profiled part, since 1970

    @property
    def report(self) -> TraceReport:
        """What was found.

        Raises:
            LabError: no step has been profiled to its end.
        """
        if self._report is None:
            raise LabError(
                "Nothing has been traced.",
                got="fewer than two steps",
                expected="a first step and at least one more",
                remedy="Call step() after each step.",
            )
        return self._report

    def __enter__(self) -> TracedSteps:
        self._recorder.begin_first()
        self._memory = MemoryWatch()
        self._step_began = time.perf_counter()
        return self

    def step(self) -> None:
        """Says that a step is over; when all are profiled, the trace is written and later calls do nothing."""
        if self.done:
            return
        if self._first_seconds is None:
            self._first_seconds = time.perf_counter() - self._step_began
            self._recorder.end_first()
            self._profiling_began, self._began_ns = time.perf_counter(), time.time_ns()
        else:
            own_seconds = self._recorder.end_step()
            self._step_seconds.append(time.perf_counter() - self._step_began - own_seconds)
        if len(self._step_seconds) == self._steps or self._took_too_long():
            self._finish()
        else:
            number = len(self._step_seconds)
            self._step_began = time.perf_counter()
            self._recorder.begin_step(number)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.done:
            return
        self._memory.stop()
        if error is None and self._step_seconds:  # the loop was shorter than the trace
            self._finish()
        else:
            self._recorder.abandon()

    def _took_too_long(self) -> bool:
        return bool(self._step_seconds) and time.perf_counter() - self._profiling_began > MOST_SECONDS

    def _finish(self) -> None:
        self.done = True
        self._memory.stop()
        recording = self._recorder.finish()
        if len(self._step_seconds) < self._steps:
            recording.notes.append(f"{len(self._step_seconds)} of {self._steps} steps were profiled.")
        self._report = self._written(recording)

    def _written(self, recording: Recording) -> TraceReport:
        assert self._first_seconds is not None
        files = write_trace(self._run, self._subject.name, recording, self._began_ns, self._most_events)
        report = TraceReport(
            name=self._subject.name,
            framework=self._subject.framework,
            first_seconds=self._first_seconds,
            step_seconds=tuple(self._step_seconds),
            python_share=recording.python_share,
            rows=tuple(recording.rows),
            peak_bytes=self._memory.peak_bytes,
            grown_bytes=self._memory.peak_bytes - self._memory.before_bytes,
            tensor_bytes=recording.tensor_bytes,
            run=self._run,
            profile=files.profile,
            chrome=files.chrome,
            has_graph=recording.graph is not None,
            notes=tuple(files.notes),
        )
        files.keep_report(report.as_dict())
        return report


def _recorder_for(subject: Subject, graph: bool, most_events: int) -> Recorder:
    """The recorder of a framework, which is imported only here."""
    if subject.framework == "tensorflow":
        from embedding_lab.profiling.tensorflow import TensorFlowRecorder

        return TensorFlowRecorder(subject, graph)
    if subject.framework == "torch":
        from embedding_lab.profiling.torch import TorchRecorder

        return TorchRecorder(subject)
    from embedding_lab.profiling.python import PythonRecorder

    return PythonRecorder(most_events)
