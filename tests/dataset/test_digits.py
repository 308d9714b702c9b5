"""The digits of scikit-learn: real, there without a network, and divided once and for all."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits

from embedding_lab.dataset import load_dataset

CLASSES = 10


def test_they_are_scikit_learns_digits_as_raw_pictures() -> None:
    data = load_dataset("digits", split="all")
    ours = {(picture.tobytes(), label) for picture, label in zip(data.samples, data.labels, strict=True)}
    raw = load_digits()
    scaled = np.rint(raw.images / 16 * 255).astype(np.uint8)
    assert ours == {(picture.tobytes(), label) for picture, label in zip(scaled, raw.target, strict=True)}
    assert data.pictures
    assert data.samples.shape == (1797, 8, 8)
    assert (data.samples.min(), data.samples.max()) == (0, 255)
    assert data.class_names == tuple("0123456789")


def test_the_parts_are_disjoint_and_make_up_the_whole() -> None:
    train, test, whole = (load_dataset("digits", split=split) for split in ("train", "test", "all"))
    assert (len(train), len(test)) == (1352, 445)
    assert whole.ids.tolist() == [*train.ids, *test.ids]
    np.testing.assert_array_equal(whole.samples, np.concatenate([train.samples, test.samples]))
    assert test.ids[[0, -1]].tolist() == ["digits/test/00000", "digits/test/00444"]


def test_every_class_gives_a_quarter_to_the_test_part() -> None:
    train, test = (load_dataset("digits", split=split) for split in ("train", "test"))
    in_train, in_test = (np.bincount(data.labels, minlength=CLASSES) for data in (train, test))
    np.testing.assert_array_equal(in_test, (in_train + in_test) // 4)


@pytest.mark.parametrize(("split", "fingerprint"), [("train", "a9b5354d585087d7"), ("test", "62874c4a36d54c6e")])
def test_the_division_never_changes(split: str, fingerprint: str) -> None:
    assert load_dataset("digits", split=split).fingerprint == fingerprint
