"""Checkpoints of a training: all that decides how it goes on, in one file that is there whole or not at all."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from embedding_lab.embeddings.files import discard, publish_file
from embedding_lab.errors import BrokenFile, InputError

KEPT = 2
"""The last one, and one before it in case a disk ate the last."""

SETTINGS = "settings"


class Checkpoints:
    """The checkpoints in a run.

    A checkpoint holds the weights, the optimiser's state with the number of steps taken, the states of all random
    numbers, and what the metrics have counted in the epoch. The order of the samples is a function of seed and
    step, so nothing more is needed.

    Args:
        run: the run's folder.
        settings: what must be the same for a training to go on: model, seed, data, …; as JSON can hold it.
    """

    def __init__(self, run: Path, settings: Mapping[str, Any]) -> None:
        self._folder = run / "checkpoints"
        self._settings = json.dumps(settings, sort_keys=True)

    def save(self, model: Any, step: int) -> None:
        """Keeps the state after a step, and drops all but the last ones.

        Raises:
            StorageError: the disk is full, read-only, or refuses; the older checkpoints stay.
        """
        arrays = {f"{number:04}": each.numpy() for number, each in enumerate(_state(model))}
        content = io.BytesIO()
        np.savez(content, **arrays, **{SETTINGS: np.array(self._settings)})  # type: ignore[arg-type]
        publish_file(self._folder / f"step-{step:09}.npz", content.getvalue())
        for old in self._paths()[:-KEPT]:
            discard(old)

    def restore(self, model: Any) -> int:
        """Puts a model where the last readable checkpoint left it, and returns its step: 0 where there is none.

        Args:
            model: as the training began with it; its optimiser and metrics have their variables.

        Raises:
            InputError: the checkpoint is of a training with other settings.
        """
        for path in reversed(self._paths()):
            try:
                arrays, settings = _read(path)
            except BrokenFile:
                continue
            if settings != self._settings:
                raise InputError(
                    f"The run in {self._folder.parent} was begun with other settings.",
                    got=_differences(json.loads(self._settings), json.loads(settings)),
                    expected="the settings that it was begun with",
                    remedy="Repeat them, or begin a new run.",
                )
            state = _state(model)
            if [tuple(each.shape) for each in state] != [each.shape for each in arrays]:
                continue  # another version of Keras kept other things
            for variable, values in zip(state, arrays, strict=True):
                variable.assign(values)
            return _step(path)
        return 0

    def clear(self) -> int:
        """Forgets the checkpoints of an older training in the same run, and returns the step to begin at: 0."""
        for path in self._paths():
            discard(path)
        return 0

    def _paths(self) -> list[Path]:
        """The checkpoints, oldest first."""
        return sorted(self._folder.glob("step-*.npz"), key=_step)


def _state(model: Any) -> list[Any]:
    """Every variable that decides how a training goes on."""
    return [
        *model.trainable_variables,
        *model.non_trainable_variables,
        *model.optimizer.variables,
        *model.metrics_variables,
    ]


def _step(path: Path) -> int:
    match = re.fullmatch(r"step-(\d+)\.npz", path.name)
    return int(match[1]) if match else -1


def _read(path: Path) -> tuple[list[Any], str]:
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as content:
            arrays = [content[name] for name in sorted(content.files) if name != SETTINGS]
            return arrays, str(content[SETTINGS])
    except Exception as error:  # a damaged archive fails in many ways
        raise BrokenFile(
            f"The checkpoint {path} cannot be read.", got=f"{type(error).__name__}: {error}"
        ) from error


def _differences(asked: Mapping[str, Any], kept: Mapping[str, Any]) -> str:
    names = sorted(name for name in {*asked, *kept} if asked.get(name) != kept.get(name))
    return ", ".join(f"{name} {asked.get(name)} (it was begun with {kept.get(name)})" for name in names)
