"""Every summary of a training that TensorBoard can show, as one Keras callback."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from tensorboard.compat.proto.summary_pb2 import Summary

from embedding_lab.embeddings import create_run
from embedding_lab.errors import InputError
from embedding_lab.frameworks.keras_calls import layer_tree
from embedding_lab.frameworks.tensorflow import keras
from embedding_lab.model import protos
from embedding_lab.model.event_file import EventFile, has_events
from embedding_lab.model.figures import as_pictures, captioned_grid, confusion_picture, enlarged
from embedding_lab.model.fit_checkpoints import FitCheckpoints
from embedding_lab.model.forward_graph import forward_graph
from embedding_lab.model.held_out import HeldOut, Judge, Judgement
from embedding_lab.model.interval_means import IntervalMeans
from embedding_lab.model.statistics import Description, Statistics

INPUT_PICTURES = 10
MISTAKES = 25
MOST_CLASSES = 1000
"""A confusion matrix of more classes could not be seen."""


class TrainingSummaries(keras.callbacks.Callback):  # type: ignore[misc]
    """Gives a Keras training everything that TensorBoard can show of it; hand it to `fit(callbacks=[…])`.

    Two runs appear below the run's folder, so that TensorBoard draws their curves together: `train`, what the model
    does on the samples it learns from, with its weights; and `test`, what it does on the held-out ones.

    | tab | what it shows |
    |---|---|
    | Scalars | loss and accuracy of both; learning rate, keep probability of each dropout; mean, stddev, min and max of each weight |
    | Distributions, Histograms | each weight; pre-activations and activations of each layer for a few held-out samples |
    | Images | ten inputs, the mistakes that the model is surest of, the confusion matrix; where samples are pictures and labels classes |
    | Graphs | the forward pass, with a scope per layer |
    | HParams | hyper-parameters, with loss and accuracy |
    | Text | the model's layers, with their outputs and parameters |

    Training numbers are the means over the steps since the last point, of which the last step of an epoch has one
    too. The model, its metrics and all random states are left as they are. Where the run holds summaries already,
    those of steps that come again are taken away.

    Args:
        run_dir: the run's folder, one level below the log directory; made where it does not exist.
        data: held-out samples as the model takes them: a Dataset, an array, or a pair (samples, labels).
        every: steps between points of weights and activations.
        test_every: steps between points of loss and accuracy, for which all of `data` goes through the model;
            as `every` when left out.
        samples: how many of `data` to take activations of.
        hparams: names and values (number, text or bool) for the HParams tab; optimiser, learning rate and number of
            parameters when left out.
        checkpoints: whether to keep checkpoints in the run, from which `resume` goes on after a kill: at the end,
            and before it at ends of epochs, 500 steps apart or more.

    Raises:
        InputError and its kinds: data or a number that cannot be used.
        StorageError: the disk is full, read-only, or refuses.
    """  # noqa: E501  (a table's rows cannot be broken)

    def __init__(
        self,
        run_dir: str | Path,
        data: Any,
        *,
        every: int = 100,
        test_every: int | None = None,
        samples: int = 64,
        hparams: Mapping[str, Any] | None = None,
        checkpoints: bool = True,
    ) -> None:
        super().__init__()
        test_every = every if test_every is None else test_every
        for name, number in {"every": every, "test_every": test_every, "samples": samples}.items():
            if number < 1:
                raise InputError(f"{name} is out of range.", got=repr(number), expected="1 or more")
        self._run = Path(run_dir)
        self._held_out = HeldOut(data)
        self._sample = self._held_out.samples[:samples]
        self._every, self._test_every = every, test_every
        self._hparams = hparams
        self._checkpoints = FitCheckpoints(self._run) if checkpoints else None
        self._said: Mapping[str, Any] = {}
        self._rest: Mapping[str, float] | None = None

    def resume(self, model: Any) -> int:
        """Puts a model where the last checkpoint in the run left it, for a `fit` that was killed to go on.

            model.fit(x, y, epochs=5, callbacks=[summaries], initial_epoch=summaries.resume(model))

        On the same machine the weights and curves at the end are those of a training that was never killed, if each
        epoch takes the samples in the order that it would have taken them then. docs/training.md says how.

        Args:
            model: as the training began with it: built and compiled in the same way.

        Returns:
            How many epochs are done, for `fit`: 0 where the run has no checkpoint.

        Raises:
            InputError: the model is not built and compiled, the callback keeps no checkpoints, or the run was
                begun with another model, optimiser or random seed.
        """
        if self._checkpoints is None:
            raise InputError("There is nothing to resume from.", got="checkpoints=False", remedy="Leave it out.")
        return self._checkpoints.resume(model)

    def on_train_begin(self, logs: Any = None) -> None:
        """Looks where the training stands."""
        if self._checkpoints is not None:
            self._checkpoints.begin(self.model, self.params.get("steps"))
        self._step = self._described_at = self._judged_at = int(self.model.optimizer.iterations)
        self._said, self._rest = {}, None
        self._statistics: Statistics | None = None
        self._means = IntervalMeans(self.model)
        self._open = False

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Keras begins its means anew here; a training that was resumed goes on with those it had."""
        if self._checkpoints is not None:
            self._checkpoints.begin_epoch(epoch)
        if not self._open:
            self._open_files()
        self._means.begin()
        self._said, self._rest = {}, None

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Writes a point where one is due."""
        before, self._step = self._step, int(self.model.optimizer.iterations)
        self._said = logs or {}
        if self._statistics is None:
            self._meet()
        if before // self._every < self._step // self._every:
            self._write_statistics()
        if before // self._test_every < self._step // self._test_every:
            self._write_results(self._means.since_last(self._said), self._judge())

    def on_test_begin(self, logs: Any = None) -> None:
        """Takes the means of an epoch's last steps, before a validation begins Keras' own anew."""
        if self._said:
            self._rest = self._means.since_last(self._said)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Writes the point of the epoch's last steps, mistakes and confusion matrix."""
        if not self._said:  # there was no step
            return
        judgement = self._judge()
        if self._step != self._judged_at:
            self._write_results(self._rest or self._means.since_last(self._said), judgement)
        values = list(self._pictures(judgement))
        if values:
            self._test.write(_summary(values), self._step)

    def on_train_end(self, logs: Any = None) -> None:
        """Writes the last point of the weights, and that the training is complete."""
        if not self._open:
            return
        if self._step != self._described_at:
            self._write_statistics()
        self._root.write(_summary([protos.hparams_end(time.time())]), self._step)
        for each in (self._root, self._train, self._test):
            each.close()
        if self._checkpoints is not None:
            self._checkpoints.end()

    def _open_files(self) -> None:
        """Not before there is an epoch: a training that is complete, and resumed, changes nothing."""
        self._open = True
        create_run(self._run)
        fresh = self._fresh = self._step == 0 or not has_events(self._run / "train")
        files = (self._run, self._run / "train", self._run / "test")
        self._root, self._train, self._test = (EventFile(each, self._step + (not fresh)) for each in files)
        if self.model.built and all(layer.built for _, layer in layer_tree(keras, self.model)):
            self._meet()  # a subclassed model gets its weights in the first step only

    def _meet(self) -> None:
        """Compiles what looks at the model, once it has weights, and writes what never changes."""
        self._statistics = Statistics(self.model, self._sample)
        self._judge = Judge(self.model, self._held_out)
        self._dropouts = [
            (name, layer)
            for name, layer in layer_tree(keras, self.model)
            if "Dropout" in type(layer).__name__ and isinstance(getattr(layer, "rate", None), int | float)
        ]
        if self._fresh:
            self._write_what_stays()

    def _write_what_stays(self) -> None:
        """Hyper-parameters, layers, graph and inputs."""
        hparams = self._hparams if self._hparams is not None else _usual_hparams(self.model)
        metrics = [(run, tag) for tag in ("accuracy", "loss") for run in ("test", "train")]
        self._root.write(_summary(protos.hparams_start(hparams, metrics)), 0)
        self._train.write(_summary([protos.text("model", _summary_text(self.model))]), 0)
        pictures = as_pictures(self._held_out.samples[:INPUT_PICTURES])
        if pictures is not None:
            shown = [enlarged(each) for each in pictures]
            self._test.write(_summary([protos.pictures("input", shown, "The first held-out samples.")]), 0)
        self._write_graph()
        self._write_statistics()

    def _write_graph(self) -> None:
        targets = self._held_out.targets_for(self.model)
        try:
            self._train.write_graph(forward_graph(self.model, self._sample, targets))
        except Exception as error:  # a model may do what no graph can hold, and must train all the same
            warnings.warn(f"The Graphs tab stays empty: {type(error).__name__}: {error!s:.200}", stacklevel=2)

    def _write_statistics(self) -> None:
        assert self._statistics is not None
        self._described_at = self._step
        described = self._statistics()
        for file, of_weights in ((self._train, True), (self._test, False)):
            values = [value for each in described if each.weight == of_weights for value in _values(each)]
            if values:
                file.write(_summary(values), self._step)

    def _write_results(self, means: Mapping[str, float], judgement: Judgement) -> None:
        """Loss and accuracy of both runs, and what they depend on."""
        self._judged_at = self._step
        train = [protos.scalar(name, number) for name, number in means.items()]
        train.append(protos.scalar("learning_rate", float(np.asarray(self.model.optimizer.learning_rate))))
        train += [protos.scalar(f"{name}/keep_probability", 1 - layer.rate) for name, layer in self._dropouts]
        self._train.write(_summary(train), self._step)
        found = {"loss": judgement.loss, "accuracy": judgement.accuracy}
        test = [protos.scalar(name, number) for name, number in found.items() if number is not None]
        test += [protos.scalar(f"{name}/keep_probability", 1.0) for name, _ in self._dropouts]
        if test:
            self._test.write(_summary(test), self._step)

    def _pictures(self, judgement: Judgement) -> Iterator[Any]:
        labels, said, confidence = self._held_out.labels, judgement.said, judgement.confidence
        if labels is None or said is None or confidence is None:
            return
        labelled = labels >= 0
        classes = int(max(labels.max(), said.max())) + 1
        given = self._held_out.class_names
        names = given if given and len(given) >= classes else tuple(map(str, range(classes)))
        if len(names) <= MOST_CLASSES and labelled.any():
            confusion = np.zeros((len(names), len(names)), np.int64)
            np.add.at(confusion, (labels[labelled], said[labelled]), 1)
            picture = confusion_picture(confusion, names)
            yield protos.pictures(
                "confusion_matrix", [picture], "Rows: the true class. Columns: what the model said."
            )
        wrong = np.flatnonzero(labelled & (said != labels))
        surest = wrong[np.argsort(-confidence[wrong], kind="stable")][:MISTAKES]
        pictures = as_pictures(self._held_out.samples[surest]) if len(surest) else None
        if pictures is not None:
            captions = [f"{names[labels[row]][:8]}, said {names[said[row]][:8]}" for row in surest]
            about = (
                f"{len(wrong)} of {int(labelled.sum())} are said wrongly; here those that the model is surest of."
            )
            yield protos.pictures("misclassified", [captioned_grid(pictures, captions)], about)


