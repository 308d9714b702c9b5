"""The one public door: names, paths, splits, samples."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from embedding_lab.dataset import NAMES, load_dataset
from embedding_lab.errors import BrokenFile, DataMissing, InputError, UnknownName


def test_the_names_that_are_known() -> None:
    assert NAMES == ("mnist", "fashion-mnist", "kmnist", "digits")


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UnknownName, match=r"'minst'.*mnist, fashion-mnist, kmnist, digits.*path"):
        load_dataset("minst")


@pytest.mark.parametrize("path", ["./mnist", "no/where", "nowhere.npz", Path("mnist")])
def test_a_path_that_leads_nowhere_is_called_a_path(
    path: str | Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataMissing, match=r"nothing at|no file"):
        load_dataset(path)


def test_a_folder_that_bears_a_known_name_is_reached_as_a_path(
    own_idx_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_idx_folder.rename(own_idx_folder.with_name("digits"))
    monkeypatch.chdir(own_idx_folder.parent)
    assert len(load_dataset("./digits")) == 4
    assert len(load_dataset("digits")) == 445


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("1,2")
    with pytest.raises(InputError, match=r"table\.csv is not a dataset.*\.npz"):
        load_dataset(path)


@pytest.mark.parametrize("split", ["", "val", "Test", "both"])
def test_an_unknown_split_is_answered_with_the_known_ones(split: str) -> None:
    with pytest.raises(UnknownName, match="train, test, all"):
        load_dataset("digits", split=split)


def test_a_sample_keeps_the_order_the_shares_and_the_ids() -> None:
    whole, sample = load_dataset("digits"), load_dataset("digits", samples=100, seed=5)
    rows = np.flatnonzero(np.isin(whole.ids, sample.ids))
    assert whole.ids[rows].tolist() == sample.ids.tolist()
    np.testing.assert_array_equal(whole.samples[rows], sample.samples)
    counts = np.bincount(sample.labels, minlength=10)
    assert counts.min() >= 9
    assert counts.max() <= 11
    assert load_dataset("digits", samples=100, seed=5).fingerprint == sample.fingerprint
    assert load_dataset("digits", samples=100, seed=6).fingerprint != sample.fingerprint


def test_more_samples_than_there_are_says_how_many_there_are() -> None:
    with pytest.raises(InputError, match="445"):
        load_dataset("digits", samples=446)


# ----------------------------------------------------------------------------- IDX files of the user's own


def test_a_folder_of_idx_files_is_a_dataset(own_idx_folder: Path) -> None:
    data = load_dataset(own_idx_folder, split="all")
    assert data.name == "marks"
    assert data.samples.shape == (10, 2, 3)
    assert data.ids[[0, 6]].tolist() == ["marks/train/00000", "marks/test/00000"]
    assert data.labels is not None
    assert data.labels.tolist() == [0, 1, 2, 0, 1, 2, 0, 1, 2, 0]
    assert load_dataset(own_idx_folder, split="test").ids.tolist() == data.ids[6:].tolist()


def test_own_files_swapped_are_noticed(own_idx_folder: Path) -> None:
    images, labels = (own_idx_folder / f"t10k-{kind}-ubyte" for kind in ("images-idx3", "labels-idx1"))
    packed = images.with_suffix(".gz")
    labels.write_bytes(packed.read_bytes())
    with pytest.raises(BrokenFile, match=r"t10k-labels-idx1-ubyte does not hold labels.*swapped"):
        load_dataset(own_idx_folder)


def test_own_files_whose_counts_differ_are_noticed(own_idx_folder: Path) -> None:
    train, test = (own_idx_folder / f"{part}-labels-idx1-ubyte" for part in ("train", "t10k"))
    test.write_bytes(train.read_bytes())
    with pytest.raises(BrokenFile, match=r"t10k-images.* does not belong to t10k-labels.*6 samples"):
        load_dataset(own_idx_folder)


def test_own_files_of_which_one_is_missing_are_said(own_idx_folder: Path) -> None:
    (own_idx_folder / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(DataMissing, match="no t10k-labels-idx1-ubyte in"):
        load_dataset(own_idx_folder)


def test_a_part_that_is_not_there_is_answered_with_those_that_are(own_idx_folder: Path) -> None:
    for path in own_idx_folder.glob("train-*"):
        path.unlink()
    assert len(load_dataset(own_idx_folder, split="all")) == 4
    with pytest.raises(UnknownName, match="one of test, all"):
        load_dataset(own_idx_folder, split="train")


# ---------------------------------------------------------------------------------------------- manners


def test_the_room_imports_nothing_it_does_not_need_yet() -> None:
    """The network and scikit-learn cost a second, and no framework belongs in this room."""
    code = "import sys, embedding_lab.dataset; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"pooch", "requests", "sklearn", "tensorflow", "keras", "torch"} & set(run.stdout.split())
