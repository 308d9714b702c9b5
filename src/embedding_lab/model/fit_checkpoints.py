"""Checkpoints of the user's own `fit`, which can begin again only where an epoch does.

Keras tells a callback neither the samples nor their order. So what must be equal is checked as far as it can be
known, and the rest is said.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from embedding_lab.errors import InputError
from embedding_lab.frameworks.keras import import_keras
from embedding_lab.frameworks.tensorflow import tf
from embedding_lab.model.checkpoints import CHECKPOINT_EVERY, Checkpoints, Place, between_epochs

NO_SEED = 87654321
"""What TensorFlow says of its seed where nobody set one."""


class FitCheckpoints:
    """The checkpoints of one `fit`, made between epochs: when all callbacks have said what they had to say.

    A second `fit` of the same model keeps none: epochs are counted anew there, and a script that is started again
    comes to it by itself.

    Args:
        run: the run's folder.
    """

    def __init__(self, run: Path) -> None:
        self._run = run
        self._checkpoints: Checkpoints | None = None
        self._resumed: Place | None = None

    def resume(self, model: Any) -> int:
        """Puts a model where the last checkpoint left it, and returns how many epochs are done.

        Raises:
            InputError: the model is not built and compiled, or the run was begun with another one.
        """
        _check_ready(model)
        model.optimizer.build(model.trainable_variables)
        self._checkpoints = Checkpoints(self._run, _settings(model), between_epochs)
        self._resumed = self._checkpoints.restore(model)
        if self._resumed.epochs and _seed() is None:
            warnings.warn(
                "No random seed is set: if fit shuffles, the samples come in another order than they would have "
                "without the interruption. Begin the script with keras.utils.set_random_seed(…) in future.",
                stacklevel=3,
            )
        return self._resumed.epochs

    def begin(self, model: Any, steps_per_epoch: int | None) -> None:
        """Says that a `fit` begins.

        Raises:
            InputError: it does not go on where `resume` put the model.
        """
        self._model, self._steps_per_epoch = model, steps_per_epoch
        self._first_epoch = None if self._resumed is None else self._resumed.epochs
        self._epoch: int | None = None
        self._saved_at = self._step
        if self._resumed is not None:
            self._check_same_place(self._resumed)
        elif self._step == 0:
            self._checkpoints = Checkpoints(self._run, _settings(model), between_epochs)
        else:
            self._checkpoints = None
        if self._checkpoints is not None and self._step == 0:
            self._checkpoints.clear()
        self._resumed = None

    def begin_epoch(self, epoch: int) -> None:
        """Says that an epoch begins; keeps a checkpoint of the one before where the last one is old enough.

        Raises:
            InputError: it is not the epoch that `resume` said.
        """
        if self._epoch is None and self._first_epoch not in (None, epoch):
            raise InputError(
                "The training does not begin where it was resumed.",
                got=f"initial_epoch={epoch}",
                expected=str(self._first_epoch),
                remedy="Hand on what resume returns: model.fit(…, initial_epoch=summaries.resume(model)).",
            )
        self._epoch = epoch
        if self._step - self._saved_at >= CHECKPOINT_EVERY:
            self._save(epoch)

    def end(self) -> None:
        """Says that all epochs are complete; one that a callback broke off is not."""
        if self._epoch is not None and self._step > self._saved_at and not self._model.stop_training:
            self._save(self._epoch + 1)

    @property
    def _step(self) -> int:
        return int(self._model.optimizer.iterations)

    def _save(self, epochs: int) -> None:
        if self._checkpoints is not None:
            self._saved_at = self._step
            self._checkpoints.save(self._model, Place(self._step, epochs, self._steps_per_epoch))

    def _check_same_place(self, resumed: Place) -> None:
        if resumed.step != self._step:
            raise InputError(
                "The model that is trained is not where it was resumed.",
                got=f"a model that has taken {self._step} steps",
                expected=f"{resumed.step}",
                remedy="Resume this very model, after compiling it and just before its fit.",
            )
        before, now = resumed.steps_per_epoch, self._steps_per_epoch
        if before and now and before != now:
            raise InputError(
                f"The run in {self._run} was begun with other samples or another batch size.",
                got=f"{now} steps in an epoch",
                expected=f"{before}",
                remedy="Repeat them, or begin a new run.",
            )


def _settings(model: Any) -> dict[str, Any]:
    """What must be the same, of the model as it was compiled."""
    optimizer = import_keras().optimizers.serialize(model.optimizer)
    config = {name: value for name, value in optimizer["config"].items() if name != "name"}
    return {"random seed": _seed(), "optimizer": optimizer["class_name"], **config}


def _seed() -> int | None:
    """The seed of all that is random in TensorFlow, such as the order in which `fit` takes an array's samples."""
    seed: int = tf.compat.v1.get_seed(0)[0]
    return None if seed == NO_SEED else seed


def _check_ready(model: Any) -> None:
    missing = "compiled" if model.optimizer is None else "built" if not model.built else ""
    if missing:
        raise InputError(
            f"The model cannot be resumed before it is {missing}.",
            remedy="Compile it, and call it on a batch of samples where it declares no input.",
        )
