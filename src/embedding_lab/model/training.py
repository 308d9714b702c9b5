"""Trains a reference model: samples in, weights out, the same weights for the same seed.

The loop is our own rather than Keras' `fit`: many steps run in one compiled call, which takes less than half the
time for small models; and the order of the samples is a function of seed and epoch alone, so that a training can be
repeated, or taken up again, without touching anybody's global random state.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding_lab import __version__
from embedding_lab.embeddings import Dataset, create_run
from embedding_lab.errors import EmptyData, InputError, NotFinite, ShapeMismatch
from embedding_lab.frameworks.keras import weights_fingerprint
from embedding_lab.model.card import ModelCard
from embedding_lab.model.files import save_model
from embedding_lab.model.reference import build
from embedding_lab.progress import Progress, silent

MODEL_FILE = "model.keras"
"""The model's name inside its run."""

STEPS_PER_CALL = 100
"""Steps in one compiled call: long enough that Python costs nothing, short enough that Ctrl-C is heard at once."""

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
    epochs: int = 5,
    batch_size: int = 32,
    learning_rate: float = 1e-3,
    seed: int = 0,
    run_dir: str | Path,
    progress: Progress = silent,
) -> TrainedModel:
    """Trains a reference model from fresh weights and saves it into a run.

    Samples without a label are left out, and so are the few at the end of an epoch that fill no batch: other ones
    each time. The model file appears when all is done; a training that ends before leaves none.

    Args:
        model_name: one of `MODELS`.
        train_data: samples of shape (n, ...) with labels.
        test_data: samples of the same shape with labels of the same classes.
        epochs: how often every sample is seen.
        batch_size: samples per step.
        learning_rate: of Adam.
        seed: the same seed gives the same weights on the same machine.
        run_dir: the run's folder; made where it does not exist.
        progress: told "train samples".

    Raises:
        InputError: no labels, a number out of range, or test samples of another shape.
        UnknownName: there is no such model.
        NotFinite: the training diverged.
        StorageError: the disk refuses.
        MissingDependency: Keras is not installed.
    """
    _check_range(0, seed=seed)
    _check_range(1, epochs=epochs, batch_size=batch_size)
    _check_range(1e-12, learning_rate=learning_rate)
    rows = _labelled_rows(train_data)
    _check_same_shape(train_data, test_data)
    classes = _class_names(train_data, test_data)
    run = create_run(run_dir)
    shape = train_data.samples.shape[1:]
    model = build(model_name, shape=shape, classes=len(classes), seed=seed, learning_rate=learning_rate)

    began = time.perf_counter()
    take_steps = _compiled_steps(model, train_data)
    batch_size = min(batch_size, len(rows))
    done, total = 0, epochs * (len(rows) // batch_size * batch_size)
    progress("train samples", done, total)
    for epoch in range(epochs):
        for chosen in _calls(rows, batch_size, np.random.default_rng([seed, epoch])):  # (steps, batch)
            loss = take_steps(*_batches(train_data, chosen))
            _check_converging(loss, epoch)
            done += chosen.size
            progress("train samples", done, total)
    elapsed_seconds = time.perf_counter() - began

    card = ModelCard(
        model=model_name,
        fingerprint=weights_fingerprint(model),
        class_names=classes,
        dataset=train_data.name,
        dataset_fingerprint=train_data.fingerprint,
        seed=seed,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        lab_version=__version__,
    )
    save_model(model, card, run.path / MODEL_FILE)
    return TrainedModel(
        model=model,
        card=card,
        path=run.path / MODEL_FILE,
        steps=done // batch_size,
        train_accuracy=_accuracy(model, train_data),
        test_accuracy=None if test_data is None else _accuracy(model, test_data),
        elapsed_seconds=elapsed_seconds,
    )


def _compiled_steps(model: Any, data: Dataset) -> Callable[..., float]:
    """A function that takes the samples and labels of many steps, and gives the mean loss of the last one."""
    import tensorflow as tf

    variables = model.trainable_variables

    def step(samples: Any, labels: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = model.compute_loss(samples, labels, model(samples, training=True))
        model.optimizer.apply(tape.gradient(loss, variables), variables)
        return loss

    def steps(samples: Any, labels: Any) -> Any:
        return tf.while_loop(
            lambda number, loss: number < tf.shape(samples)[0],
            lambda number, loss: (number + 1, step(samples[number], labels[number])),
            (0, 0.0),
        )[1]

    compiled = tf.function(
        steps,
        autograph=False,
        input_signature=[  # (steps, batch, …), so that one compilation serves all calls
            tf.TensorSpec((None, None, *data.samples.shape[1:]), data.samples.dtype),
            tf.TensorSpec((None, None), tf.int64),
        ],
    )
    return lambda samples, labels: float(compiled(samples, labels))


def _calls(rows: NDArray[np.intp], batch_size: int, order: np.random.Generator) -> Iterator[NDArray[np.intp]]:
    """One epoch's rows in a random order, in parts of shape (steps, batch) for one compiled call each."""
    steps = len(rows) // batch_size
    shuffled = order.permutation(rows)[: steps * batch_size].reshape(steps, batch_size)
    for start in range(0, steps, STEPS_PER_CALL):
        yield shuffled[start : start + STEPS_PER_CALL]


def _batches(data: Dataset, chosen: NDArray[np.intp]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """The samples, shape (steps, batch, …), and labels, shape (steps, batch), of rows of shape (steps, batch)."""
    assert data.labels is not None
    samples = np.asarray(data.samples[chosen.reshape(-1)])
    return samples.reshape(*chosen.shape, *samples.shape[1:]), data.labels[chosen]


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


def _check_converging(loss: float, epoch: int) -> None:
    if not np.isfinite(loss):
        raise NotFinite(
            f"The training diverged in epoch {epoch + 1}.",
            got=f"a loss of {loss}",
            expected="a finite loss",
            remedy="Lower the learning rate, and look for NaN in the samples.",
        )
