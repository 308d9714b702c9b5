"""Logs what layers make of a fixed sample while a training goes on, for the lab and for the stock Projector."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from embedding_lab.app.shown import write_for_viewers
from embedding_lab.board.stock_projector import ProjectorExport
from embedding_lab.errors import InputError
from embedding_lab.extraction import dataset_of, extract
from embedding_lab.frameworks.keras import import_keras


class EmbeddingLogger:
    """Takes the embeddings of the same samples at chosen steps of a training, so that they can be compared.

        logger = lab.EmbeddingLogger("logs/mine", test_data, layers=["embed_layer"], every=500)
        model.fit(..., callbacks=[logger.keras()])

    Model, metrics and random states are left as they are. Logging a step again replaces it.

    Args:
        run_dir: the run's folder, one level below the log directory; made where it does not exist.
        data: a Dataset, an array of samples as the model takes them, or a PyTorch DataLoader.
        layers: the layers' names; when left out the input and every layer worth showing.
        every: for `keras`, the number of steps between logs; once per epoch when left out.
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
        every: int | None = None,
        samples: int = 1000,
        seed: int = 0,
    ) -> None:
        if every is not None and every < 1:
            raise InputError("every is out of range.", got=repr(every), expected="1 step or more")
        data = dataset_of(data)
        self._run_dir = Path(run_dir)
        self._sample = data.fair_sample(samples, seed) if samples < len(data) else data
        self._layers = layers
        self._every = every

    def log(self, model: Any, step: int, *, epoch: int | None = None) -> ProjectorExport:
        """Logs the embeddings of the model as it is now.

        Args:
            model: a Keras model or a PyTorch module.
            step: how many steps it was trained for.
            epoch: the epoch that step lies in.

        Returns:
            What the Projector got, with notes on anything that could not be shown as it is.

        Raises:
            InputError and its kinds: the model cannot be used on the data.
            StorageError: the disk is full, read-only, or refuses; what was logged before stays.
        """
        sets = extract(model, self._sample, self._layers, out=self._run_dir, step=step, epoch=epoch)
        if self._layers is None:
            self._layers = [name for name in sets if name != "input"]  # which never changes, and is kept now
        return write_for_viewers(self._run_dir, sets.values())

    def keras(self) -> Any:
        """A Keras callback for `fit` that logs before the first step, every so many steps, and after the last."""
        return _Steps(self, self._every).callback


class _Steps:
    """Knows at which steps of a training to log."""

    def __init__(self, logger: EmbeddingLogger, every: int | None) -> None:
        self._logger, self._every = logger, every
        self._step, self._logged, self._epoch = 0, -1, 0
        self.callback = import_keras().callbacks.LambdaCallback(
            on_epoch_begin=self._begin_epoch,
            on_epoch_end=self._end_epoch,
            on_train_begin=self._begin,
            on_train_end=lambda logs: self._log(),
        )
        if every is not None:  # a callback that hears of no batch costs nothing per batch
            self.callback.on_train_batch_end = self._end_batch

    def _begin(self, logs: Any) -> None:
        self._step, self._logged = int(self.callback.model.optimizer.iterations), -1
        if self.callback.model.built:
            self._log()

    def _begin_epoch(self, epoch: int, logs: Any) -> None:
        self._epoch = epoch

    def _end_batch(self, batch: int, logs: Any = None) -> None:
        before, self._step = self._step, int(self.callback.model.optimizer.iterations)
        if self._every is not None and before // self._every < self._step // self._every:
            self._log()

    def _end_epoch(self, epoch: int, logs: Any) -> None:
        self._step = int(self.callback.model.optimizer.iterations)
        if self._every is None:
            self._log()

    def _log(self) -> None:
        """Logs this step, unless it was logged already."""
        if self._step != self._logged:
            self._logged = self._step
            self._logger.log(self.callback.model, self._step, epoch=self._epoch)
