"""The failures that an API leads into: ours does not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import embedding_lab as lab


def test_logging_and_launching_again_shows_the_new_points(desk: Any, asked: Any) -> None:
    def shown() -> set[bytes]:
        with lab.launch(desk.root, port=0) as board:
            listed = asked(board.url).json("plugin/projector/info", run="run")["embeddings"]
            return {
                asked(board.url)("plugin/projector/tensor", run="run", name=each["tensorName"]) for each in listed
            }

    lab.log_embeddings(desk.root / "run", np.eye(5), layer="mine")
    before = shown()
    lab.log_embeddings(desk.root / "run", np.arange(15).reshape(5, 3), layer="mine")
    after = shown()
    assert len(before) == len(after) == 2
    assert not before & after


def test_no_folder_has_to_be_made_before_logging(desk: Any) -> None:
    lab.log_embeddings(desk.root / "not" / "yet" / "there", np.eye(5), layer="mine")
    assert set(desk.examine().tabs["Projector"]) == {"not/yet/there"}


def test_logging_twice_erases_nothing(desk: Any) -> None:
    lab.log_embeddings(desk.root / "run", np.eye(5), layer="first")
    lab.log_embeddings(desk.root / "run", np.eye(5), layer="second")
    shown = desk.examine().tabs["Projector"]["run"]
    assert "first" in shown
    assert "second" in shown


def test_a_finished_map_is_drawn_and_needs_neither_a_mean_of_zero_nor_lengths_of_one(desk: Any) -> None:
    lab.log_embeddings(desk.root / "run", np.random.default_rng(0).normal(size=(60, 5)), layer="mine")
    lab.project_run(desk.root / "run", dims=2, max_iter=60)
    examined = desk.examine()
    assert "t-SNE 2-D" in examined.tabs["Projector"]["run"]
    assert not [each for each in examined.findings if "t-SNE 2-D" in each.happened]


@pytest.mark.usefixtures("whatever_is_installed")
def test_logging_goes_through_no_file_layer_of_a_framework(desk: Any) -> None:
    script = (
        "import sys, numpy, embedding_lab as lab; lab.log_embeddings(sys.argv[1], numpy.eye(5), layer='mine'); "
        "print(*sys.modules)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script, str(desk.root / "run")], capture_output=True, text=True, check=True
    )
    assert not {"tensorflow", "torch"} & set(ended.stdout.split())


def test_a_sequential_model_without_an_input_can_be_extracted_from_also_after_loading(tmp_path: Path) -> None:
    keras = pytest.importorskip("keras", reason="Keras models need Keras: pip install 'embedding-lab[tensorflow]'")
    model = keras.Sequential([keras.layers.Dense(4, name="hidden"), keras.layers.Dense(2)])
    data = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    sets = lab.extract(model, data, layers=["hidden"])
    assert sets["hidden"].vectors.shape == (6, 4)
    model.save(tmp_path / "model.keras")
    again = lab.extract(keras.models.load_model(tmp_path / "model.keras"), data, layers=["hidden"])
    np.testing.assert_allclose(again["hidden"].vectors, sets["hidden"].vectors, rtol=1e-5)
