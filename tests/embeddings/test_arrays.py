"""What any library holds is read as arrays: tensors of frameworks, tables and columns of data frames."""

from __future__ import annotations

import datetime
import io
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from embedding_lab.embeddings import as_dataset, label_numbers
from embedding_lab.embeddings.arrays import arrow_texts, as_array, texts_of
from embedding_lab.errors import InputError

VECTORS = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)


def test_arrays_and_what_behaves_like_them_are_kept(tmp_path: Any) -> None:
    np.save(tmp_path / "vectors.npy", VECTORS)
    mapped = np.load(tmp_path / "vectors.npy", mmap_mode="r")
    assert as_array(mapped, "vectors") is mapped
    assert as_array(VECTORS, "vectors") is VECTORS


@pytest.mark.parametrize(
    "column",
    [
        pa.array(VECTORS.tolist(), pa.list_(pa.float32())),
        pa.array(VECTORS.tolist(), pa.list_(pa.float32(), 3)),
        pa.chunked_array([pa.array(VECTORS[:1].tolist()), pa.array(VECTORS[1:].tolist())]),
        pa.array([[0, 0, 0], *VECTORS.tolist()], pa.large_list(pa.float32()))[1:],
        pa.table({"vector": VECTORS.tolist()}),
        pa.table(dict(zip("abc", VECTORS.T, strict=True))),
    ],
    ids=["lists", "fixed size", "chunks", "part", "table of one", "table of numbers"],
)
def test_arrow_columns_of_lists_and_tables_of_numbers_are_vectors(column: Any) -> None:
    np.testing.assert_array_equal(as_array(column, "vectors"), VECTORS)


def test_an_array_of_lists_of_several_lengths_is_refused_as_pictures_in_words() -> None:
    lists = np.empty((1, 1, 2), object)
    lists[0, 0, 0], lists[0, 0, 1] = [1], [1, 2]
    with pytest.raises(InputError, match="images cannot be shown"):
        as_dataset(np.zeros((1, 2)), images=lists)


@pytest.mark.parametrize("rows", [[[1, 2], [3]], [[1], None], [[1, None]]])
def test_lists_that_are_no_table_are_refused(rows: list[Any]) -> None:
    with pytest.raises(InputError, match=r"cannot be read as an array\. Got: (lists of|nothing in|missing)"):
        as_array(pa.array(rows), "vectors")


def test_decimals_of_a_table_are_numbers() -> None:
    table = pa.table({"a": pa.array([1, 2], pa.decimal128(10, 2)), "b": [1.5, 2.5]})
    assert as_array(table, "vectors").tolist() == [[1, 1.5], [2, 2.5]]


def test_what_looks_like_a_column_but_holds_none_is_refused() -> None:
    with pytest.raises(InputError, match="cannot be read as an array"):
        as_array(pa.scalar(1.0), "vectors")


def test_a_table_with_text_names_the_column() -> None:
    with pytest.raises(InputError, match="'name' of the table holds no numbers"):
        as_array(pa.table({"x": [1.0], "name": ["a"]}), "vectors")


def test_arrow_labels_ids_and_columns_keep_what_is_missing() -> None:
    data = as_dataset(
        pa.array(VECTORS.tolist()),
        ids=pa.array(["a", "b", "c", "d"]),
        labels=pa.array(["cat", None, "dog", "cat"]).dictionary_encode(),
        columns={"weight": pa.array([1, None, 3, 4]), "day": pa.array([datetime.date(2026, 1, 1)] * 4)},
    )
    assert data.ids.tolist() == ["a", "b", "c", "d"]
    assert data.label_texts is not None
    assert data.label_texts.tolist() == ["cat", "", "dog", "cat"]
    np.testing.assert_array_equal(data.columns["weight"], [1, np.nan, 3, 4])
    assert data.columns["day"].dtype.kind == "M"
    numbered = as_dataset(VECTORS, labels=pa.array([2, None, 0, 1]))
    assert numbered.labels is not None
    assert numbered.labels.tolist() == [2, -1, 0, 1]


