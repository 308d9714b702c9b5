"""Trains on made-up pictures in processes that can be killed; each begins where one that has loaded all stands.

For each line on stdin, a run's folder and perhaps a step, a child trains in that run, and kills itself the hard way
a moment after training has gone past the step. "done", or nothing, and the weights' fingerprint are printed for it.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import keras  # noqa: F401  (loaded once, for all children)
import numpy as np
import tensorflow  # noqa: F401

from embedding_lab.embeddings import as_dataset
from embedding_lab.model import loop, summaries, train  # noqa: F401

STEPS, BATCH = 60, 20


def training(run: Path, kill_at: int | None) -> str:
    """Trains, and says with which weights and accuracy it ended."""
    loop.CHECKPOINT_EVERY = 20  # so that a kill loses steps which the event files know of
    pictures = np.random.default_rng(0).integers(0, 256, (300, 8, 8), dtype=np.uint8)
    data = as_dataset(pictures, labels=np.arange(300) % 4)
    asked = threading.Event()

    def progress(stage: str, done: int, total: int | None) -> None:
        if kill_at is not None and done >= kill_at * BATCH and not asked.is_set():
            asked.set()
            seconds = kill_at % 7 / 200  # not just between steps, but in whatever comes next
            threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGKILL)).start()

    options: dict[str, Any] = {"steps": STEPS, "batch_size": BATCH, "dropout": 0.5, "resume": True}
    done = train("mlp", data, data, run_dir=run, progress=progress, **options)
    return f"{done.card.fingerprint} {done.test_accuracy}"


def main() -> None:
    """Runs one child per line, one after the other."""
    for line in sys.stdin:
        run, _, step = line.rstrip("\n").partition("\t")
        child = os.fork()
        if child == 0:
            try:
                print(training(Path(run), int(step) if step else None), flush=True)
            finally:
                os._exit(0)
        _, status = os.waitpid(child, 0)
        print("killed" if os.WIFSIGNALED(status) else "ended", flush=True)


if __name__ == "__main__":
    main()
