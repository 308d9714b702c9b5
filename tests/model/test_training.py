"""Training learns, gives the same weights for the same seed, and leaves a whole model or none."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embedding_lab.embeddings import Dataset, as_dataset
from embedding_lab.errors import EmptyData, InputError, NotFinite, ShapeMismatch, UnknownName
from embedding_lab.frameworks.keras import weights_fingerprint
from embedding_lab.model import TrainedModel, build, load_model, train


@pytest.fixture(scope="module")
def trained(corners: Dataset, other_corners: Dataset, tmp_path_factory: pytest.TempPathFactory) -> TrainedModel:
    return train("dense16", corners, other_corners, run_dir=tmp_path_factory.mktemp("run"), epochs=8, batch_size=16)


@pytest.mark.mnist
@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.long) for seed in (1, 2))])
def test_five_epochs_of_mnist_reach_93_percent(mnist: dict[str, Dataset], tmp_path: Path, seed: int) -> None:
    done = train("dense16", mnist["train"], mnist["test"], seed=seed, run_dir=tmp_path, summaries=False)
    assert done.test_accuracy is not None
    assert done.test_accuracy >= 0.93
    assert done.train_accuracy >= 0.93


def test_it_learns_and_says_how_well(trained: TrainedModel, other_corners: Dataset) -> None:
    assert trained.test_accuracy is not None
    assert trained.test_accuracy > 0.95
    said = trained.model.predict(other_corners.samples, verbose=0).argmax(axis=1)
    assert trained.test_accuracy == pytest.approx(np.mean(said == other_corners.labels))
    assert trained.elapsed_seconds > 0


def test_the_model_is_the_tutorials(trained: TrainedModel) -> None:
    layers = [(type(layer).__name__, layer.name, layer.output.shape) for layer in trained.model.layers]
    assert layers == [
        ("Rescaling", "rescaling", (None, 8, 8)),
        ("Flatten", "flatten", (None, 64)),
        ("Dense", "embed_layer", (None, 16)),
        ("Dense", "output", (None, 4)),
    ]
    assert trained.model.layers[2].activation.__name__ == "relu"
    assert trained.model.layers[3].activation.__name__ == "softmax"
    assert trained.model.loss == "sparse_categorical_crossentropy"


def test_the_card_says_what_it_was_trained_on(trained: TrainedModel, corners: Dataset) -> None:
    card = trained.card
    assert (card.model, card.dataset, card.class_names) == ("dense16", "corners", ("nw", "ne", "sw", "se"))
    assert card.dataset_fingerprint == corners.fingerprint
    assert (card.seed, card.epochs, card.batch_size) == (0, 8, 16)


def test_the_run_holds_the_model_and_an_event_file(trained: TrainedModel) -> None:
    files = [each.name for each in trained.path.parent.iterdir()]
    assert {name.split(".")[0] for name in files} == {"checkpoints", "events", "model", "test", "train"}
    model, card = load_model(trained.path)
    assert card == trained.card
    assert weights_fingerprint(model) == weights_fingerprint(trained.model)


SCRIPT = """
import sys
import numpy as np
from embedding_lab.embeddings import as_dataset
from embedding_lab.model import train
pictures = np.random.default_rng(0).integers(0, 256, (3000, 28, 28), dtype=np.uint8)
data = as_dataset(pictures, labels=np.arange(3000) % 10)
print(train("dense16", data, seed=int(sys.argv[1]), epochs=2, run_dir=sys.argv[2]).card.fingerprint)
"""


@pytest.mark.long
@pytest.mark.usefixtures("with_keras")
def test_the_same_seed_gives_the_same_weights_in_two_processes_and_another_seed_others(
    tmp_path: Path, monkeypatch: Any, capsys: Any
) -> None:
    command = [sys.executable, "-c", SCRIPT, "3", str(tmp_path / "there")]
    there = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    here = {}
    for seed in ("3", "4"):
        monkeypatch.setattr(sys, "argv", ["", seed, str(tmp_path / seed)])
        exec(SCRIPT, {})
        here[seed] = capsys.readouterr().out
    assert here["3"] == there
    assert here["4"] != there


def test_training_twice_in_one_process_gives_the_same_weights(
    trained: TrainedModel, corners: Dataset, tmp_path: Path
) -> None:
    again = train("dense16", corners, run_dir=tmp_path, epochs=8, batch_size=16)
    assert again.card.fingerprint == trained.card.fingerprint
    assert again.test_accuracy is None


@pytest.mark.usefixtures("with_keras")
def test_nobodys_random_numbers_are_disturbed(corners: Dataset, tmp_path: Path) -> None:
    import tensorflow

    def next_numbers(between: Callable[[], object]) -> tuple[float, float, float]:
        tensorflow.random.set_seed(5)
        random.seed(5)
        np.random.seed(5)  # noqa: NPY002  (the global generator is what must be left alone)
        between()
        return random.random(), np.random.random(), float(tensorflow.random.uniform(()))  # noqa: NPY002

    alone = next_numbers(lambda: None)
    assert next_numbers(lambda: train("dense16", corners, run_dir=tmp_path, epochs=1)) == alone


def test_samples_without_a_label_are_left_out(corners: Dataset, tmp_path: Path) -> None:
    assert corners.labels is not None
    labels = corners.labels.copy()
    labels[::2] = -1
    half = replace(corners, labels=labels)
    done = train("dense16", half, run_dir=tmp_path, epochs=8, batch_size=16)
    assert done.train_accuracy > 0.9


def test_fewer_samples_than_a_batch_are_one_batch(corners: Dataset, tmp_path: Path) -> None:
    done = train("dense16", corners.take(slice(0, 7)), run_dir=tmp_path, epochs=2, batch_size=32)
    assert done.card.batch_size == 7


def test_progress_counts_every_sample_of_every_epoch(corners: Dataset, tmp_path: Path) -> None:
    told: list[tuple[str, int, int | None]] = []
    train("dense16", corners, run_dir=tmp_path, epochs=2, batch_size=100, progress=lambda *each: told.append(each))
    assert {stage for stage, _, _ in told} == {"train samples"}
    assert list(dict.fromkeys(done for _, done, _ in told)) == [0, 700, 1400]
    assert {total for _, _, total in told} == {1400}


def test_numbers_serve_where_classes_have_no_names(corners: Dataset, tmp_path: Path) -> None:
    nameless = replace(corners, class_names=None)
    assert train("dense16", nameless, run_dir=tmp_path, epochs=1).card.class_names == ("0", "1", "2", "3")


def test_an_interrupted_training_leaves_no_model_and_an_older_one_alone(corners: Dataset, tmp_path: Path) -> None:
    def interrupt(stage: str, done: int, total: int | None) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train("dense16", corners, run_dir=tmp_path, progress=interrupt)
    assert [each.name for each in tmp_path.iterdir() if "model" in each.name] == []
    older = train("dense16", corners, run_dir=tmp_path, epochs=1)
    with pytest.raises(KeyboardInterrupt):
        train("dense16", corners, run_dir=tmp_path, progress=interrupt)
    assert load_model(older.path)[1] == older.card


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        ({"epochs": 0}, InputError),
        ({"batch_size": 0}, InputError),
        ({"learning_rate": 0.0}, InputError),
        ({"learning_rate": float("nan")}, InputError),
        ({"seed": -1}, InputError),
        ({"steps": 0}, InputError),
        ({"dropout": 1.0}, InputError),
        ({"dropout": -0.1}, InputError),
    ],
)
def test_numbers_out_of_range_are_refused_before_anything_is_made(
    corners: Dataset, tmp_path: Path, wrong: dict[str, Any], kind: type[Exception]
) -> None:
    with pytest.raises(kind, match=next(iter(wrong))):
        train("dense16", corners, run_dir=tmp_path / "run", **wrong)
    assert not (tmp_path / "run").exists()


def test_an_unknown_model_is_answered_with_the_known_ones(corners: Dataset, tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="one of dense16, mlp, cnn"):
        train("dense17", corners, run_dir=tmp_path)


def test_data_without_labels_or_samples_is_refused(corners: Dataset, tmp_path: Path) -> None:
    with pytest.raises(EmptyData, match="no labels"):
        train("dense16", replace(corners, labels=None), run_dir=tmp_path)
    with pytest.raises(InputError, match="table only"):
        train("dense16", replace(corners, samples=None), run_dir=tmp_path)


def test_test_samples_of_another_shape_are_refused(corners: Dataset, tmp_path: Path) -> None:
    other = as_dataset(np.zeros((3, 9, 9), np.uint8), labels=[0, 1, 2])
    with pytest.raises(ShapeMismatch, match=r"\(9, 9\).*\(8, 8\)"):
        train("dense16", corners, other, run_dir=tmp_path)


def test_a_diverging_training_is_said_and_saved_nowhere(corners: Dataset, tmp_path: Path) -> None:
    with pytest.raises(NotFinite, match="diverged in epoch 1"):
        train("dense16", corners, run_dir=tmp_path, learning_rate=1e38)
    assert not (tmp_path / "model.keras").exists()


def test_a_dataset_of_any_shape_and_number_of_classes_can_be_learned() -> None:
    model = build("dense16", shape=(5, 7, 3), classes=23)
    assert model.output_shape == (None, 23)
    assert model.count_params() == (5 * 7 * 3 + 1) * 16 + 17 * 23


def test_the_second_tutorials_model(corners: Dataset, other_corners: Dataset, tmp_path: Path) -> None:
    model = build("mlp", shape=(28, 28), classes=10)
    layers = [(type(layer).__name__, layer.name, layer.output.shape) for layer in model.layers]
    assert layers == [
        ("Rescaling", "rescaling", (None, 28, 28)),
        ("Flatten", "flatten", (None, 784)),
        ("Dense", "hidden", (None, 500)),
        ("Dropout", "dropout", (None, 500)),
        ("Dense", "logits", (None, 10)),
    ]
    kernel, bias = model.get_layer("hidden").get_weights()
    assert np.abs(kernel).max() <= 0.2  # cut at two standard deviations
    assert kernel.std() == pytest.approx(0.088, abs=0.002)  # what is left of 0.1
    assert (bias == np.float32(0.1)).all()
    assert float(model.optimizer.learning_rate) == pytest.approx(1e-3)
    done = train("mlp", corners, other_corners, run_dir=tmp_path, steps=40)
    assert (done.steps, done.card.batch_size) == (40, 100)
    assert done.test_accuracy is not None
    assert done.test_accuracy > 0.95


@pytest.mark.long
@pytest.mark.mnist
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_cnn_reaches_99_percent(mnist: dict[str, Dataset], tmp_path: Path, seed: int) -> None:
    done = train("cnn", mnist["train"], mnist["test"], seed=seed, run_dir=tmp_path)
    assert done.test_accuracy is not None
    assert done.test_accuracy >= 0.99


def test_the_cnn_learns_pictures_in_grey_and_in_colour(
    corners: Dataset, other_corners: Dataset, tmp_path: Path
) -> None:
    done = train("cnn", corners, other_corners, run_dir=tmp_path, epochs=4, batch_size=32)
    assert done.test_accuracy is not None
    assert done.test_accuracy > 0.95
    assert build("cnn", shape=(9, 7, 3), classes=5).output_shape == (None, 5)


def test_the_learning_rate_of_the_cnn_falls_to_nothing() -> None:
    model = build("cnn", shape=(8, 8), classes=4, steps=100)
    model.optimizer.iterations.assign(100)
    assert float(model.optimizer.learning_rate) == pytest.approx(0, abs=1e-9)