def test_a_column_of_pandas_may_hold_tensors() -> None:
    pandas = pytest.importorskip("pandas", reason="no pandas: pip install pandas")
    torch = pytest.importorskip("torch", reason='no PyTorch: pip install "embedding-lab[torch]"')
    column = pandas.Series([torch.tensor(row) for row in VECTORS])
    np.testing.assert_array_equal(as_array(column, "vectors"), VECTORS)


def test_pandas_tables_and_columns_are_read() -> None:
    pandas = pytest.importorskip("pandas", reason="no pandas: pip install pandas")
    frame = pandas.DataFrame(VECTORS, index=[5, 7, 1, 0], columns=["x", "y", "z"])
    np.testing.assert_array_equal(as_array(frame, "vectors"), VECTORS)
    np.testing.assert_array_equal(as_array(pandas.Series(list(VECTORS)), "vectors"), VECTORS)
    data = as_dataset(
        frame,
        ids=pandas.Series(["a", "b", "c", "d"], index=frame.index),
        labels=pandas.Series(["cat", None, "dog", "cat"], index=frame.index, dtype="category"),
        columns={"weight": pandas.Series([1, None, 3, 4], index=frame.index, dtype="Int64")},
    )
    assert data.take([3]).ids.tolist() == ["d"]
    assert data.labels is not None
    assert data.labels.tolist() == [0, -1, 1, 0]
    np.testing.assert_array_equal(data.columns["weight"], [1, np.nan, 3, 4])


def test_polars_tables_and_columns_are_read() -> None:
    polars = pytest.importorskip("polars", reason="no polars: pip install polars")
    frame = polars.DataFrame(VECTORS, schema=["x", "y", "z"])
    np.testing.assert_array_equal(as_array(frame, "vectors"), VECTORS)
    np.testing.assert_array_equal(as_array(polars.Series(VECTORS.tolist()), "vectors").astype("f4"), VECTORS)
    data = as_dataset(frame, labels=polars.Series(["cat", None, "dog", "cat"]))
    assert data.labels is not None
    assert data.labels.tolist() == [0, -1, 1, 0]


def test_torch_tensors_are_read_with_gradients_and_in_half_precision() -> None:
    torch = pytest.importorskip("torch", reason='no PyTorch: pip install "embedding-lab[torch]"')
    tensor = torch.tensor(VECTORS, requires_grad=True)
    np.testing.assert_array_equal(as_array(tensor, "vectors"), VECTORS)
    half = tensor.to(torch.bfloat16)
    np.testing.assert_array_equal(as_array(half, "vectors"), half.float().detach().numpy())
    assert as_array(torch.tensor([3, 1]), "labels").tolist() == [3, 1]


def test_lists_of_torch_tensors_and_their_views_are_read() -> None:
    torch = pytest.importorskip("torch", reason='no PyTorch: pip install "embedding-lab[torch]"')
    rows = [torch.tensor(row, requires_grad=True) for row in VECTORS]
    np.testing.assert_array_equal(as_array(rows, "vectors"), VECTORS)
    np.testing.assert_allclose(as_array([row.bfloat16() for row in rows], "vectors"), VECTORS, rtol=1e-2)
    np.testing.assert_array_equal(as_array(torch.tensor(-VECTORS)._neg_view(), "vectors"), VECTORS)
    with pytest.raises(InputError, match="to_dense"):
        as_array(torch.tensor(VECTORS).to_sparse(), "vectors")


def test_jax_arrays_are_read_also_in_half_precision() -> None:
    jax = pytest.importorskip("jax", reason="no JAX: pip install jax")
    np.testing.assert_array_equal(as_array(jax.numpy.asarray(VECTORS), "vectors"), VECTORS)
    half = as_array(jax.numpy.asarray(VECTORS, "bfloat16"), "vectors")
    assert half.dtype == np.float32
    np.testing.assert_allclose(half, VECTORS, rtol=1e-2)


