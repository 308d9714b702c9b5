"""The training loop: many steps in one compiled call, callbacks told as `fit` tells them, checkpoints on the way.

It is our own rather than Keras' `fit`, which takes more than twice the processor time for small models. A step is
Keras' own `train_step`, and summaries, loggers and tracers are Keras callbacks, so that they are the same for our
models and the user's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from embedding_lab.errors import NotFinite
from embedding_lab.frameworks.keras import import_keras
from embedding_lab.model.checkpoints import CHECKPOINT_EVERY, Checkpoints, Place
from embedding_lab.model.order import Order
from embedding_lab.progress import Progress

STEPS_PER_CALL = 100
"""Steps in one compiled call: long enough that Python costs nothing, short enough that Ctrl-C is heard at once."""


class Loop:
    """The training of one model.

    Args:
        model: a compiled Keras model with fresh weights.
        order: what each step takes.
        checkpoints: where the state is kept.
        listeners: Keras callbacks, told of every compiled call as of one batch.
        stride: steps; the listeners hear of all its multiples.
        progress: told "train samples".
    """

    def __init__(
        self,
        model: Any,
        order: Order,
        checkpoints: Checkpoints,
        *,
        listeners: Sequence[Any],
        stride: int,
        progress: Progress,
    ) -> None:
        self._model, self._order, self._checkpoints = model, order, checkpoints
        self._listeners, self._progress = listeners, progress
        self._stride = math.gcd(STEPS_PER_CALL, CHECKPOINT_EVERY, stride)

    def run(self, total: int, *, resume: bool, single_steps: int) -> int:
        """Trains up to a number of steps, and returns how many it were: fewer where a listener stopped it.

        A checkpoint is made only when the listeners have written all that they have to say up to its step, so that
        a training which goes on from it leaves nothing out.

        Args:
            total: steps.
            resume: whether to go on from the last checkpoint, where there is one.
            single_steps: so many first steps are calls of their own.

        Raises:
            InputError: the checkpoint is of a training with other settings.
            NotFinite: the training diverged.
            StorageError: the disk refuses.
        """
        model, per_epoch = self._model, self._order.steps_per_epoch
        take_steps = _compiled_steps(model, self._order)
        begun = (self._checkpoints.restore(model) if resume else self._checkpoints.clear()).step
        self._say_progress(begun, total)
        if begun == total:
            return total
        told = import_keras().callbacks.CallbackList(list(self._listeners), model=model)
        model.stop_training = False
        told.on_train_begin()
        for first, last in self._calls(begun, total, single_steps):
            epoch, batch = divmod(first, per_epoch)
            if batch == 0:
                model.reset_metrics()
            if batch == 0 or first == begun:
                told.on_epoch_begin(epoch)
            told.on_train_batch_begin(batch)
            logs = take_steps(*self._order.batches(first, last))
            _check_converging(logs["loss"], epoch)
            told.on_train_batch_end(batch + last - first - 1, logs)
            self._say_progress(last, total)
            if last % per_epoch == 0 or last == total or model.stop_training:
                told.on_epoch_end(epoch, logs)
            if model.stop_training:
                break
            if last % CHECKPOINT_EVERY == 0 and last < total:
                self._save(last)
        told.on_train_end(logs)
        if last == total:
            self._save(last)
        return last

    def _save(self, step: int) -> None:
        per_epoch = self._order.steps_per_epoch
        self._checkpoints.save(self._model, Place(step, step // per_epoch, per_epoch))

    def _calls(self, begun: int, total: int, singles: int) -> Iterator[tuple[int, int]]:
        """The first and last step (exclusive) of each compiled call, which never leaves an epoch or a stride."""
        first = begun
        while first < total:
            epoch_end = (first // self._order.steps_per_epoch + 1) * self._order.steps_per_epoch
            stride_end = (first // self._stride + 1) * self._stride
            last = first + 1 if first - begun < singles else min(stride_end, epoch_end, total)
            yield first, last
            first = last

    def _say_progress(self, steps: int, total: int) -> None:
        self._progress("train samples", steps * self._order.batch_size, total * self._order.batch_size)


def _compiled_steps(model: Any, order: Order) -> Callable[..., dict[str, float]]:
    """A function that takes the samples and labels of many steps, and gives the metrics since the epoch began."""
    import tensorflow as tf

    samples, labels = order.batches(0, 1)
    _make_metrics(model, samples[0, :1], labels[0, :1])

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
            tf.TensorSpec((None, None, *samples.shape[2:]), samples.dtype),
            tf.TensorSpec((None, None), tf.int64),
        ],
    )
    return lambda samples, labels: {name: float(mean) for name, mean in compiled(samples, labels).items()}


def _make_metrics(model: Any, samples: Any, labels: Any) -> None:
    """Lets Keras make the variables of its metrics, which cannot be made inside a loop."""
    said = model(samples, training=False)
    model.compute_loss(samples, labels, said)
    model.compute_metrics(samples, labels, said)
    model.reset_metrics()


def _check_converging(loss: float, epoch: int) -> None:
    if not np.isfinite(loss):
        raise NotFinite(
            f"The training diverged in epoch {epoch + 1}.",
            got=f"a loss of {loss}",
            expected="a finite loss",
            remedy="Lower the learning rate, and look for NaN in the samples.",
        )
