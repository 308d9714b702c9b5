"""Trains a reference model and traces its first steps."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from embedding_lab.frameworks.keras import import_keras
from embedding_lab.model import TrainedModel, train
from embedding_lab.profiling import TracedSteps, TraceReport, traced_steps

TRACE_STEPS = 3


def train_traced(
    *model_and_data: Any,
    run_dir: Path,
    trace_steps: int = TRACE_STEPS,
    callbacks: Sequence[Any] = (),
    **options: Any,
) -> tuple[TrainedModel, TraceReport | None]:
    """What `train` gives, and what its first steps cost; the trace is added to the run.

    The very first step is measured apart, since compilation happens in it. An error stops the profiler and passes
    on.

    Args:
        *model_and_data: as `train` takes them.
        run_dir: the run's folder.
        trace_steps: how many steps to profile after the first; 0 for none.
        callbacks: Keras callbacks, whose work in these steps is no part of them.
        **options: as `train` takes them.

    Returns:
        The trained model, and the report: None where no step was left to profile, as in a training that is resumed
        at its end.
    """
    if not trace_steps:
        return train(*model_and_data, run_dir=run_dir, callbacks=callbacks, **options), None
    with contextlib.ExitStack() as end:
        trace = _Trace(run_dir, trace_steps, end)
        trained = train(
            *model_and_data,
            run_dir=run_dir,
            callbacks=[trace.callback, *callbacks],
            single_steps=trace_steps + 1,
            **options,
        )
    return trained, trace.report


class _Trace:
    """A trace in the making, by a callback that is told before all others."""

    def __init__(self, run: Path, steps: int, end: contextlib.ExitStack) -> None:
        self.callback: Any = import_keras().callbacks.Callback()
        self.callback.on_train_batch_begin = self._begin_step
        self.callback.on_train_batch_end = self._end_step
        self._traced: TracedSteps | None = None
        self._run, self._steps, self._end = run, steps, end

    @property
    def report(self) -> TraceReport | None:
        return self._traced.report if self._traced is not None and self._traced.done else None

    def _begin_step(self, batch: int, logs: Any = None) -> None:
        if self._traced is None:  # not before: what other callbacks prepare is no part of the first step
            begun = traced_steps(self._run, steps=self._steps, model=self.callback.model)
            self._traced = self._end.enter_context(begun)

    def _end_step(self, batch: int, logs: Any = None) -> None:
        assert self._traced is not None
        self._traced.step()
