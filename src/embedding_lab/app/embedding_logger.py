"""Logs what layers make of a fixed sample while a training goes on, for the lab and for the stock Projector."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from embedding_lab.app.loggers import log_embeddings
from embedding_lab.app.schedule import Every, Schedule
from embedding_lab.app.shown import write_for_viewers
from embedding_lab.board.stock_projector import ProjectorExport
from embedding_lab.errors import InputError
from embedding_lab.extraction import dataset_of, extract
from embedding_lab.frameworks.keras import import_keras
from embedding_lab.frameworks.lightning import training_callback
from embedding_lab.frameworks.random_states import random_states_kept


class EmbeddingLogger:
    """Takes the embeddings of the same samples at chosen steps of a training, so that they can be compared.

        logger = lab.EmbeddingLogger("logs/mine", test_data, layers=["embed_layer"], every=500)
        model.fit(..., callbacks=[logger.keras()])              # Keras
        Trainer(callbacks=[logger.lightning()]).fit(...)        # PyTorch Lightning
        for step, batch in enumerate(loader, 1):                # any loop
            ...
            logger.step(model, step)

    Model, its mode, metrics and random states are left as they are. Logging a step again replaces it.

    Args:
        run_dir: the run's folder, one level below the log directory; made where it does not exist.
        data: a Dataset, an array of samples as the model takes them, or a PyTorch DataLoader. Read once, here.
        layers: the layers' names; when left out the input and every layer worth showing.
        every: the number of steps between logs, or "epoch". When left out: once per epoch, in a loop every 500
            steps, but only as often as it slows the training by no more than a twentieth.
        samples: how many of the data to take at most: a fair sample of the classes, the same at every step.
        seed: of the fair sample.

    Raises:
        InputError and its kinds: the data or a number cannot be used.
    """

    def __init__(
        self,
        run_dir: str | Path,
        data: Any,
        *,
        layers: Sequence[str] | str | None = None,
        every: Every = None,
        samples: int = 1000,
        seed: int = 0,
    ) -> None:
        self._schedule = Schedule(every)
        self._run_dir = Path(run_dir)
        self._layers = layers
        with random_states_kept():  # samples may be drawn, or changed at random, when they are read
            _import_what_writes()
            data = dataset_of(data)
            self._sample = data.fair_sample(min(samples, len(data)), seed)

    def log(self, model: Any, step: int, *, epoch: int | None = None) -> ProjectorExport:
        """Logs the embeddings of the model as it is now.

        Args:
            model: what `extract` takes: a Keras model, a PyTorch module, a function.
            step: how many steps it was trained for.
            epoch: the epoch that step lies in.

        Returns:
            What the Projector got, with notes on anything that could not be shown as it is.

        Raises:
            InputError and its kinds: the model cannot be used on the data.
            StorageError: the disk is full, read-only, or refuses; what was logged before stays.
        """
        begun = time.monotonic()
        with random_states_kept():
            sets = extract(model, self._sample, self._layers, out=self._run_dir, step=step, epoch=epoch)
            if self._layers is None:
                self._layers = [name for name in sets if name != "input"]  # which never changes, and is kept now
            export = write_for_viewers(self._run_dir, sets.values())
        self._schedule.logged(time.monotonic() - begun)
        return export

    def step(self, model: Any, step: int, *, epoch: int | None = None) -> ProjectorExport | None:
        """Logs where it is time to, in a loop that calls this after every step; the first time at once.

        Args:
            model: as for `log`.
            step: how many steps it was trained for.
            epoch: the epoch that step lies in.

        Returns:
            As `log`; None where nothing was logged.

        Raises:
            InputError: `every` is "epoch", which a loop knows best: call `log` there. Else as `log`.
        """
        if self._schedule.every == "epoch":
            raise InputError(
                "A step does not say where an epoch ends.",
                got='every="epoch"',
                expected="a number of steps, or nothing",
                remedy="Call logger.log(model, step) at the end of each epoch.",
            )
        return self.log(model, step, epoch=epoch) if self._schedule.at_step(step, in_loop=True) else None

    def keras(self) -> Any:
        """A Keras callback for `fit` that logs before the first step, in between, and after the last."""
        training = _Training(self, self._schedule)
        callback: Any = import_keras().callbacks.LambdaCallback(
            on_epoch_begin=lambda epoch, logs: training.begin_epoch(epoch),
            on_epoch_end=lambda epoch, logs: training.end_epoch(callback.model, _steps_of(callback), epoch),
            on_train_begin=lambda logs: training.begin(callback.model, _steps_of(callback), None),
            on_train_end=lambda logs: training.end(callback.model, _steps_of(callback)),
        )
        if isinstance(self._schedule.every, int):  # a callback that hears of no batch costs nothing per batch
            callback.on_train_batch_end = lambda batch, logs=None: training.step(
                callback.model, _steps_of(callback), training.epoch
            )
        return callback

    def lightning(self) -> Any:
        """A callback for PyTorch Lightning's Trainer that logs before the first step, in between, after the last.

        Raises:
            MissingDependency: Lightning is not installed.
        """
        return training_callback(_Training(self, self._schedule))


class _Training:
    """Hears how a training goes, and logs where it is time to, each step once."""

    def __init__(self, logger: EmbeddingLogger, schedule: Schedule) -> None:
        self._logger, self._schedule = logger, schedule
        self._logged = -1
        self.epoch = 0

    def begin(self, model: Any, step: int, epoch: int | None) -> None:
        """A training begins, or goes on; None where nobody knows in which epoch."""
        self._schedule.begin(step)
        self.epoch = epoch or 0
        self._logged = -1
        if getattr(model, "built", True):  # a model of Keras may be built by its first batch only
            self._log(model, step, 0 if step == 0 else epoch)

    def begin_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def step(self, model: Any, step: int, epoch: int) -> None:
        self.epoch = epoch
        if self._schedule.at_step(step):
            self._log(model, step, epoch)

    def end_epoch(self, model: Any, step: int, epoch: int) -> None:
        self.epoch = epoch
        if self._schedule.at_epoch_end():
            self._log(model, step, epoch)

    def end(self, model: Any, step: int) -> None:
        self._log(model, step, self.epoch)

    def _log(self, model: Any, step: int, epoch: int | None) -> None:
        if step != self._logged:
            self._logged = step
            self._logger.log(model, step, epoch=epoch)


def _import_what_writes() -> None:
    """Writes a little somewhere else: what is imported for it takes seconds, and no training is to wait for it."""
    with tempfile.TemporaryDirectory() as folder:
        log_embeddings(Path(folder) / "run", np.eye(3))


def _steps_of(callback: Any) -> int:
    return int(callback.model.optimizer.iterations)
