"""Trains a reference model: samples in, weights out, the same weights for the same seed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding_lab import __version__
from embedding_lab.embeddings import Dataset, create_run
from embedding_lab.errors import EmptyData, InputError, ShapeMismatch
from embedding_lab.frameworks.keras import weights_fingerprint
from embedding_lab.model.card import ModelCard
from embedding_lab.model.checkpoints import Checkpoints, within_epoch
from embedding_lab.model.files import save_model
from embedding_lab.model.loop import Loop
from embedding_lab.model.order import Order
from embedding_lab.model.reference import Recipe, build, recipe
from embedding_lab.progress import Progress, silent

MODEL_FILE = "model.keras"
"""The model's name inside its run."""

EVALUATION_BATCH = 2048


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """A trained model and how well it does.

    Attributes:
        model: the Keras model.
        card: what it was trained on and how; also inside the file.
        path: the file it was saved to.
        steps: how many batches it was trained on.
        train_accuracy: share of the training samples whose class it says rightly, 0 to 1.
        test_accuracy: the same for the test samples; None without test data.
        elapsed_seconds: training alone, compilation included.
    """

    model: Any
    card: ModelCard
    path: Path
    steps: int
    train_accuracy: float
    test_accuracy: float | None
    elapsed_seconds: float


def train(
    model_name: str,
    train_data: Dataset,
    test_data: Dataset | None = None,
    *,
    epochs: int | None = None,
    steps: int | None = None,
    batch_size: int | None = None,
    learning_rate: float | None = None,
    dropout: float | None = None,
    seed: int = 0,
    run_dir: str | Path,
    summaries: bool = True,
    resume: bool = False,
    callbacks: Sequence[Any] = (),
    single_steps: int = 0,
    progress: Progress = silent,
) -> TrainedModel:
    """Trains a reference model from fresh weights and saves it into a run.

    Samples without a label are left out, and so are the few at the end of an epoch that fill no batch: other ones
    each time. The model file appears when all is done; a training that ends before leaves none. On the way
    checkpoints are kept in the run, from which a killed training goes on to the very weights it would have had.

    Args:
        model_name: one of `MODELS`, which also say what is taken for numbers that are left out.
        train_data: samples of shape (n, ...) with labels.
        test_data: samples of the same shape with labels of the same classes.
        epochs: how often every sample is seen.
        steps: how many batches to train on, in place of epochs.
        batch_size: samples per step.
        learning_rate: of Adam.
        dropout: share of the units that are dropped at each step, from 0 to below 1.
        seed: the same seed gives the same weights on the same machine.
        run_dir: the run's folder; made where it does not exist.
        summaries: whether to write what `TrainingSummaries` shows, where there are test samples.
        resume: whether to go on from the last checkpoint in the run, where there is one.
        callbacks: Keras callbacks, told of every compiled call of up to 100 steps as of one batch.
        single_steps: so many first steps are calls of their own, for a callback that traces them.
        progress: told "train samples".

    Raises:
        InputError: no labels, a number out of range, test samples of another shape, or a run to resume that was
            begun with other settings.
        UnknownName: there is no such model.
        NotFinite: the training diverged.
        StorageError: the disk refuses.
        MissingDependency: Keras is not installed.
    """
    chosen = recipe(model_name)
    epochs = chosen.epochs if epochs is None else epochs
    batch_size = chosen.batch_size if batch_size is None else batch_size
    learning_rate = chosen.learning_rate if learning_rate is None else learning_rate
    dropout = chosen.dropout if dropout is None else dropout
    _check_range(0, seed=seed, dropout=dropout, single_steps=single_steps)
    _check_range(1, epochs=epochs, batch_size=batch_size, steps=1 if steps is None else steps)
    _check_range(1e-12, learning_rate=learning_rate)
    if dropout >= 1:
        raise InputError("The training's dropout is out of range.", got=repr(dropout), expected="0 to below 1")
    rows = _labelled_rows(train_data)
    _check_same_shape(train_data, test_data)
    classes = _class_names(train_data, test_data)
    batch_size = min(batch_size, len(rows))
    order = Order(train_data, rows, batch_size, seed)
    total = epochs * order.steps_per_epoch if steps is None else steps
    settings: dict[str, Any] = {
        "model": model_name,
        "seed": seed,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "dropout": dropout,
        "steps": total,
        "dataset_fingerprint": train_data.fingerprint,
    }
    run = create_run(run_dir)
    shape = train_data.samples.shape[1:]
    model = build(
        model_name,
        shape=shape,
        classes=len(classes),
        seed=seed,
        learning_rate=learning_rate,
        dropout=dropout,
        steps=total,
    )
    loop = Loop(
        model,
        order,
        Checkpoints(run.path, settings, within_epoch),
        listeners=[*callbacks, *(_summaries(run.path, test_data, chosen, settings) if summaries else ())],
        stride=chosen.test_every,
        progress=progress,
    )
    began = time.perf_counter()
    taken = loop.run(total, resume=resume, single_steps=single_steps)
    elapsed_seconds = time.perf_counter() - began

    card = ModelCard(
        model=model_name,
        fingerprint=weights_fingerprint(model),
        class_names=classes,
        dataset=train_data.name,
        dataset_fingerprint=train_data.fingerprint,
        seed=seed,
        epochs=-(-taken // order.steps_per_epoch),
        batch_size=batch_size,
        learning_rate=learning_rate,
        lab_version=__version__,
    )
    save_model(model, card, run.path / MODEL_FILE)
    return TrainedModel(
        model=model,
        card=card,
        path=run.path / MODEL_FILE,
        steps=taken,
        train_accuracy=_accuracy(model, train_data),
        test_accuracy=None if test_data is None else _accuracy(model, test_data),
        elapsed_seconds=elapsed_seconds,
    )


def _summaries(run: Path, test_data: Dataset | None, chosen: Recipe, settings: dict[str, Any]) -> list[Any]:
    if test_data is None:
        return []
    from embedding_lab.model.summaries import TrainingSummaries

    shown = ("model", "learning_rate", "dropout", "batch_size", "steps", "seed")
    hparams = {name: settings[name] for name in shown}
    return [TrainingSummaries(run, test_data, test_every=chosen.test_every, hparams=hparams, checkpoints=False)]


def _accuracy(model: Any, data: Dataset) -> float:
    assert data.labels is not None
    right = labelled = 0
    for start in range(0, len(data), EVALUATION_BATCH):
        labels = data.labels[start : start + EVALUATION_BATCH]
        said = model.predict_on_batch(np.asarray(data.samples[start : start + EVALUATION_BATCH]))
        right += int(np.sum(said.argmax(axis=1) == labels))
        labelled += int(np.sum(labels >= 0))
    return right / labelled if labelled else float("nan")


def _labelled_rows(data: Dataset) -> NDArray[np.intp]:
    if data.samples is None:
        raise InputError(
            f"Dataset {data.name!r} holds its table only, not the samples.",
            remedy="Load it from where its samples are.",
        )
    rows = np.flatnonzero(data.labels >= 0) if data.labels is not None else np.empty(0, np.intp)
    if len(rows) == 0:
        raise EmptyData(
            f"Dataset {data.name!r} has no labels to train with.",
            expected="a class for every sample, or at least for some",
        )
    return rows


def _class_names(train_data: Dataset, test_data: Dataset | None) -> tuple[str, ...]:
    """The dataset's class names, or its numbers where it names none."""
    if train_data.class_names:
        return train_data.class_names
    labels = [data.labels for data in (train_data, test_data) if data is not None and data.labels is not None]
    return tuple(str(number) for number in range(max(int(each.max()) for each in labels) + 1))


def _check_range(least: float, **numbers: float) -> None:
    for name, value in numbers.items():
        if not least <= value < np.inf:
            raise InputError(
                f"The training's {name} is out of range.", got=repr(value), expected=f"{least} or more"
            )


def _check_same_shape(train_data: Dataset, test_data: Dataset | None) -> None:
    if test_data is None:
        return
    _labelled_rows(test_data)
    if test_data.samples.shape[1:] != train_data.samples.shape[1:]:
        raise ShapeMismatch(
            "The test samples have another shape than the training samples.",
            got=f"{test_data.samples.shape[1:]}",
            expected=f"{train_data.samples.shape[1:]}",
        )
