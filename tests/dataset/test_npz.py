"""Datasets in .npz files: usual names are understood, unusual ones asked about, hostile ones refused."""

from __future__ import annotations

import io
import pickle
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from embedding_lab.dataset import load_dataset
from embedding_lab.errors import (
    BrokenFile,
    DataMissing,
    EmptyData,
    InputError,
    LabError,
    ShapeMismatch,
    UnknownName,
)

X = np.arange(5 * 6, dtype=np.uint8).reshape(5, 2, 3)
Y = np.array([0, 1, 2, 0, 1], np.uint8)


def saved(folder: Path, **arrays: Any) -> Path:
    path = folder / "marks.npz"
    np.savez(path, **arrays)
    return path


@pytest.mark.parametrize(
    ("samples", "labels"),
    [("x", "y"), ("X", "Y"), ("images", "labels"), ("samples", "label"), ("data", "target"), ("arr_0", "arr_1")],
)
def test_usual_names_are_understood(samples: str, labels: str, tmp_path: Path) -> None:
    data = load_dataset(saved(tmp_path, **{samples: X, labels: Y}))
    np.testing.assert_array_equal(data.samples, X)
    np.testing.assert_array_equal(data.labels, Y)
    assert data.name == "marks"
    assert data.ids[-1] == "marks/00004"
    assert data.splits is None


def test_parts_of_different_shapes_are_no_whole(tmp_path: Path) -> None:
    path = saved(tmp_path, x_train=X, x_test=X[:, :, :2])
    assert load_dataset(path, split="test").samples.shape == (5, 2, 2)
    with pytest.raises(ShapeMismatch, match=r"train \(2, 3\), test \(2, 2\)"):
        load_dataset(path, split="all")


def test_without_labels_there_are_none(tmp_path: Path) -> None:
    assert load_dataset(saved(tmp_path, x=X)).labels is None


def test_an_only_array_of_any_name_is_the_samples(tmp_path: Path) -> None:
    np.testing.assert_array_equal(load_dataset(saved(tmp_path, activations=X, y=Y)).samples, X)


@pytest.mark.parametrize("samples", [X, X / 7, X.astype(">f8"), np.asfortranarray(X), X.reshape(5, 6), X[:, 0, 0]])
def test_samples_stay_as_they_are(samples: NDArray[Any], tmp_path: Path) -> None:
    back = load_dataset(saved(tmp_path, x=samples)).samples
    assert back.dtype == samples.dtype
    np.testing.assert_array_equal(back, samples)


def test_compressed_files_are_read_too(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "marks.npz", x=X, y=Y)
    np.testing.assert_array_equal(load_dataset(tmp_path / "marks.npz").samples, X)


@pytest.mark.parametrize(
    "names",
    [("x_train", "y_train", "x_test", "y_test"), ("train_images", "train_labels", "test_images", "test_labels")],
)
def test_parts_as_keras_and_others_name_them(names: tuple[str, ...], tmp_path: Path) -> None:
    path = saved(tmp_path, **dict(zip(names, (X, Y, X[:2] + 1, Y[:2]), strict=True)))
    test, whole = load_dataset(path), load_dataset(path, split="all")
    assert test.ids.tolist() == ["marks/test/00000", "marks/test/00001"]
    np.testing.assert_array_equal(test.samples, X[:2] + 1)
    assert whole.ids[[0, -1]].tolist() == ["marks/train/00000", "marks/test/00001"]
    np.testing.assert_array_equal(whole.labels, [*Y, *Y[:2]])
    assert whole.splits is not None
    assert whole.splits.tolist() == ["train"] * 5 + ["test"] * 2


def test_a_class_has_one_number_in_all_parts(tmp_path: Path) -> None:
    path = saved(tmp_path, x_train=X[:2], y_train=["cat", "dog"], x_test=X[:1], y_test=["dog"])
    test = load_dataset(path)
    assert test.class_names == ("cat", "dog")
    assert test.labels is not None
    assert test.labels.tolist() == [1]


