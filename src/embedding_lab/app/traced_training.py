"""Traces the first steps of a training that tells Keras callbacks how it goes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from embedding_lab.frameworks.keras import import_keras
from embedding_lab.profiling import TracedSteps, traced_steps


class TrainingTrace:
    """A trace in the making.

    Attributes:
        callback: a Keras callback to hand to the training.
        traced: the trace, once the first step has begun; what other callbacks do before it is no part of it.
    """

    def __init__(self, run: Path, steps: int, end: contextlib.ExitStack) -> None:
        self.traced: TracedSteps | None = None
        self.callback: Any = import_keras().callbacks.Callback()
        self.callback.on_train_batch_begin = self._begin_step
        self.callback.on_train_batch_end = self._end_step
        self._run, self._steps, self._end = run, steps, end

    def _begin_step(self, batch: int, logs: Any = None) -> None:
        if self.traced is None:
            begun = traced_steps(self._run, steps=self._steps, model=self.callback.model)
            self.traced = self._end.enter_context(begun)

    def _end_step(self, batch: int, logs: Any = None) -> None:
        assert self.traced is not None
        self.traced.step()


@contextlib.contextmanager
def training_trace(run: Path, steps: int) -> Iterator[TrainingTrace]:
    """Gives the trace whose callback to hand to the training; an error inside stops the profiler and passes on.

    Args:
        run: the run's folder, to which the trace is added.
        steps: how many steps to profile, after the first.
    """
    with contextlib.ExitStack() as end:
        yield TrainingTrace(run, steps, end)
