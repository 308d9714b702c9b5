"""Trains on made-up pictures in processes that can be killed; each begins where one that has loaded all stands.

For each line on stdin, how to train, a run's folder and perhaps a step, a child trains in that run, and kills
itself the hard way a moment after training has gone past the step. "done", or nothing, and the weights' fingerprint
are printed for it.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import embedding_lab as lab
from embedding_lab.embeddings import as_dataset
from embedding_lab.frameworks.keras import weights_fingerprint
from embedding_lab.model import fit_checkpoints, loop, train

STEPS, BATCH, EPOCHS = 60, 20, 4

PICTURES = np.random.default_rng(0).integers(0, 256, (300, 8, 8), dtype=np.uint8)
LABELS = np.arange(300) % 4

HeardOf = Callable[[int], None]
"""Is told how many steps were taken."""


def train_reference(run: Path, heard_of: HeardOf) -> str:
    """What `embedding-lab train` does."""
    loop.CHECKPOINT_EVERY = 20  # so that a kill loses steps which the event files know of
    data = as_dataset(PICTURES, labels=LABELS)
    options: dict[str, Any] = {"steps": STEPS, "batch_size": BATCH, "dropout": 0.5, "resume": True}
    done = train("mlp", data, data, run_dir=run, progress=lambda _, n, __: heard_of(n // BATCH), **options)
    return f"{done.card.fingerprint} {done.test_accuracy}"


def fit_own_model(run: Path, heard_of: HeardOf) -> str:
    """What docs/training.md tells users to do: a model of their own, samples that come anew in each epoch."""
    fit_checkpoints.CHECKPOINT_EVERY = 1
    keras.utils.set_random_seed(7)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((8, 8)),
            layers.Flatten(),
            layers.Dense(16, name="hidden"),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
            layers.Dense(4),
        ]
    )
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    samples = tf.data.Dataset.from_tensor_slices((PICTURES, LABELS)).shuffle(300, seed=1).batch(BATCH).repeat()
    summaries = lab.TrainingSummaries(run, (PICTURES, LABELS), every=10)
    begun, per_epoch = summaries.resume(model), STEPS // EPOCHS
    steps = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: heard_of(int(model.optimizer.iterations))
    )
    model.fit(
        samples.skip(begun * per_epoch),
        steps_per_epoch=per_epoch,
        epochs=EPOCHS,
        verbose=0,
        callbacks=[summaries, steps],
        initial_epoch=begun,
        validation_data=(PICTURES, LABELS),
    )
    model.save(run / "model.keras")
    return weights_fingerprint(model)


WAYS = {"train": train_reference, "fit": fit_own_model}


def training(way: str, run: Path, kill_at: int | None) -> str:
    """Trains, and says with which weights it ended."""
    asked = threading.Event()

    def heard_of(steps: int) -> None:
        if kill_at is not None and steps >= kill_at and not asked.is_set():
            asked.set()
            seconds = kill_at % 7 / 200  # not just between steps, but in whatever comes next
            threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGKILL)).start()

    return WAYS[way](run, heard_of)


def main() -> None:
    """Runs one child per line, one after the other."""
    for line in sys.stdin:
        way, run, step = line.rstrip("\n").split("\t")
        child = os.fork()
        if child == 0:
            try:
                print(training(way, Path(run), int(step) if step else None), flush=True)
            finally:
                os._exit(0)
        _, status = os.waitpid(child, 0)
        print("killed" if os.WIFSIGNALED(status) else "ended", flush=True)


if __name__ == "__main__":
    main()
