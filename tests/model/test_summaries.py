"""One line gives any Keras training every summary, and takes nothing from it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util.tensor_util import make_ndarray

import embedding_lab as lab
from embedding_lab.embeddings import Dataset
from embedding_lab.errors import EmptyData, InputError, ShapeMismatch

keras = pytest.importorskip("keras", reason='no Keras: pip install "embedding-lab[tensorflow]"')
layers = keras.layers


class Subclassed(keras.Model):
    """Two layers of a model that declares no input, one behind a list."""

    def __init__(self) -> None:
        super().__init__(name="subclassed")
        self.flatten = layers.Flatten()
        self.hidden = layers.Dense(9, activation="relu")
        self.rest = [layers.Dropout(0.25, seed=1), layers.Dense(4)]

    def call(self, inputs: Any, training: bool = False) -> Any:
        values = self.hidden(self.flatten(inputs) / 255)
        for layer in self.rest:
            values = layer(values)
        return values


def sequential() -> Any:
    return keras.Sequential(
        [
            keras.Input((8, 8)),
            layers.Rescaling(1 / 255),
            layers.Flatten(),
            layers.Dense(9, activation="relu", name="hidden"),
            layers.Dropout(0.25, seed=1, name="dropout"),
            layers.Dense(4, name="logits"),
        ],
        name="net",
    )


def functional() -> Any:
    inputs = keras.Input((8, 8))
    values = layers.Flatten()(layers.Rescaling(1 / 255)(inputs))
    values = layers.Dense(9, name="hidden")(values)
    values = layers.BatchNormalization(name="norm")(values)
    values = layers.Activation("relu", name="relu")(values)
    return keras.Model(inputs, layers.Dense(4, name="logits")(values), name="functional")


def fitted(model: Any, data: Dataset, held_out: Any, run: Path | None, **options: Any) -> Any:
    """The model after two epochs of seven steps of the user's own `fit`."""
    keras.utils.set_random_seed(3)
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    callbacks = [] if run is None else [lab.TrainingSummaries(run, held_out, every=5, **options)]
    model.fit(data.samples, data.labels, batch_size=100, epochs=2, verbose=0, callbacks=callbacks)
    return model


def events(run: Path) -> EventAccumulator:
    found = EventAccumulator(str(run), size_guidance={"tensors": 0})
    found.Reload()
    return found


def steps(found: EventAccumulator, tag: str) -> list[int]:
    return [each.step for each in found.Tensors(tag)]


def last(found: EventAccumulator, tag: str) -> Any:
    return make_ndarray(found.Tensors(tag)[-1].tensor_proto)


@pytest.mark.parametrize("make", [sequential, pytest.param(functional, marks=pytest.mark.long), Subclassed])
def test_any_model_and_its_fit_get_every_summary(
    make: Any, corners: Dataset, other_corners: Dataset, tmp_path: Path
) -> None:
    model = fitted(make(), corners, other_corners, tmp_path / "run")
    train, test = events(tmp_path / "run" / "train"), events(tmp_path / "run" / "test")
    hidden = model.hidden if make is Subclassed else model.get_layer("hidden")
    kernel = hidden.get_weights()[0]
    truth = {"mean": kernel.mean(), "stddev": kernel.std(), "min": kernel.min(), "max": kernel.max()}
    for name, value in truth.items():
        assert last(train, f"hidden/kernel/{name}") == pytest.approx(value, rel=1e-4, abs=1e-6)
    buckets = last(train, "hidden/kernel")
    assert buckets.shape == (30, 3)
    assert buckets[:, 2].sum() == kernel.size
    assert (buckets[0, 0], buckets[-1, 1]) == pytest.approx((kernel.min(), kernel.max()))
    for tag in ("loss", "accuracy", "learning_rate"):
        assert steps(train, tag) == [5, 7, 10, 14]  # at the end of an epoch too
    assert steps(test, "loss") == [5, 7, 10, 14]
    said = model.predict(other_corners.samples, verbose=0)
    assert last(test, "accuracy") == pytest.approx(np.mean(said.argmax(axis=1) == other_corners.labels))
    assert last(test, "hidden/activations")[:, 2].sum() == 64 * 9
    if make is sequential:
        assert last(test, "hidden/pre_activations")[:, 2].sum() == 64 * 9
        assert last(train, "dropout/keep_probability") == 0.75
    if make is functional:
        assert {"norm/activations", "relu/pre_activations", "norm/moving_mean"} <= {
            *test.Tags()["tensors"],
            *train.Tags()["tensors"],
        }
    assert steps(test, "confusion_matrix") == [7, 14]
    assert train.Tags()["graph"]
    assert f"{model.count_params():,} parameters" in last(train, "model").item().decode()
    root = events(tmp_path / "run")
    assert {"_hparams_/session_start_info", "_hparams_/session_end_info"} <= set(root.Tags()["tensors"])