def _values(each: Description) -> Iterator[Any]:
    """What TensorBoard shows of a distribution; of an activation the histogram says enough."""
    if each.weight:
        numbers = {"mean": each.mean, "stddev": each.stddev, "min": each.least, "max": each.greatest}
        yield from (protos.scalar(f"{each.tag}/{name}", number) for name, number in numbers.items())
    yield protos.histogram(each.tag, each.low, each.high, each.counts)


def _summary(values: list[Any]) -> Any:
    return Summary(value=values)


def _usual_hparams(model: Any) -> dict[str, Any]:
    return {
        "optimizer": type(model.optimizer).__name__,
        "learning_rate": float(np.asarray(model.optimizer.learning_rate)),
        "parameters": model.count_params(),
    }


def _summary_text(model: Any) -> str:
    """The model's layers as a table in Markdown; Keras' own is cut to the width of whatever terminal there is."""
    trainable = sum(math.prod(each.shape) for each in model.trainable_weights)
    lines = [
        f"**{model.name}**: {model.count_params():,} parameters, {trainable:,} of them trainable",
        "",
        "| layer | kind | output | parameters |",
        "|---|---|---|---:|",
    ]
    for path, layer in layer_tree(keras, model):
        lines.append(f"| {path} | {type(layer).__name__} | {_output_shape(layer)} | {layer.count_params():,} |")
    return "\n".join(lines)


def _output_shape(layer: Any) -> str:
    """Such as "n × 28 × 28" for n samples; "" where the layer declares none."""
    try:
        outputs = keras.tree.flatten(layer.output)
    except AttributeError:  # of a subclassed model
        return ""
    return ", ".join(" × ".join("n" if size is None else str(size) for size in each.shape) for each in outputs)
