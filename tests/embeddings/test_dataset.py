"""A dataset refuses what does not fit together, and ties every sample to one id."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest

from embedding_lab.embeddings import Dataset, as_dataset
from embedding_lab.embeddings.dataset import array_parts, numbered_ids
from embedding_lab.errors import DuplicateIds, EmptyData, InputError, ShapeMismatch


def test_ids_are_numbered_when_none_are_given() -> None:
    assert list(as_dataset(np.zeros((3, 2)), name="mine").ids) == ["mine/00000", "mine/00001", "mine/00002"]


def test_a_dataset_comes_back_as_it_is(data: Dataset) -> None:
    assert as_dataset(data) is data


def test_an_array_is_kept_and_not_copied() -> None:
    samples = np.zeros((3, 2))
    assert as_dataset(samples).samples is samples


def test_text_labels_become_classes_in_alphabetical_order() -> None:
    found = as_dataset(np.zeros((4, 1)), labels=["cat", "ant", "cat", ""])
    assert found.class_names == ("ant", "cat")
    assert found.labels is not None
    assert list(found.labels) == [1, 0, 1, -1]
    assert found.label_texts is not None
    assert list(found.label_texts) == ["cat", "ant", "cat", ""]


def test_taking_rows_takes_every_part(data: Dataset) -> None:
    part = data.take([5, 1])
    assert list(part.ids) == ["tiny/00005", "tiny/00001"]
    assert part.labels is not None
    assert list(part.labels) == [1, 1]
    assert np.array_equal(part.samples, data.samples[[5, 1]])
    assert list(part.columns["note"]) == ["ünïcode", "tab\there"]


@pytest.mark.parametrize("shape", [(2, 4, 4), (2, 4, 4, 3)])
def test_raw_uint8_pictures_can_be_shown(shape: tuple[int, ...]) -> None:
    pictures = np.zeros(shape, np.uint8)
    assert as_dataset(pictures).shown is pictures


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.str_])
def test_a_fingerprint_is_that_of_the_samples_at_once_but_reads_numbers_in_small_blocks(dtype: Any) -> None:
    class Read:
        asked = 0

        def __len__(self) -> int:
            return len(samples)

        def __getitem__(self, rows: Any) -> Any:
            self.asked = max(self.asked, len(rows))
            return samples[rows]

    samples = np.arange(3000).reshape(1500, 2).astype(dtype)
    read = Read()
    data = Dataset("read", read, numbered_ids("read", 1500))
    spread = np.unique(np.linspace(0, 1499, 1024).astype(np.int64))
    whole = hashlib.sha256("\n".join(data.ids).encode() + b"".join(array_parts(samples[spread])))
    assert data.fingerprint == whole.hexdigest()[:16]
    assert read.asked == (1024 if dtype is np.str_ else 64)


@pytest.mark.parametrize(("start", "count"), [(0, 0), (0, 3), (9_998, 4), (99_990, 20), (999_999, 2)])
def test_numbered_ids_have_five_digits_or_more(start: int, count: int) -> None:
    expected = [f"größe/{number:05d}" for number in range(start, start + count)]
    assert numbered_ids("größe", count, start).tolist() == expected


def test_a_fingerprint_tells_other_content_apart(data: Dataset) -> None:
    again = data.take(slice(None))
    assert again.fingerprint == data.fingerprint
    changed = np.array(data.samples)
    changed[3, 2, 1] ^= 1
    other = Dataset(data.name, changed, data.ids, data.labels, data.class_names)
    assert other.fingerprint != data.fingerprint


def test_no_samples_are_refused() -> None:
    with pytest.raises(EmptyData, match="no samples"):
        as_dataset(np.zeros((0, 3)))


def test_labels_of_another_length_are_refused_with_both_numbers() -> None:
    with pytest.raises(ShapeMismatch, match="2 for 3 ids"):
        as_dataset(np.zeros((3, 1)), labels=[0, 1])


def test_repeated_ids_are_refused_by_name() -> None:
    with pytest.raises(DuplicateIds, match="'b' twice"):
        as_dataset(np.zeros((3, 1)), ids=["a", "b", "b"])


@pytest.mark.parametrize("labels", [[0, 3], [-2, 0]])
def test_labels_outside_the_classes_are_refused(labels: list[int]) -> None:
    with pytest.raises(InputError, match="outside its classes"):
        as_dataset(np.zeros((2, 1)), labels=labels, class_names=["a", "b"])


def test_a_class_nobody_named_is_refused() -> None:
    with pytest.raises(InputError, match="'dog'"):
        as_dataset(np.zeros((2, 1)), labels=["cat", "dog"], class_names=["cat"])


def test_labels_that_are_no_whole_numbers_are_refused() -> None:
    with pytest.raises(InputError, match="neither whole numbers nor text"):
        as_dataset(np.zeros((2, 1)), labels=[0.5, 1.0])


def test_none_among_texts_means_not_labelled() -> None:
    data = as_dataset(np.zeros((3, 2)), labels=["cat", None, "dog"])
    assert data.class_names == ("cat", "dog")
    assert data.labels is not None
    assert list(data.labels) == [0, -1, 1]


def test_labels_without_names_may_be_any_numbers() -> None:
    data = as_dataset(np.zeros((3, 2)), labels=[20_240_101_000, -1, 7])
    assert data.label_texts is not None
    assert list(data.label_texts) == ["20240101000", "", "7"]


def test_a_tensor_becomes_an_array() -> None:
    class Tensor:
        """As frameworks have it: a shape and a dtype of their own."""

        shape, dtype = (2, 3), "uint8 of theirs"

        def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
            return np.zeros(self.shape, np.uint8)

    assert isinstance(as_dataset(Tensor()).samples, np.ndarray)