def test_a_part_without_labels_is_not_labelled(tmp_path: Path) -> None:
    data = load_dataset(saved(tmp_path, x_train=X, y_train=Y, x_test=X[:2]), split="all")
    assert data.labels is not None
    assert data.labels.tolist() == [*Y, -1, -1]


def test_class_names_may_come_along(tmp_path: Path) -> None:
    assert load_dataset(saved(tmp_path, x=X, y=Y, class_names=["a", "b", "c"])).class_names == ("a", "b", "c")


def test_labels_in_a_column_are_labels(tmp_path: Path) -> None:
    np.testing.assert_array_equal(load_dataset(saved(tmp_path, x=X, y=Y[:, None])).labels, Y)


# -------------------------------------------------------------------------------------- what is wrong


def test_one_whole_is_never_training_data(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no training part.*x_train"):
        load_dataset(saved(tmp_path, x=X), split="train")


def test_a_missing_part_is_said_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="one of train, all"):
        load_dataset(saved(tmp_path, x_train=X), split="test")


def test_names_that_say_nothing_are_asked_about(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a of shape \(5, 2, 3\), b of shape \(5,\).*np.savez"):
        load_dataset(saved(tmp_path, a=X, b=Y))


def test_names_that_say_too_much_are_asked_about(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="x and images"):
        load_dataset(saved(tmp_path, x=X, images=X))


@pytest.mark.parametrize("names", [("x", "y"), ("x_test", "y_test")])
def test_counts_that_differ_are_refused(names: tuple[str, str], tmp_path: Path) -> None:
    with pytest.raises(BrokenFile, match=r"marks\.npz.*differ in number.*\(5, 2, 3\).*\(4,\)"):
        load_dataset(saved(tmp_path, **dict(zip(names, (X, Y[:4]), strict=True))))


def test_no_samples_at_all_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EmptyData):
        load_dataset(saved(tmp_path, x=X[:0]))


def test_python_objects_are_never_loaded(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return (pytest.fail, ("code in the file was run",))

    assert pickle.dumps(Trap())
    with pytest.raises(InputError, match="Python objects"):
        load_dataset(saved(tmp_path, x=np.array([Trap()], dtype=object)))


def test_a_header_that_claims_a_huge_size_takes_no_memory(tmp_path: Path) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (1 << 40,)})
    with zipfile.ZipFile(tmp_path / "huge.npz", "w") as archive:
        archive.writestr("x.npy", header.getvalue() + bytes(1000))
    tracemalloc.start()
    try:
        with pytest.raises(BrokenFile, match="not what its header says"):
            load_dataset(tmp_path / "huge.npz")
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("content", [b"", b"PK\x05\x06", b"nonsense", b"PK\x03\x04" + bytes(50)])
def test_what_is_not_npz_is_called_so(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(BrokenFile, match=r"a\.npz is not a whole \.npz file"):
        load_dataset(tmp_path / "a.npz")


def test_a_file_that_is_not_there_is_missing(tmp_path: Path) -> None:
    with pytest.raises(DataMissing, match=r"nowhere\.npz"):
        load_dataset(tmp_path / "nowhere.npz")


@settings(deadline=None, max_examples=150)
@given(data=st.data(), compressed=st.booleans(), parts=st.booleans())
def test_cut_and_flipped_files_are_refused_or_read_rightly(
    data: st.DataObject, compressed: bool, parts: bool, scratch: Path
) -> None:
    buffer = io.BytesIO()
    arrays = {"x_train": X, "y_train": Y, "x_test": X, "y_test": Y} if parts else {"x": X, "y": Y}
    (np.savez_compressed if compressed else np.savez)(buffer, **arrays)
    content = bytearray(buffer.getvalue())
    if data.draw(st.booleans(), label="cut"):
        del content[data.draw(st.integers(0, len(content) - 1), label="kept bytes") :]
    for place in data.draw(st.sets(st.integers(0, len(content)), max_size=3), label="places"):
        if place < len(content):
            content[place] ^= data.draw(st.integers(1, 255), label="flip")
    path = scratch / "flipped.npz"
    path.write_bytes(content)
    try:
        back = load_dataset(path)
    except LabError:
        return
    assert back.samples.tobytes() == X.tobytes()
