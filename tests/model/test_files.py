"""A model file carries its card wherever it goes, and is there whole or not at all."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedding_lab.errors import BrokenFile, InputError, StorageError, UnknownVersion
from embedding_lab.frameworks.keras import weights_fingerprint
from embedding_lab.model import ModelCard, build, load_model, save_model
from embedding_lab.model.files import CARD


@pytest.fixture(scope="module")
def model() -> Any:
    return build("dense16", shape=(4, 4), classes=3)


@pytest.fixture(scope="module")
def card(model: Any) -> ModelCard:
    return ModelCard(
        model="dense16",
        fingerprint=weights_fingerprint(model),
        class_names=("null", "eins", "zwölf"),
        dataset="some",
        dataset_fingerprint="0123456789abcdef",
        seed=0,
        epochs=5,
        batch_size=32,
        learning_rate=1e-3,
        lab_version="0.1.0",
    )


@pytest.fixture
def saved(model: Any, card: ModelCard, tmp_path: Path) -> Path:
    save_model(model, card, tmp_path / "model.keras")
    return tmp_path / "model.keras"


def with_card(path: Path, text: str) -> Path:
    """The same archive with another card."""
    other = path.with_name("other.keras")
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(other, "w") as target:
        for name in source.namelist():
            target.writestr(name, text if name == CARD else source.read(name))
    return other


def test_a_moved_file_still_has_its_card(model: Any, card: ModelCard, saved: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    moved = shutil.move(saved, tmp_path / "elsewhere" / "renamed.keras")
    read, its_card = load_model(moved)
    assert its_card == card
    samples = np.random.default_rng(0).integers(0, 256, (3, 4, 4), dtype=np.uint8)
    np.testing.assert_array_equal(read.predict_on_batch(samples), model.predict_on_batch(samples))


def test_keras_itself_reads_the_file(saved: Path) -> None:
    import keras

    assert len(keras.saving.load_model(saved).layers) == 4


def test_a_model_of_anybodys_has_no_card(model: Any, tmp_path: Path) -> None:
    model.save(tmp_path / "theirs.keras")
    assert load_model(tmp_path / "theirs.keras")[1] is None


def test_saving_again_replaces_the_file_and_leaves_nothing_else(model: Any, card: ModelCard, saved: Path) -> None:
    save_model(model, card, saved)
    assert list(saved.parent.iterdir()) == [saved]


def test_an_error_while_saving_leaves_the_older_file(
    model: Any, card: ModelCard, saved: Path, monkeypatch: Any
) -> None:
    before = saved.read_bytes()

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StorageError, match="disk is full"):
        save_model(model, card, saved)
    assert saved.read_bytes() == before
    assert list(saved.parent.iterdir()) == [saved]


def test_weights_that_are_not_the_cards_are_refused(saved: Path, card: ModelCard) -> None:
    said = json.loads(card.to_json()) | {"fingerprint": "0" * 16}
    with pytest.raises(BrokenFile, match="not those its model card describes"):
        load_model(with_card(saved, json.dumps(said)))


@pytest.mark.parametrize(
    "text", ["", "[]", "null", "{}", '{"version": "x"}', '{"version": 1, "model": 3}', '{"version": 1}']
)
def test_a_broken_card_is_said(saved: Path, text: str) -> None:
    with pytest.raises(BrokenFile, match="model card"):
        load_model(with_card(saved, text))


def test_a_card_of_a_newer_version_is_said(saved: Path) -> None:
    with pytest.raises(UnknownVersion, match="pip install --upgrade embedding-lab"):
        load_model(with_card(saved, '{"version": 2}'))


def test_only_one_ending_is_a_model(model: Any, card: ModelCard, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"ends in \.keras"):
        save_model(model, card, tmp_path / "model.h5")


@given(
    st.builds(
        ModelCard,
        class_names=st.lists(st.text()).map(tuple),
        learning_rate=st.floats(allow_nan=False, allow_infinity=False),
        **{name: st.text() for name in ("model", "fingerprint", "dataset", "dataset_fingerprint", "lab_version")},
        **{name: st.integers() for name in ("seed", "epochs", "batch_size")},
    )
)
def test_any_card_survives_being_written(card: ModelCard) -> None:
    assert ModelCard.from_json(card.to_json().encode("utf-8", "surrogatepass"), "here") == card


def test_keys_of_later_versions_are_left_aside(card: ModelCard) -> None:
    said = json.loads(card.to_json()) | {"mood": "good"}
    assert ModelCard.from_json(json.dumps(said), "here") == card
