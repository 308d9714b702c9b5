"""Trains on made-up pictures in a process of its own, so that it can be killed; prints the weights' fingerprint."""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import Any

import numpy as np

from embedding_lab.embeddings import as_dataset
from embedding_lab.model import train, training

STEPS, BATCH = 60, 20


def main(run: str, kill_at: list[int]) -> None:
    """Kills itself the hard way a moment after training has gone past this step."""
    training.CHECKPOINT_EVERY = 20  # so that a kill loses steps which the event files know of
    pictures = np.random.default_rng(0).integers(0, 256, (300, 8, 8), dtype=np.uint8)
    data = as_dataset(pictures, labels=np.arange(300) % 4)

    def progress(stage: str, done: int, total: int | None) -> None:
        if kill_at and done >= kill_at[0] * BATCH:
            seconds = kill_at.pop(0) % 7 / 200  # not just between steps, but in whatever comes next
            threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGKILL)).start()

    options: dict[str, Any] = {"steps": STEPS, "batch_size": BATCH, "dropout": 0.5, "resume": True}
    done = train("mlp", data, data, run_dir=run, progress=progress, **options)
    print(done.card.fingerprint, done.test_accuracy)


if __name__ == "__main__":
    main(sys.argv[1], [int(step) for step in sys.argv[2:]])
