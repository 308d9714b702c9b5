"""Traces one function: its graph, its first call, its steps, and where their time went."""

from __future__ import annotations

import os
from typing import Any

from embedding_lab.embeddings.run_folder import run_folder
from embedding_lab.profiling.recorder import MOST_EVENTS
from embedding_lab.profiling.report import TraceReport
from embedding_lab.profiling.steps import TracedSteps
from embedding_lab.profiling.subject import recognise

STEPS = 3


def trace(
    fn: Any,
    *args: Any,
    logdir: str | os.PathLike[str] = "logs/trace",
    steps: int = STEPS,
    run: str | None = None,
    framework: str | None = None,
    most_events: int = MOST_EVENTS,
    **kwargs: Any,
) -> TraceReport:
    """Calls a function a few times and shows in TensorBoard and on the terminal what it costs.

    The first call is measured apart, since compilation happens in it; then the profiler sees `steps` more. So the
    function runs `steps + 1` times, with all its effects: a step of training trains.

    Args:
        fn: a tf.function, a Keras model or a method of one (`model.train_on_batch`), a PyTorch module, or any
            Python function. A Keras model with a batch and its labels means a step of training, without
            labels a prediction.
        *args: what it is called with.
        logdir: TensorBoard's log directory. Every trace becomes a run of its own in it.
        steps: how many calls to profile.
        run: the name of the run; a new one from the function's name, date and time when left out. In a run that is
            there already the trace is added.
        framework: "tensorflow", "torch" or "python"; found out by what the function uses when left out.
        most_events: how many events the timeline keeps, the longest ones; the table counts all.
        **kwargs: what it is called with. Arguments of the same names as those above can be bound with
            functools.partial.

    Returns:
        The report; print it. The run holds the graph (Graphs tab, where TensorFlow compiles one), the timeline
        (Profile tab), and the same timeline for ui.perfetto.dev.

    Raises:
        InputError: it is no function, or the number of steps is below 1.
        LabError: another profiler is running.
        StorageError: the log directory cannot be written.

    Whatever the function raises passes through; then nothing is written.
    """
    subject = recognise(fn, args, kwargs, framework)
    with (
        run_folder(logdir, run, subject.name) as folder,
        TracedSteps(folder, subject, steps=steps, most_events=most_events) as traced,
    ):
        while not traced.done:
            subject.call()
            traced.step()
    return traced.report