@pytest.mark.parametrize("make", [sequential, pytest.param(Subclassed, marks=pytest.mark.long)])
def test_the_training_and_its_history_are_what_they_would_be_without(
    make: Any, corners: Dataset, other_corners: Dataset, tmp_path: Path
) -> None:
    def outcome(run: Path | None) -> tuple[list[Any], dict[str, Any]]:
        keras.utils.set_random_seed(5)
        model = fitted(make(), corners, other_corners, run)
        return model.get_weights(), model.history.history

    (plain, plain_history), (watched, history) = outcome(None), outcome(tmp_path / "run")
    for ours, theirs in zip(watched, plain, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert history == plain_history


def test_a_graph_has_a_scope_for_each_layer_with_its_weights_inside(
    corners: Dataset, other_corners: Dataset, tmp_path: Path
) -> None:
    fitted(sequential(), corners, other_corners, tmp_path / "run")
    graph = events(tmp_path / "run" / "train").Graph()
    names = {node.name for node in graph.node}
    assert {"input", "net/hidden/kernel", "net/hidden/MatMul", "net/logits/bias", "target"} <= names
    assert not [name for name in names if name.startswith("net_")]
    sources = {mention.removeprefix("^").partition(":")[0] for node in graph.node for mention in node.input}
    assert sources <= names


@pytest.mark.parametrize("validated", [pytest.param(False, marks=pytest.mark.long), True])
def test_training_numbers_are_the_means_since_the_last_point_up_to_the_last_step(
    corners: Dataset, other_corners: Dataset, tmp_path: Path, validated: bool
) -> None:
    model = sequential()
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    losses: list[float] = [0.0]
    every_step = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: losses.append(logs["loss"] * (batch + 1))
    )
    model.fit(
        corners.samples,
        corners.labels,
        batch_size=100,
        verbose=0,
        callbacks=[every_step, lab.TrainingSummaries(tmp_path / "run", other_corners, every=3)],
        validation_data=(corners.samples, corners.labels) if validated else None,  # which begins the means anew
    )
    train = events(tmp_path / "run" / "train")
    assert steps(train, "loss") == [3, 6, 7]
    means = [float(make_ndarray(each.tensor_proto)) for each in train.Tensors("loss")]
    expected = [(losses[3] - losses[0]) / 3, (losses[6] - losses[3]) / 3, losses[7] - losses[6]]
    assert means == pytest.approx(expected, rel=1e-3)


def test_a_training_shorter_than_the_interval_has_a_point_of_everything_and_none_twice(
    corners: Dataset, other_corners: Dataset, tmp_path: Path
) -> None:
    for every in (7, 100):
        model = sequential()
        model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
        summaries = lab.TrainingSummaries(tmp_path / str(every), other_corners, every=every)
        model.fit(corners.samples, corners.labels, batch_size=100, verbose=0, callbacks=[summaries])
        train, test = (events(tmp_path / str(every) / part) for part in ("train", "test"))
        assert steps(train, "loss") == steps(train, "accuracy") == steps(test, "loss") == [7]
        assert steps(train, "hidden/kernel") == [0, 7]
        hparams = [each for each in lab.doctor(tmp_path / str(every)).findings if each.tab == "HParams"]
        assert hparams == []


def test_pictures_can_be_seen(corners: Dataset, other_corners: Dataset, tmp_path: Path) -> None:
    fitted(sequential(), corners, other_corners, tmp_path / "run")
    test = events(tmp_path / "run" / "test")
    width, height, *pictures = last(test, "input")
    assert len(pictures) == 10
    shown = np.asarray(Image.open(io.BytesIO(pictures[0])))
    assert shown.shape == (int(height), int(width)) == (112, 112)
    np.testing.assert_array_equal(shown[::14, ::14], other_corners.samples[0])
    for tag in ("misclassified", "confusion_matrix"):
        assert np.asarray(Image.open(io.BytesIO(last(test, tag)[2]))).std() > 10


def test_a_regression_without_pictures_or_classes_gets_what_it_has(tmp_path: Path) -> None:
    numbers = np.random.default_rng(0)
    x = numbers.normal(size=(60, 3)).astype(np.float32)
    y = x.sum(axis=1) + 0.5
    model = keras.Sequential([keras.Input((3,)), layers.Dense(1, name="out")])
    model.compile("sgd", "mse", metrics=["mae"])
    summaries = lab.TrainingSummaries(tmp_path / "run", (x, y), every=2, hparams={"rate": 0.1, "kind": "sgd"})
    model.fit(x, y, batch_size=20, epochs=2, verbose=0, callbacks=[summaries])
    train, test = events(tmp_path / "run" / "train"), events(tmp_path / "run" / "test")
    assert {"loss", "mae"} <= set(train.Tags()["tensors"])
    assert last(test, "loss") == pytest.approx(model.evaluate(x, y, verbose=0)[0], rel=1e-3)
    assert not {"accuracy", "input", "confusion_matrix"} & set(test.Tags()["tensors"])


def test_weights_that_are_not_finite_stop_nothing(corners: Dataset, tmp_path: Path) -> None:
    model = sequential()
    model.layers[2].set_weights([np.full((64, 9), np.nan, np.float32), np.zeros(9, np.float32)])
    fitted(model, corners, corners, tmp_path / "run")
    assert np.isnan(last(events(tmp_path / "run" / "train"), "hidden/kernel/mean"))


def test_what_cannot_be_used_is_said_at_once(tmp_path: Path) -> None:
    x = np.zeros((3, 2))
    with pytest.raises(InputError, match="every is out of range"):
        lab.TrainingSummaries(tmp_path, x, every=0)
    with pytest.raises(ShapeMismatch, match="3 samples and 2 labels"):
        lab.TrainingSummaries(tmp_path, (x, [0, 1]))
    with pytest.raises(EmptyData, match="no samples"):
        lab.TrainingSummaries(tmp_path, np.zeros((0, 2)))
