"""One call logs embeddings from anywhere, for the lab and for the Projector; logging again adds."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import scipy.sparse
from google.protobuf import text_format
from PIL import Image
from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig

import embedding_lab as lab
from contracts.holders import HOLDERS, array_of_objects
from embedding_lab.app.plain_vectors import plain_set
from embedding_lab.embeddings.pictures import read_pictures
from embedding_lab.errors import InputError, ShapeMismatch

VECTORS = np.random.default_rng(0).normal(size=(30, 4))
WEIGHTS = np.arange(30) / np.float32(4)
KINDS = ("cat", "cow", "dog")
MISSING = np.arange(30) % 7 == 3
"""Which samples have no label, where the others have one of these kinds in turn."""


def shown(run: Path) -> set[str]:
    config = text_format.Parse((run / "projector_config.pbtxt").read_text(), ProjectorConfig())
    return {each.tensor_name.split(" · ")[0] for each in config.embeddings}


def test_plain_vectors_need_nothing_else(tmp_path: Path) -> None:
    lab.log_embeddings(tmp_path / "run", VECTORS)
    found = lab.open_run(tmp_path / "run").embeddings("embeddings")
    assert np.array_equal(found.vectors, VECTORS.astype(np.float32))
    assert list(found.ids[:2]) == ["samples/00000", "samples/00001"]
    assert shown(tmp_path / "run") == {"embeddings"}


def test_labels_images_ids_and_columns_go_along(tmp_path: Path) -> None:
    images = np.random.default_rng(1).integers(0, 255, (30, 8, 8), dtype=np.uint8)
    lab.log_embeddings(
        tmp_path / "run",
        VECTORS,
        layer="mine",
        labels=["cat", "dog"] * 15,
        ids=[f"photo {number}" for number in range(30)],
        images=images,
        columns={"weight": np.arange(30)},
        dataset="pets",
    )
    data = lab.open_run(tmp_path / "run").embeddings("mine").dataset
    assert data.name == "pets"
    assert data.class_names == ("cat", "dog")
    assert list(data.columns["weight"]) == list(range(30))
    assert data.ids[7] == "photo 7"
    assert list((tmp_path / "run" / "projector").rglob("thumbnails-*.png"))


def test_pictures_of_the_same_samples_are_written_once_though_each_layer_brings_them(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (5, 8, 8), np.uint8)
    vectors = np.random.default_rng(1).normal(size=(5, 3)).astype(np.float32)
    sets = {
        layer: lab.EmbeddingSet(vectors, lab.as_dataset(images, name="mine"), layer) for layer in ("one", "two")
    }
    lab.log_embeddings(tmp_path / "run", sets)
    assert len(list((tmp_path / "run").rglob("thumbnails/*.png"))) == 1


def test_logging_again_adds_layers_and_steps_and_erases_none(tmp_path: Path) -> None:
    for layer, step in (("a", 0), ("b", 0), ("a", 5)):
        lab.log_embeddings(tmp_path / "run", VECTORS, layer=layer, step=step)
    run = lab.open_run(tmp_path / "run")
    assert run.layers == ["a", "b"]
    assert run.steps("a") == [0, 5]
    assert shown(tmp_path / "run") == {"a", "b"}


def test_embedding_sets_are_logged_at_the_step_that_is_named(tmp_path: Path) -> None:
    data = lab.as_dataset(VECTORS)
    sets = {name: lab.EmbeddingSet(VECTORS * 2, data, name, step=1) for name in ("a", "b")}
    lab.log_embeddings(tmp_path / "run", sets, step=7)
    assert lab.open_run(tmp_path / "run").steps("a") == [7]
    lab.log_embeddings(tmp_path / "run", sets["a"])
    assert lab.open_run(tmp_path / "run").steps("a") == [1, 7]


def test_embedding_sets_that_are_described_a_second_time_are_refused(tmp_path: Path) -> None:
    given = lab.EmbeddingSet(VECTORS, lab.as_dataset(VECTORS), "a")
    with pytest.raises(InputError, match="labels beside them"):
        lab.log_embeddings(tmp_path / "run", given, labels=[0] * 30)


def test_a_step_may_be_a_number_of_any_library_and_nothing_else(tmp_path: Path) -> None:
    lab.log_embeddings(tmp_path / "run", VECTORS, step=np.int64(3))  # type: ignore[arg-type]
    assert lab.open_run(tmp_path / "run").steps("embeddings") == [3]
    for step in (5.0, "last"):
        with pytest.raises(InputError, match="not a whole number"):
            lab.log_embeddings(tmp_path / "other", VECTORS, step=step)  # type: ignore[arg-type]
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    "vectors",
    [
        (row for row in VECTORS),
        array_of_objects(list(VECTORS)),
        VECTORS.astype(object),
        np.ma.array(VECTORS),
        dict(enumerate(VECTORS)).values(),
    ],
    ids=["a generator", "a column of arrays", "objects", "unmasked", "values of a dictionary"],
)
def test_vectors_are_taken_however_python_holds_them(tmp_path: Path, vectors: Any) -> None:
    lab.log_embeddings(tmp_path / "run", vectors)
    np.testing.assert_allclose(lab.open_run(tmp_path / "run").embeddings("embeddings").vectors, VECTORS, rtol=1e-6)


def arrays_of(make: Callable[[Any], Any], vectors: Callable[[Any], Any] | None = None) -> dict[str, Any]:
    """All that is logged, as arrays of a framework, which hold no text."""
    return {
        "embeddings": (vectors or make)(VECTORS.astype(np.float32)),
        "labels": make(np.where(MISSING, -1, np.arange(30) % 3)),
        "class_names": KINDS,
        "ids": make(np.arange(100, 130)),
        "columns": {"weight": make(WEIGHTS)},
    }


def of_torch() -> dict[str, Any]:
    torch = pytest.importorskip("torch", reason='no PyTorch: pip install "embedding-lab[torch]"')
    return arrays_of(torch.tensor, lambda vectors: torch.tensor(vectors, requires_grad=True))


def of_tensorflow() -> dict[str, Any]:
    needed = 'no TensorFlow: pip install "embedding-lab[tensorflow]"'
    return arrays_of(pytest.importorskip("tensorflow", reason=needed).constant)


def of_jax() -> dict[str, Any]:
    return arrays_of(pytest.importorskip("jax", reason="no JAX: pip install jax").numpy.asarray)


COORDINATES = [f"x{place}" for place in range(4)]


def cells() -> dict[str, list[Any]]:
    """All that is logged, as columns of a table."""
    kinds = [None if missing else KINDS[row % 3] for row, missing in enumerate(MISSING)]
    vectors = VECTORS.astype(np.float32)
    return {
        **{name: vectors[:, place].tolist() for place, name in enumerate(COORDINATES)},
        "vector": vectors.tolist(),
        "kind": kinds,
        "name": [str(number) for number in range(100, 130)],
        "weight": WEIGHTS.tolist(),
    }


def columns_of(table: Any, columns: Any, vectors: Any) -> dict[str, Any]:
    return {"embeddings": vectors, "labels": table["kind"], "ids": table["name"], "columns": columns}


def of_pandas() -> dict[str, Any]:
    pandas = pytest.importorskip("pandas", reason="no pandas: pip install pandas")
    frame = pandas.DataFrame(cells(), index=range(30, 0, -1))
    return columns_of(frame, frame[["weight"]], frame[COORDINATES])


def of_polars() -> dict[str, Any]:
    polars = pytest.importorskip("polars", reason="no polars: pip install polars")
    frame = polars.DataFrame(cells())
    return columns_of(frame, frame[["weight"]], frame[COORDINATES])


def of_arrow(vectors: Any = COORDINATES) -> dict[str, Any]:
    table = pa.table(cells())
    chosen = table.select(vectors) if isinstance(vectors, list) else table[vectors].combine_chunks()
    return columns_of(table, table.select(["weight"]), chosen)


def of_hugging_face() -> dict[str, Any]:
    datasets = pytest.importorskip("datasets", reason="no datasets: pip install datasets")
    table = datasets.Dataset.from_dict(cells())
    return columns_of(table, table.select_columns(["weight"]), table["vector"])


@pytest.mark.filterwarnings("ignore")  # of the libraries while they are imported
@pytest.mark.parametrize(
    "given",
    [
        pytest.param(of_torch, id="tensors of PyTorch with gradients"),
        pytest.param(of_tensorflow, id="tensors of TensorFlow", marks=pytest.mark.long),
        pytest.param(of_jax, id="arrays of JAX"),
        pytest.param(of_pandas, id="frames of pandas"),
        pytest.param(of_polars, id="frames of polars"),
        pytest.param(of_arrow, id="tables of Arrow"),
        pytest.param(lambda: of_arrow("vector"), id="arrays of Arrow"),
        pytest.param(of_hugging_face, id="columns of Hugging Face"),
    ],
)
def test_what_any_library_holds_is_read_back_as_it_was_given(
    tmp_path: Path, given: Callable[[], dict[str, Any]]
) -> None:
    lab.log_embeddings(tmp_path / "run", **given())
    found = lab.open_run(tmp_path / "run").embeddings("embeddings")
    np.testing.assert_array_equal(found.vectors, VECTORS.astype(np.float32))
    assert found.dataset.label_texts is not None
    assert found.dataset.label_texts.tolist() == [
        "" if missing else KINDS[row % 3] for row, missing in enumerate(MISSING)
    ]
    assert found.dataset.ids.tolist() == [str(number) for number in range(100, 130)]
    assert list(found.dataset.columns) == ["weight"]
    np.testing.assert_array_equal(found.dataset.columns["weight"], WEIGHTS)


@pytest.mark.parametrize("held", HOLDERS)
def test_pictures_of_pillow_of_mixed_sizes_are_shown_whatever_holds_them(tmp_path: Path, held: str) -> None:
    sizes = [(100 + 10 * at, 150 - 10 * at) for at in range(5)]
    pictures = [Image.new("RGB", size, (50 * at, 0, 0)) for at, size in enumerate(sizes)]
    lab.log_embeddings(tmp_path / "run", VECTORS[:5], images=HOLDERS[held](pictures))
    files = lab.open_run(tmp_path / "run").files
    (table,) = (name for name in files.list("samples/samples") if name.endswith(".json"))
    stored = read_pictures(files, f"samples/samples/{table}")
    np.testing.assert_allclose(stored.thumbnails()[:, 32, 32, 0], 50 * np.arange(5), atol=5)
    assert [Image.open(io.BytesIO(stored.original(row))).size for row in range(5)] == sizes


def test_a_mapping_of_vectors_is_several_layers_of_the_same_samples(tmp_path: Path) -> None:
    lab.log_embeddings(tmp_path / "run", {"a": VECTORS, "b": VECTORS[:, :2]}, labels=[0, 1] * 15, step=3)
    run = lab.open_run(tmp_path / "run")
    assert [(name, run.embeddings(name, 3).dims) for name in run.layers] == [("a", 4), ("b", 2)]
    assert run.embeddings("b").dataset.labels is not None


def test_labels_columns_and_names_are_taken_as_libraries_keep_them(tmp_path: Path) -> None:
    table = pa.table({"weight": range(30), "words": [[1, 2]] * 30})
    labels = np.arange(30)[:, None] % 2
    lab.log_embeddings(tmp_path / "run", VECTORS, labels=labels, class_names={1: "dog", 0: "cat"}, columns=table)
    data = lab.open_run(tmp_path / "run").embeddings("embeddings").dataset
    assert data.label_texts is not None
    assert data.label_texts[:2].tolist() == ["cat", "dog"]
    assert data.columns["weight"].tolist() == list(range(30))
    lab.log_embeddings(tmp_path / "lists", VECTORS, columns={7: VECTORS, "once": map(str, range(30))})
    columns = lab.open_run(tmp_path / "lists").embeddings("embeddings").dataset.columns
    assert (list(columns), columns["once"][29]) == (["7", "once"], "29")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"embeddings": [[1, 2], [3]]}, "The embeddings cannot be read as an array"),
        ({"embeddings": {"a": VECTORS, "b": plain_set(VECTORS)}}, "under 'a' is no embedding set"),
        ({"embeddings": VECTORS, "columns": {"c": 5}}, "There is no axis of samples in the column 'c'"),
        (
            {"embeddings": VECTORS, "columns": {"c": [[1], [1, 2]] * 15}},
            "The column 'c' .* 2 values in row 1, and 1",
        ),
        ({"embeddings": VECTORS, "columns": [1] * 30}, r"columns have no names\. Got: list"),
        ({"embeddings": "a.npy"}, r"Got: 'a\.npy'\. .*`embedding-lab log FILE`"),
        ({"embeddings": {}}, "an empty mapping"),
        ({"embeddings": []}, "There are no samples"),
        ({"embeddings": {"a": VECTORS, "b": VECTORS[1:]}}, "Got: 30 in 'a', 29 in 'b'"),
        ({"embeddings": {"cat": VECTORS[0]}}, r"list\(X\.values\(\)\), ids=list\(X\)"),
        ({"embeddings": VECTORS + 1j}, "X.real, X.imag"),
        ({"embeddings": np.zeros(30, "f4,f4")}, "structured_to_unstructured"),
        ({"embeddings": np.ma.masked_greater(VECTORS, 0)}, "NaN or infinity"),
        (
            {"embeddings": array_of_objects([row[: 3 + at % 2] for at, row in enumerate(VECTORS)])},
            r"shape \(4,\) in row 1",
        ),
        ({"embeddings": VECTORS, "labels": np.eye(30)}, r"labels\.argmax\(1\)"),
        ({"embeddings": VECTORS, "labels": [0.5] * 30}, r"colour by as columns="),
        ({"embeddings": VECTORS, "labels": {*range(30)}}, "A set has no order"),
        ({"embeddings": VECTORS, "labels": [0] * 30, "class_names": {"cat": 0}}, "do not number the classes"),
        ({"embeddings": VECTORS, "ids": [*range(29), None]}, r"ids are not whole\. Got: None for sample 29"),
        ({"embeddings": VECTORS, "ids": pa.array([*map(str, range(29)), None])}, "Got: None for sample 29"),
        ({"embeddings": pa.array([[1.0], None])}, r"Got: nothing in row 1\."),
        (
            {"embeddings": VECTORS, "columns": pa.table({"tags": [["a"], []] * 15})},
            "'tags' .* of different lengths",
        ),
        ({"embeddings": VECTORS, "labels": np.array(["2024-01-01"] * 30, "M8[D]")}, r"colour by as columns="),
        ({"embeddings": VECTORS, "ids": [("a", "b")] * 30}, "The ids must be one per sample"),
        ({"embeddings": VECTORS, "images": "a.png"}, "one for all samples"),
        ({"embeddings": VECTORS, "layer": 3}, r"A name is no text\. Got: 3"),
    ],
)
def test_what_is_no_array_is_named(tmp_path: Path, given: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        lab.log_embeddings(tmp_path / "run", **given)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("vectors", [np.zeros(3), np.zeros((2, 3, 4)), np.array([["a", "b"]])])
def test_what_is_no_table_of_numbers_is_refused(tmp_path: Path, vectors: np.ndarray) -> None:
    with pytest.raises(ShapeMismatch, match="table of numbers"):
        lab.log_embeddings(tmp_path / "run", vectors)
    assert not (tmp_path / "run").exists()


def test_images_that_cannot_be_shown_are_refused_with_what_would_be(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="1, 3 or 4 channels first or last"):
        lab.log_embeddings(tmp_path / "run", VECTORS, images=np.zeros((30, 8, 8, 2)))
    with pytest.raises(InputError, match="29 for 30 ids"):
        lab.log_embeddings(tmp_path / "run", VECTORS, images=np.zeros((29, 8, 8)))


def test_what_the_images_and_columns_were_taken_for_is_told(tmp_path: Path) -> None:
    images: list[Any] = [np.full((4, 5), row / 3) for row in range(30)]
    images[7] = b"no picture"
    told = lab.log_embeddings(tmp_path / "run", VECTORS, images=images).notes
    assert any("0 as black and 9.667 as white" in note for note in told)
    assert any("1 of the 30 images; the first, in row 7" in note for note in told)


REFUSED: dict[str, dict[str, Any]] = {
    "at once": {"labels": ["one"]},
    "before it is written": {"columns": {"label": range(30)}},
    "while it is written": {"embeddings": np.where(np.arange(120).reshape(30, 4) == 77, np.nan, VECTORS)},
    "after another set was written": {
        "embeddings": {
            "whole": plain_set(VECTORS, layer="whole"),
            "spoiled": plain_set(np.where(VECTORS[4, 0] == VECTORS, np.inf, VECTORS), layer="spoiled"),
        }
    },
}


@pytest.mark.parametrize("refused", REFUSED.values(), ids=REFUSED)
def test_what_is_refused_leaves_no_run_behind_and_a_run_that_is_there_as_it_was(
    tmp_path: Path, refused: dict[str, Any]
) -> None:
    def everything() -> dict[Path, bytes | None]:
        return {path: path.read_bytes() if path.is_file() else None for path in tmp_path.rglob("*")}

    lab.log_embeddings(tmp_path / "logs" / "older", VECTORS[:9])
    before = everything()
    for run in (tmp_path / "logs" / "older", tmp_path / "logs" / "new", tmp_path / "others" / "new"):
        with pytest.raises(InputError):
            lab.log_embeddings(run, **{"embeddings": VECTORS, **refused})
        assert everything() == before


def test_tables_of_arrow_are_logged_with_what_is_missing_in_them(tmp_path: Path) -> None:
    table = pa.table({"kind": ["cat", None, "dog"], "weight": [1, None, 3], "vector": [[1.0, 2.0]] * 3})
    lab.log_embeddings(tmp_path / "run", table["vector"], labels=table["kind"], columns={"weight": table["weight"]})
    found = lab.open_run(tmp_path / "run").embeddings("embeddings")
    assert found.vectors.tolist() == [[1, 2]] * 3
    assert found.dataset.label_texts is not None
    assert found.dataset.label_texts.tolist() == ["cat", "", "dog"]
    np.testing.assert_array_equal(found.dataset.columns["weight"], [1, np.nan, 3])


@pytest.mark.parametrize(
    ("handed_in", "said"),
    [
        ({"embeddings": scipy.sparse.eye(3)}, "sparse"),
        ({"embeddings": np.eye(2), "columns": {"n": [10**30, 1]}}, "Column 'n'"),
        ({"embeddings": np.eye(2), "ids": ["\ud800", "b"]}, "no valid text"),
    ],
)
def test_what_cannot_be_kept_is_refused_with_help_and_leaves_no_run(
    tmp_path: Path, handed_in: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        lab.log_embeddings(tmp_path / "run", **handed_in)
    assert not (tmp_path / "run").exists()
