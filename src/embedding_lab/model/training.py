"""Trains a reference model: samples in, weights out, the same weights for the same seed.

The loop is our own rather than Keras' `fit`, which takes more than twice the processor time for small models: many
steps run in one compiled call, each by Keras' own `train_step`. It drives Keras callbacks as `fit` does, so that
summaries, loggers and tracers are the same for our models and the user's. The order of the samples is a function of
seed and step alone, so that a training can be repeated, or taken up again after a kill, without touching anybody's
global random state.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding_lab import __version__
from embedding_lab.embeddings import Dataset, create_run
from embedding_lab.errors import EmptyData, InputError, NotFinite, ShapeMismatch
from embedding_lab.frameworks.keras import import_keras, weights_fingerprint
from embedding_lab.model.card import ModelCard
from embedding_lab.model.checkpoints import Checkpoints
from embedding_lab.model.files import save_model
from embedding_lab.model.reference import Recipe, build, recipe
from embedding_lab.progress import Progress, silent

MODEL_FILE = "model.keras"
"""The model's name inside its run."""

STEPS_PER_CALL = 100
"""Steps in one compiled call: long enough that Python costs nothing, short enough that Ctrl-C is heard at once."""

CHECKPOINT_EVERY = 500
"""Steps; a multiple of all intervals of summaries, so that after a kill their points fall where they would have."""

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
        callbacks: Keras callbacks, told of every compiled call of up to `STEPS_PER_CALL` steps as of one batch.
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
    order = Order(rows, batch_size, seed)
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
    checkpoints = Checkpoints(run.path, settings)
    begun = checkpoints.restore(model) if resume else checkpoints.clear()
    listeners = [*callbacks, *(_summaries(run.path, test_data, chosen, settings) if summaries else ())]

    began = time.perf_counter()
    stride = math.gcd(STEPS_PER_CALL, chosen.test_every if summaries else STEPS_PER_CALL)
    calls = _calls(begun, total, order.steps_per_epoch, stride, single_steps)
    _run_calls(model, train_data, order, calls, listeners, checkpoints, total, progress)
    elapsed_seconds = time.perf_counter() - began

    card = ModelCard(
        model=model_name,
        fingerprint=weights_fingerprint(model),
        class_names=classes,
        dataset=train_data.name,
        dataset_fingerprint=train_data.fingerprint,
        seed=seed,
        epochs=-(-total // order.steps_per_epoch),
        batch_size=batch_size,
        learning_rate=learning_rate,
        lab_version=__version__,
    )
    save_model(model, card, run.path / MODEL_FILE)
    return TrainedModel(
        model=model,
        card=card,
        path=run.path / MODEL_FILE,
        steps=total,
        train_accuracy=_accuracy(model, train_data),
        test_accuracy=None if test_data is None else _accuracy(model, test_data),
        elapsed_seconds=elapsed_seconds,
    )


class Order:
    """Which samples each step takes: a function of seed and step.

    Attributes:
        steps_per_epoch: how many whole batches the samples fill.
    """

    def __init__(self, rows: NDArray[np.intp], batch_size: int, seed: int) -> None:
        self.batch_size = batch_size
        self.steps_per_epoch = len(rows) // batch_size
        self._rows, self._seed = rows, seed
        self._epoch, self._shuffled = -1, rows

    def rows(self, first: int, last: int) -> NDArray[np.intp]:
        """The rows of the steps from `first` to before `last`, all of one epoch; shape (steps, batch)."""
        epoch, offset = divmod(first, self.steps_per_epoch)
        if epoch != self._epoch:
            self._epoch = epoch
            self._shuffled = np.random.default_rng([self._seed, epoch]).permutation(self._rows)
        part = self._shuffled[offset * self.batch_size : (offset + last - first) * self.batch_size]
        return part.reshape(-1, self.batch_size)


def _calls(begun: int, total: int, per_epoch: int, stride: int, singles: int) -> Iterator[tuple[int, int]]:
    """The first and last step (exclusive) of each compiled call, which never goes beyond an epoch or a stride."""
    first = begun
    while first < total:
        epoch_end = (first // per_epoch + 1) * per_epoch
        stride_end = (first // stride + 1) * stride
        last = first + 1 if first - begun < singles else min(stride_end, epoch_end, total)
        yield first, last
        first = last


def _run_calls(
    model: Any,
    data: Dataset,
    order: Order,
    calls: Iterator[tuple[int, int]],
    listeners: Sequence[Any],
    checkpoints: Checkpoints,
    total: int,
    progress: Progress,
) -> None:
    """The training itself; tells callbacks what `fit` would tell them."""
    take_steps = _compiled_steps(model, data)
    told = import_keras().callbacks.CallbackList(list(listeners), model=model)
    model.stop_training = False
    told.on_train_begin()
    epoch, logs = -1, {}
    for first, last in calls:
        if first // order.steps_per_epoch != epoch:
            epoch = first // order.steps_per_epoch
            model.reset_metrics()
            told.on_epoch_begin(epoch)
            progress("train samples", first * order.batch_size, total * order.batch_size)
        told.on_train_batch_begin(first % order.steps_per_epoch)
        logs = take_steps(*_batches(data, order.rows(first, last)))
        _check_converging(logs["loss"], epoch)
        told.on_train_batch_end((last - 1) % order.steps_per_epoch, logs)
        if last % CHECKPOINT_EVERY == 0 or last == total:
            checkpoints.save(model, last)
        progress("train samples", last * order.batch_size, total * order.batch_size)
        if last % order.steps_per_epoch == 0 or last == total:
            told.on_epoch_end(epoch, logs)
        if model.stop_training:
            break
    told.on_train_end(logs)


def _compiled_steps(model: Any, data: Dataset) -> Callable[..., dict[str, float]]:
    """A function that takes the samples and labels of many steps, and gives the metrics since the epoch began."""
    import tensorflow as tf

    _make_metrics(model, data)

    def steps(samples: Any, labels: Any) -> Any:
        return tf.while_loop(
            lambda number, logs: number < tf.shape(samples)[0],
            lambda number, logs: (number + 1, model.train_step((samples[number], labels[number]))),
            (0, {"accuracy": 0.0, "loss": 0.0}),
        )[1]

    compiled = tf.function(
        steps,
        autograph=False,
        input_signature=[  # (steps, batch, …), so that one compilation serves all calls
            tf.TensorSpec((None, None, *data.samples.shape[1:]), data.samples.dtype),
            tf.TensorSpec((None, None), tf.int64),
        ],
    )
    return lambda samples, labels: {name: float(mean) for name, mean in compiled(samples, labels).items()}


def _make_metrics(model: Any, data: Dataset) -> None:
    """Lets Keras make the variables of its metrics, which cannot be made inside a loop."""
    samples, labels = _batches(data, _labelled_rows(data)[:1])
    said = model(samples, training=False)
    model.compute_loss(samples, labels, said)
    model.compute_metrics(samples, labels, said)
    model.reset_metrics()


def _summaries(run: Path, test_data: Dataset | None, chosen: Recipe, settings: dict[str, Any]) -> list[Any]:
    if test_data is None:
        return []
    from embedding_lab.model.summaries import TrainingSummaries

    shown = ("model", "learning_rate", "dropout", "batch_size", "steps", "seed")
    hparams = {name: settings[name] for name in shown}
    return [TrainingSummaries(run, test_data, test_every=chosen.test_every, hparams=hparams)]


def _batches(data: Dataset, chosen: NDArray[np.intp]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """The samples, shape (*rows, …), and labels, shape (*rows), of chosen rows of any shape."""
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
