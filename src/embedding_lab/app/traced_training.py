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
        traced: the trace, once the training has begun.
    """

    def __init__(self, run: Path, steps: int, end: contextlib.ExitStack) -> None:
        self.traced: TracedSteps | None = None
        self.callback: Any = import_keras().callbacks.LambdaCallback(on_train_begin=self._begin)
        self.callback.on_train_batch_end = self._step
        self._run, self._steps, self._end = run, steps, end

    def _begin(self, logs: Any) -> None:
        self.traced = self._end.enter_context(traced_steps(self._run, steps=self._steps, model=self.callback.model))

    def _step(self, batch: int, logs: Any = None) -> None:
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
