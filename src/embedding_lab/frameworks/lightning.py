"""PyTorch Lightning as the lab uses it: a callback that passes on what a training tells it."""

from __future__ import annotations

import importlib
import sys
from typing import Any, Protocol

from embedding_lab.errors import MissingDependency

NAMES = ("lightning.pytorch", "pytorch_lightning")
"""The same library under its two names; a trainer of one takes no callback of the other."""


class Hears(Protocol):
    """Whoever wants to know how a training goes."""

    def begin(self, model: Any, step: int, epoch: int | None) -> None:
        """It begins, or goes on, after so many steps."""
        ...

    def step(self, model: Any, step: int, epoch: int) -> None:
        """So many steps were made."""
        ...

    def end_epoch(self, model: Any, step: int, epoch: int) -> None:
        """An epoch is over."""
        ...

    def end(self, model: Any, step: int) -> None:
        """The training is over."""
        ...


def training_callback(hears: Hears) -> Any:
    """A callback for `Trainer(callbacks=[…])`; of several processes only the first one passes anything on.

    Raises:
        MissingDependency: Lightning is not installed.
    """

    class Training(_lightning().Callback):  # type: ignore[misc]
        """Passes on what the training tells."""

        def on_train_start(self, trainer: Any, pl_module: Any) -> None:
            if trainer.is_global_zero:
                hears.begin(pl_module, trainer.global_step, trainer.current_epoch)

        def on_train_batch_end(self, trainer: Any, pl_module: Any, *batch: Any) -> None:
            if trainer.is_global_zero:
                hears.step(pl_module, trainer.global_step, trainer.current_epoch)

        def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
            if trainer.is_global_zero:
                hears.end_epoch(pl_module, trainer.global_step, trainer.current_epoch)

        def on_train_end(self, trainer: Any, pl_module: Any) -> None:
            if trainer.is_global_zero:
                hears.end(pl_module, trainer.global_step)  # its epoch counts on already

    return Training()


def _lightning() -> Any:
    loaded = [name for name in NAMES if name in sys.modules]
    for name in loaded or NAMES:
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            missing = error
    raise MissingDependency(
        "PyTorch Lightning is not installed.", remedy="Install it with: pip install lightning"
    ) from missing