@pytest.mark.parametrize("held", [object, "S"])
def test_text_that_comes_as_bytes_is_text(held: Any) -> None:
    texts = np.array(["Bär".encode(), b"cat", b"dog", b"cat"], held)
    data = as_dataset(VECTORS, ids=np.array([b"a", b"b", b"c", b"d"], held), labels=texts, columns={"name": texts})
    assert data.ids.tolist() == ["a", "b", "c", "d"]
    assert data.label_texts is not None
    assert data.label_texts.tolist() == data.columns["name"].tolist() == ["Bär", "cat", "dog", "cat"]
    other = np.array([b"\xff\x00", b"cat", b"dog", b"cat"], object)
    assert as_dataset(VECTORS, columns={"raw": other}).columns["raw"][0] == b"\xff\x00"


@pytest.mark.long  # TensorFlow alone takes longer than all others here
def test_tensors_and_variables_of_tensorflow_are_read_also_in_half_precision() -> None:
    tensorflow = pytest.importorskip("tensorflow", reason='no TensorFlow: pip install "embedding-lab[tensorflow]"')
    for tensor in (tensorflow.constant(VECTORS), tensorflow.Variable(VECTORS)):
        np.testing.assert_array_equal(as_array(tensor, "vectors"), VECTORS)
    half = as_array(tensorflow.cast(VECTORS, tensorflow.bfloat16), "vectors")
    assert half.dtype == np.float32
    np.testing.assert_allclose(half, VECTORS, rtol=1e-2)
    texts = tensorflow.constant(["Bär", "cat", "", "Bär"])
    data = as_dataset(tensorflow.constant(VECTORS), labels=texts, columns={"name": texts})
    assert data.class_names == ("Bär", "cat")
    assert data.columns["name"].tolist() == ["Bär", "cat", "", "Bär"]


@pytest.mark.filterwarnings("ignore")
def test_columns_of_hugging_face_are_vectors_labels_pictures_and_sounds(tmp_path: Any) -> None:
    datasets = pytest.importorskip("datasets", reason="no datasets: pip install datasets")
    pictures = np.random.default_rng(1).integers(0, 256, (4, 9, 12, 3), np.uint8)
    files = [png(picture) for picture in pictures]
    table = datasets.Dataset.from_dict(
        {
            "vector": VECTORS.tolist(),
            "kind": [1, 0, 1, -1],
            "name": ["a", "b", "c", "d"],
            "image": [{"bytes": file, "path": None} for file in files],
            "tone": [{"bytes": TONE, "path": "tone.wav"}] * 4,
        },
        features=datasets.Features(
            {
                "vector": datasets.List(datasets.Value("float32")),
                "kind": datasets.ClassLabel(names=["cat", "dog"]),
                "name": datasets.Value("string"),
                "image": datasets.Image(),
                "tone": {"bytes": datasets.Value("binary"), "path": datasets.Value("string")},
            }
        ),
    )
    table = table.cast_column("tone", datasets.Audio()).select([2, 0, 3])
    data = as_dataset(
        table["vector"],
        labels=table["kind"],
        ids=table["name"],
        images=table["image"],
        columns={"tone": table["tone"], "kind again": table["kind"]},
    )
    np.testing.assert_array_equal(data.samples, VECTORS[[2, 0, 3]])
    assert data.label_texts is not None
    assert data.label_texts.tolist() == ["dog", "dog", ""]
    assert data.ids.tolist() == ["c", "a", "d"]
    np.testing.assert_array_equal(data.shown[:], pictures[[2, 0, 3]])
    assert data.media["tone"].file(1) == TONE
    assert data.columns["kind again"].tolist() == [1, 1, -1]
    numbers = datasets.Dataset.from_dict({"x": [1.0, 2.0], "y": [3.0, 4.0]})
    np.testing.assert_array_equal(as_array(numbers, "vectors"), [[1, 3], [2, 4]])


