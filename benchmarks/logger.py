"""What EmbeddingLogger costs a training: the same loop with it and without it, in turns.

    python benchmarks/logger.py [--seconds 20] [--rounds 2] [--kind keras torch lightning]

The loop trains a small convolutional network on 28 × 28 pictures, in epochs of 100 steps. The logger is as it
comes: 1,000 samples, every layer worth showing, at ends of epochs (Keras, Lightning) or every 500 steps (a loop of
PyTorch), as often as slows the training by no more than a twentieth. "after the first" is what the logs but the
first, which any training has once, took beside the training itself, the last among them; there the aim is 5 % at
most. "in all" compares the same number of steps with all logs and without any.

Everything is given twice: in seconds of the clock, which others on the machine lengthen, and in those of the
processor, on all cores together. PyTorch trains in one thread: several of it wait for each other by spinning, which
counts as work, and where another process holds a core they take a hundred times as long.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import embedding_lab as lab

AIM = 0.05
BATCH = 64
CALIBRATION = 3
"""Epochs by which the length of a training is told."""

TWICE = f"{'clock':>9}{'proc.':>9}"
NUMBERS = np.random.default_rng(0)
PICTURES = NUMBERS.random((6400, 28, 28, 1), np.float32)
LABELS = np.arange(6400) % 10
VALIDATION = NUMBERS.random((5000, 28, 28, 1), np.float32)


@dataclass(frozen=True)
class Cost:
    """Seconds: of the clock, and of the processor on all cores together."""

    clock: float
    processor: float

    @classmethod
    def now(cls) -> Cost:
        return cls(time.perf_counter(), time.process_time())

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.clock + other.clock, self.processor + other.processor)

    def __sub__(self, other: Cost) -> Cost:
        return Cost(self.clock - other.clock, self.processor - other.processor)

    def part_of(self, whole: Cost) -> str:
        return f"{self.clock / whole.clock:9.1%}{self.processor / whole.processor:9.1%}"


class Timed(lab.EmbeddingLogger):
    """A logger that remembers what each log took."""

    def log(self, *args: Any, **named: Any) -> Any:
        begun = Cost.now()
        try:
            return super().log(*args, **named)
        finally:
            self.took = [*getattr(self, "took", []), Cost.now() - begun]


@dataclass(frozen=True)
class Training:
    """One training: what it took, and its logs."""

    took: Cost
    logs: list[Cost]


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

    samples, labels = torch_samples()
    model = torch_model()
    optimizer = torch.optim.Adam(model.parameters())
    step = 0
    for _ in range(epochs):
        for rows in torch.randperm(len(samples)).split(BATCH):
            step += 1
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(samples[rows]), labels[rows]).backward()
            optimizer.step()
            if logger is not None:
                logger.step(model, step)
    if logger is not None:
        logger.log(model, step)


def lightning_training(epochs: int, logger: lab.EmbeddingLogger | None) -> None:
    import lightning.pytorch as pl
    import torch

    class Net(pl.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.net = torch_model()

        def forward(self, x: Any) -> Any:
            return self.net(x)

        def training_step(self, batch: Any, number: int) -> Any:
            return torch.nn.functional.cross_entropy(self(batch[0]), batch[1])

        def configure_optimizers(self) -> Any:
            return torch.optim.Adam(self.parameters())

    warnings.filterwarnings("ignore", module="lightning")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    callbacks = [] if logger is None else [logger.lightning()]
    silent = dict.fromkeys(("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False)
    batches = torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(*torch_samples()), batch_size=BATCH, shuffle=True
    )
    pl.Trainer(max_epochs=epochs, callbacks=callbacks, accelerator="cpu", **silent).fit(Net(), batches)


def torch_model() -> Any:
    import torch
    from torch import nn

    torch.set_num_threads(1)
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, 2),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, 2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(32 * 36, 64),
        nn.ReLU(),
        nn.Linear(64, 10),
    )


def torch_samples() -> tuple[Any, Any]:
    import torch

    return torch.tensor(PICTURES).movedim(3, 1), torch.tensor(LABELS)


KINDS: dict[str, Callable[[int, lab.EmbeddingLogger | None], None]] = {
    "keras": keras_training,
    "torch": torch_training,
    "lightning": lightning_training,
}


def timed(train: Callable[[int, lab.EmbeddingLogger | None], None], epochs: int, data: Any) -> Training:
    with tempfile.TemporaryDirectory() as folder:
        logger = None if data is None else Timed(Path(folder) / "run", data)
        begun = Cost.now()
        train(epochs, logger)
        return Training(Cost.now() - begun, [] if logger is None else logger.took)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20, help="about how long one training takes")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--kind", nargs="*", default=list(KINDS), choices=list(KINDS))
    options = parser.parse_args()
    print(f"{'':10}{'without, s':>18}{'with, s':>18}{'':6}{'ms a log':>18}{'after the first':>18}{'in all':>18}")
    print(f"{'by':10}{2 * TWICE}{'logs':>6}{3 * TWICE}", flush=True)
    for kind in options.kind:
        train, data = KINDS[kind], VALIDATION if kind == "keras" else VALIDATION.transpose(0, 3, 1, 2)
        try:
            train(1, None)  # what compiles has compiled
        except ModuleNotFoundError as missing:
            print(f"{kind:10}left out: no {missing.name}", flush=True)
            continue
        epochs = max(2, round(options.seconds * CALIBRATION / timed(train, CALIBRATION, None).took.clock))
        for _ in range(options.rounds):
            print(f"{kind:10}{row(timed(train, epochs, None), timed(train, epochs, data))}", flush=True)
    print(f"aim: at most {AIM:.0%} after the first")


def row(plain: Training, logged: Training) -> str:
    """What one pair of trainings took."""
    first, *later = logged.logs
    spent = sum(later, Cost(0, 0))
    a_log = [1000 * np.median([each.clock for each in later]), 1000 * np.median([each.processor for each in later])]
    itself = logged.took - first - spent
    seconds = "".join(f"{each.took.clock:9.1f}{each.took.processor:9.1f}" for each in (plain, logged))
    return (
        f"{seconds}{len(logged.logs):6}{a_log[0]:9.0f}{a_log[1]:9.0f}{spent.part_of(itself)}"
        f"{(logged.took - plain.took).part_of(plain.took)}"
    )


if __name__ == "__main__":
    main()
