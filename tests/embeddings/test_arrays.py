"""What any library holds is read as arrays: tensors of frameworks, tables and columns of data frames."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from embedding_lab.embeddings import as_dataset
from embedding_lab.embeddings.arrays import as_array
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


@pytest.mark.parametrize("rows", [[[1, 2], [3]], [[1], None], [[1, None]]])
def test_lists_that_are_no_table_are_refused(rows: list[Any]) -> None:
    with pytest.raises(InputError, match="no table of numbers"):
        as_array(pa.array(rows), "vectors")


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


def test_jax_arrays_are_read_also_in_half_precision() -> None:
    jax = pytest.importorskip("jax", reason="no JAX: pip install jax")
    np.testing.assert_array_equal(as_array(jax.numpy.asarray(VECTORS), "vectors"), VECTORS)
    half = as_array(jax.numpy.asarray(VECTORS, "bfloat16"), "vectors")
    assert half.dtype == np.float32
    np.testing.assert_allclose(half, VECTORS, rtol=1e-2)