@pytest.mark.filterwarnings("ignore")
def test_columns_that_stream_are_read_as_others(tmp_path: Any) -> None:
    datasets = pytest.importorskip("datasets", reason="no datasets: pip install datasets")
    picture = np.random.default_rng(1).integers(0, 256, (9, 12, 3), np.uint8)
    (tmp_path / "tone.wav").write_bytes(TONE)
    features = datasets.Features(
        {
            "vector": datasets.List(datasets.Value("float32")),
            "kind": datasets.ClassLabel(names=["cat", "dog"]),
            "name": datasets.Value("string"),
            "image": datasets.Image(),
            "tone": datasets.Audio(),
        }
    )
    stream = datasets.IterableDataset.from_generator(
        lambda: (
            {
                "vector": VECTORS[row % 4],
                "kind": row % 2,
                "name": f"sample {row}",
                "image": {"bytes": png(picture), "path": None},
                "tone": str(tmp_path / "tone.wav"),
            }
            for row in range(1500)  # more than are read at once
        ),
        features=features,
    )
    data = as_dataset(
        stream["vector"],
        labels=stream["kind"],
        ids=stream["name"],
        images=stream["image"],
        columns={"tone": stream["tone"]},
    )
    np.testing.assert_array_equal(data.samples, np.tile(VECTORS, (375, 1)))
    assert data.label_texts is not None
    assert data.label_texts[:3].tolist() == ["cat", "dog", "cat"]
    assert data.ids[-1] == "sample 1499"
    np.testing.assert_array_equal(data.shown[1499], picture)
    assert data.media["tone"].file(1499) == TONE


@pytest.mark.filterwarnings("ignore")
def test_a_stream_of_numbers_is_a_table_and_an_empty_one_no_samples() -> None:
    datasets = pytest.importorskip("datasets", reason="no datasets: pip install datasets")
    numbers = datasets.IterableDataset.from_generator(lambda: ({"x": float(row), "y": 1.0} for row in range(3)))
    np.testing.assert_array_equal(as_array(numbers, "vectors"), [[0, 1], [1, 1], [2, 1]])
    empty = datasets.IterableDataset.from_generator(lambda: iter(()))
    with pytest.raises(InputError):
        as_dataset(empty["x"])


TONE = b"RIFF" + (36 + 8).to_bytes(4, "little") + b"WAVEfmt " + bytes(32)


def png(picture: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return file.getvalue()


def test_texts_become_labels_by_way_of_arrow_as_they_would_one_by_one() -> None:
    texts = ["dog", None, "cat", "", "dog"]
    for column in (pa.array(texts), pa.chunked_array([texts[:2], texts[2:]]), pa.array(texts).dictionary_encode()):
        numbers, names = label_numbers(column)
        assert numbers is not None
        assert (numbers.tolist(), names) == ([1, -1, 0, -1, 1], ("cat", "dog"))
    unused = pa.DictionaryArray.from_arrays([2, 0, None], ["cat", "cow", "dog"])
    assert label_numbers(unused)[1] == ("cat", "dog")
    with pytest.raises(InputError, match="'dog'"):
        label_numbers(pa.array(texts), ["cat"])


@given(st.lists(st.text(st.characters(codec="utf-8")).filter(lambda text: not text.endswith("\0"))))
def test_texts_of_numpy_are_the_same_in_arrow_whatever_is_in_them(texts: list[str]) -> None:
    assert arrow_texts(np.array(texts, dtype=np.str_)).to_pylist() == texts


@pytest.mark.parametrize("kind", [object, np.dtypes.StringDType()], ids=["objects", "strings"])
def test_texts_of_other_kinds_are_the_same_in_arrow(kind: Any) -> None:
    assert arrow_texts(np.array(["a", "größer", ""], kind)).to_pylist() == ["a", "größer", ""]


def test_ids_backwards_and_of_many_lengths_are_the_same_in_arrow() -> None:
    ids = np.array([f"id/{number}" for number in range(2000)])[::-3]
    assert arrow_texts(ids).to_pylist() == ids.tolist()


@given(st.lists(st.lists(st.none() | st.text(max_size=3), max_size=5), min_size=1, max_size=3))
def test_texts_of_arrow_are_those_of_python_in_order_and_equal_ones_are_one(parts: list[list[str | None]]) -> None:
    column = pa.chunked_array([pa.array(part, pa.string()) for part in parts])
    texts = texts_of(column).tolist()
    assert texts == [text for part in parts for text in part]
    assert len({id(text) for text in texts}) == len(set(texts))
