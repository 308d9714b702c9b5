"""What EmbeddingLogger costs a training: the same loop with it and without it, in turns.

    python benchmarks/logger.py [--seconds 60] [--rounds 3] [--kind keras torch]

The loop trains a small convolutional network on 28 × 28 pictures, in epochs of a few seconds. The logger is as it
comes: 1,000 samples, every layer worth showing, at ends of epochs (Keras) or every 500 steps (PyTorch), as often as
slows the training by no more than a twentieth. Seconds are the clock's for the same number of steps, with all
logs. "after the first" is what the logs but the first, which any training has once, took beside the training
itself, the last among them; there the aim is 5 % at most.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import embedding_lab as lab

AIM = 0.05
BATCH = 64
NUMBERS = np.random.default_rng(0)
PICTURES = NUMBERS.random((6400, 28, 28, 1), np.float32)
LABELS = np.arange(6400) % 10
VALIDATION = NUMBERS.random((5000, 28, 28, 1), np.float32)


class Timed(lab.EmbeddingLogger):
    """A logger that remembers how long each log took."""

    def log(self, *args: Any, **named: Any) -> Any:
        begun = time.perf_counter()
        try:
            return super().log(*args, **named)
        finally:
            self.took = [*getattr(self, "took", []), time.perf_counter() - begun]


@dataclass
class Training:
    """One training: how long it took, and its logs."""

    seconds: float
    logs: list[float]


def keras_training(epochs: int, logger: lab.EmbeddingLogger | None) -> None:
    import keras

    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(16, 3, 2, activation="relu"),
            layers.Conv2D(32, 3, 2, activation="relu"),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(10),
        ]
    )
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    callbacks = [] if logger is None else [logger.keras()]
    model.fit(PICTURES, LABELS, batch_size=BATCH, epochs=epochs, verbose=0, callbacks=callbacks)


def torch_training(epochs: int, logger: lab.EmbeddingLogger | None) -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    samples, labels = torch.tensor(PICTURES).movedim(3, 1), torch.tensor(LABELS)
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, 2),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, 2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(32 * 36, 64),
        nn.ReLU(),
        nn.Linear(64, 10),
    )
    optimizer = torch.optim.Adam(model.parameters())
    step = 0
    for _ in range(epochs):
        for rows in torch.randperm(len(samples)).split(BATCH):
            step += 1
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(samples[rows]), labels[rows]).backward()
            optimizer.step()
            if logger is not None:
                logger.step(model, step)
    if logger is not None:
        logger.log(model, step)


KINDS: dict[str, Callable[[int, lab.EmbeddingLogger | None], None]] = {
    "keras": keras_training,
    "torch": torch_training,
}


def timed(train: Callable[[int, lab.EmbeddingLogger | None], None], epochs: int, data: Any) -> Training:
    with tempfile.TemporaryDirectory() as folder:
        logger = None if data is None else Timed(Path(folder) / "run", data)
        begun = time.perf_counter()
        train(epochs, logger)
        return Training(time.perf_counter() - begun, [] if logger is None else logger.took)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60, help="about how long one training takes")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--kind", nargs="*", default=list(KINDS), choices=list(KINDS))
    options = parser.parse_args()
    print(
        f"{'by':8}{'without, s':>12}{'with, s':>10}{'logs':>6}{'ms a log':>10}{'after the first':>17}{'in all':>9}"
    )
    for kind in options.kind:
        try:
            train, data = KINDS[kind], VALIDATION if kind == "keras" else VALIDATION.transpose(0, 3, 1, 2)
            train(1, None)  # what compiles has compiled
        except ModuleNotFoundError as missing:
            print(f"{kind:8}left out: no {missing.name}")
            continue
        epochs = max(2, round(10 * options.seconds / timed(train, 10, None).seconds))
        rounds = [(timed(train, epochs, None), timed(train, epochs, data)) for _ in range(options.rounds)]
        for plain, logged in rounds:
            later = sum(logged.logs[1:])
            share = later / (logged.seconds - sum(logged.logs))
            print(
                f"{kind:8}{plain.seconds:12.1f}{logged.seconds:10.1f}{len(logged.logs):6}"
                f"{1000 * np.median(logged.logs):10.0f}{share:17.1%}{logged.seconds / plain.seconds - 1:9.1%}",
                flush=True,
            )
    print(f"aim: at most {AIM:.0%} after the first")


if __name__ == "__main__":
    main()
