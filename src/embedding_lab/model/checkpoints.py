"""Checkpoints of a training: all that decides how it goes on, in one file that is there whole or not at all."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from embedding_lab.embeddings.files import discard, publish_file
from embedding_lab.errors import BrokenFile, InputError

KEPT = 2
"""The last one, and one before it in case a disk ate the last."""

CHECKPOINT_EVERY = 500
"""Steps; a multiple of all intervals of summaries, so that after a kill their points fall where they would have."""

SETTINGS, PLACE = "settings", "place"


@dataclass(frozen=True)
class Place:
    """Where in a training a checkpoint was made.

    Attributes:
        step: how many steps were taken.
        epochs: how many epochs were complete.
        steps_per_epoch: None where nobody knew.
    """

    step: int = 0
    epochs: int = 0
    steps_per_epoch: int | None = None


def between_epochs(model: Any) -> list[Any]:
    """Every variable that decides how a training goes on with a new epoch: weights, optimiser, random states."""
    return [*model.trainable_variables, *model.non_trainable_variables, *model.optimizer.variables]


def within_epoch(model: Any) -> list[Any]:
    """These, and what the metrics have counted in the epoch."""
    return [*between_epochs(model), *model.metrics_variables]


class Checkpoints:
    """The checkpoints in a run.

    A checkpoint holds the weights, the optimiser's state with the number of steps taken, the states of the model's
    random numbers and, within an epoch, what the metrics have counted. Which samples a step takes is not in it.

    Args:
        run: the run's folder.
        settings: what must be the same for a training to go on: model, seed, data, …; as JSON can hold it.
        state: the variables of a model to keep.
    """

    def __init__(self, run: Path, settings: Mapping[str, Any], state: Callable[[Any], list[Any]]) -> None:
        self._folder = run / "checkpoints"
        self._settings = json.dumps(settings, sort_keys=True, default=str)
        self._state = state

    def save(self, model: Any, place: Place) -> None:
        """Keeps the state after a step, and drops all but the last ones.

        Raises:
            StorageError: the disk is full, read-only, or refuses; the older checkpoints stay.
        """
        arrays = {f"{number:04}": each.numpy() for number, each in enumerate(self._state(model))}
        told = {SETTINGS: np.array(self._settings), PLACE: np.array(json.dumps(asdict(place)))}
        content = io.BytesIO()
        np.savez(content, **arrays, **told)  # type: ignore[arg-type]
        publish_file(self._folder / f"step-{place.step:09}.npz", content.getvalue())
        for old in self._paths()[:-KEPT]:
            discard(old)

    def restore(self, model: Any) -> Place:
        """Puts a model where the last readable checkpoint left it, and returns where: step 0 where there is none.

        Args:
            model: as the training began with it, with all variables of the state.

        Raises:
            InputError: the checkpoint is of a training with other settings, or of another model.
        """
        for path in reversed(self._paths()):
            try:
                arrays, settings, place = _read(path)
            except BrokenFile:
                continue
            if settings != self._settings:
                raise InputError(
                    f"The run in {self._folder.parent} was begun with other settings.",
                    got=_differences(json.loads(self._settings), json.loads(settings)),
                    expected="the settings that it was begun with",
                    remedy="Repeat them, or begin a new run.",
                )
            state = self._state(model)
            ours, theirs = [tuple(each.shape) for each in state], [each.shape for each in arrays]
            if ours != theirs:
                raise InputError(
                    f"The checkpoint {path} is of another model, or of another version of Keras.",
                    got=f"variables of the shapes {ours}",
                    expected=f"{theirs}",
                    remedy="Build the model as it was when the training began, or begin a new run.",
                )
            for variable, values in zip(state, arrays, strict=True):
                variable.assign(values)
            return place
        return Place()

    def clear(self) -> Place:
        """Forgets the checkpoints of an older training in the same run, and returns where to begin: at step 0."""
        for path in self._paths():
            discard(path)
        return Place()

    def _paths(self) -> list[Path]:
        """The checkpoints, oldest first."""
        return sorted(self._folder.glob("step-*.npz"), key=_step)


def _step(path: Path) -> int:
    match = re.fullmatch(r"step-(\d+)\.npz", path.name)
    return int(match[1]) if match else -1


def _read(path: Path) -> tuple[list[Any], str, Place]:
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as content:
            arrays = [content[name] for name in sorted(content.files) if name not in (SETTINGS, PLACE)]
            return arrays, str(content[SETTINGS]), Place(**json.loads(str(content[PLACE])))
    except Exception as error:  # a damaged archive fails in many ways
        raise BrokenFile(
            f"The checkpoint {path} cannot be read.", got=f"{type(error).__name__}: {error}"
        ) from error


def _differences(asked: Mapping[str, Any], kept: Mapping[str, Any]) -> str:
    names = sorted(name for name in {*asked, *kept} if asked.get(name) != kept.get(name))
    return ", ".join(f"{name} {asked.get(name)} (it was begun with {kept.get(name)})" for name in names)
