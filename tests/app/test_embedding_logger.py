"""The embedding logger keeps what layers make of the same samples at chosen steps, and disturbs nothing."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import embedding_lab as lab
from embedding_lab.errors import InputError, MissingDependency

keras = pytest.importorskip("keras", reason='no Keras: pip install "embedding-lab[tensorflow]"')


def data() -> lab.Dataset:
    pictures = np.random.default_rng(0).integers(0, 256, (120, 4, 4), dtype=np.uint8)
    return lab.as_dataset(pictures, labels=np.arange(120) % 3)


def model() -> Any:
    keras.utils.set_random_seed(1)
    layers = keras.layers
    made = keras.Sequential(
        [
            keras.Input((4, 4)),
            layers.Rescaling(1 / 255),
            layers.Flatten(),
            layers.Dense(5, activation="relu", name="hidden"),
            layers.Dropout(0.5),
            layers.Dense(3, activation="softmax", name="output"),
        ]
    )
    made.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return made


def fit(callbacks: list[Any], seed: int = 2) -> Any:
    made, samples = model(), data()
    keras.utils.set_random_seed(seed)
    made.fit(samples.samples, samples.labels, batch_size=12, epochs=2, verbose=0, callbacks=callbacks)
    return made


def test_the_same_samples_are_kept_at_the_first_the_chosen_and_the_last_step(tmp_path: Path) -> None:
    logger = lab.EmbeddingLogger(tmp_path / "run", data(), layers="hidden", every=8, samples=30)
    made = fit([logger.keras()])
    run = lab.open_run(tmp_path / "run")
    assert run.layers == ["hidden"]
    assert run.steps("hidden") == [0, 8, 16, 20]
    kept = [run.embeddings("hidden", step) for step in run.steps("hidden")]
    assert len({tuple(each.ids) for each in kept}) == 1
    assert len(kept[0]) == 30
    rows = [int(name.rpartition("/")[2]) for name in kept[0].ids]
    hidden = keras.Model(made.inputs[0], made.get_layer("hidden").output)
    expected = keras.ops.convert_to_numpy(hidden(data().samples[rows]))
    np.testing.assert_allclose(kept[-1].vectors, expected, rtol=1e-5, atol=1e-6)
    assert np.abs(kept[0].vectors - kept[-1].vectors).max() > 0
    config = (tmp_path / "run" / "projector_config.pbtxt").read_text()
    assert all(f"step {step:05}" in config for step in (0, 8, 16, 20))


def test_once_an_epoch_when_that_is_asked_for(tmp_path: Path) -> None:
    fit([lab.EmbeddingLogger(tmp_path / "run", data(), layers="hidden", every="epoch").keras()])
    assert lab.open_run(tmp_path / "run").steps("hidden") == [0, 10, 20]


def test_unasked_at_least_before_the_first_and_after_the_last_step(tmp_path: Path) -> None:
    fit([lab.EmbeddingLogger(tmp_path / "run", data(), layers="hidden").keras()])
    assert {0, 20} <= set(lab.open_run(tmp_path / "run").steps("hidden")) <= {0, 10, 20}


def test_training_goes_as_it_would_without(tmp_path: Path) -> None:
    watched = fit([lab.EmbeddingLogger(tmp_path / "run", data(), every=3).keras()])
    plain = fit([])
    for ours, theirs in zip(watched.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert watched.history.history == plain.history.history


def test_it_logs_when_asked(tmp_path: Path) -> None:
    logger = lab.EmbeddingLogger(tmp_path / "run", data(), layers=["hidden", "output"])
    export = logger.log(model(), step=7)
    assert len(export.tensors) == 4
    assert lab.open_run(tmp_path / "run").steps("output") == [7]


def test_a_loop_of_any_kind_is_logged_at_its_steps(tmp_path: Path) -> None:
    weights = np.eye(16, 3)
    logger = lab.EmbeddingLogger(tmp_path / "run", data(), every=4)
    for step in range(1, 10):
        weights += 0.1

        def model(pictures: Any, weights: Any = weights) -> Any:
            return pictures.reshape(len(pictures), 16) @ weights

        logged = logger.step(model, step)
        assert (logged is not None) == (step in (1, 4, 8))
    assert lab.open_run(tmp_path / "run").steps("output") == [1, 4, 8]
    with pytest.raises(InputError, match="end of each epoch"):
        lab.EmbeddingLogger(tmp_path / "run", data(), every="epoch").step(model, 1)


def test_the_pictures_of_the_samples_are_kept_also_where_they_are_floats(tmp_path: Path) -> None:
    samples = np.random.default_rng(0).random((20, 3, 8, 8), np.float32)
    lab.EmbeddingLogger(tmp_path / "run", samples).log(lambda pictures: pictures.mean((2, 3)), 1)
    assert list((tmp_path / "run").glob("plugins/embedding_lab/samples/*/thumbnails/*.png"))


def test_without_lightning_the_install_command_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("lightning", "lightning.pytorch", "pytorch_lightning"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingDependency, match="pip install lightning"):
        lab.EmbeddingLogger(tmp_path, data()).lightning()


def test_an_interval_out_of_range_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="every is out of range"):
        lab.EmbeddingLogger(tmp_path, data(), every=0)
