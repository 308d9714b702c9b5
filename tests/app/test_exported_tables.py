"""An exported run holds samples, what the model said, maps and vectors, and comes back as it was."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

import embedding_lab as lab
from embedding_lab.app.exported_tables import export_projector, export_table
from embedding_lab.app.logged_files import log_file
from embedding_lab.cli.export import FORMATS
from embedding_lab.embeddings import EmbeddingSet, Outputs, Projection, Run, as_dataset, create_run
from embedding_lab.errors import EmptyData, InputError, UnknownName
from embedding_lab.tables import WRITERS

ROWS = 5000
VECTORS = np.random.default_rng(0).normal(size=(ROWS, 4)).astype(np.float32)
LABELS = [f"kind {row % 3}" if row % 7 else "" for row in range(ROWS)]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    columns = {"note": np.array([None if row % 2 else "tab\there" for row in range(ROWS)], object)}
    data = as_dataset(np.zeros((ROWS, 1)), name="some", labels=LABELS, splits="test", columns=columns)
    said = Outputs(np.arange(ROWS) % 3, np.linspace(0, 1, ROWS, dtype=np.float32))
    run = create_run(tmp_path / "logs" / "a run")
    run.save_embeddings(EmbeddingSet(VECTORS, data, "mine", step=3, outputs=said))
    generation = run.embeddings("mine").place.generation  # type: ignore[union-attr]
    run.save_map("mine", 3, "pca-2d", Projection(VECTORS[:, :2], data.ids, "pca", vectors=generation))
    return run


def test_the_command_offers_every_table_that_can_be_written() -> None:
    assert {*WRITERS} == {*FORMATS} - {"html", "projector"}


@pytest.mark.parametrize("form", ["parquet", "npz", "tsv"])
def test_a_table_comes_back_as_it_was(tmp_path: Path, run: Run, form: str) -> None:
    path = tmp_path / f"out.{form}"
    export_table(run, path, form)
    log_file(tmp_path / "logs" / "back", path, layer="back")
    found = lab.open_run(tmp_path / "logs" / "back").embeddings("back")
    np.testing.assert_array_equal(found.vectors, VECTORS)
    assert found.ids.tolist() == run.embeddings("mine").ids.tolist()
    assert found.dataset.label_texts is not None
    assert found.dataset.label_texts.tolist() == LABELS
    assert set(found.dataset.columns) == {"split_given", "note", "prediction", "confidence", "pca-2d_x", "pca-2d_y"}
    np.testing.assert_allclose(found.dataset.columns["pca-2d_y"].astype(float), VECTORS[:, 1], rtol=1e-6)
    assert found.dataset.columns["prediction"][4] == "kind 1"


def test_what_was_noted_down_stands_beside_the_label_that_was_given(tmp_path: Path, run: Run) -> None:
    run.annotate("some/00004", label="kind 9", tags=["torn", "thin"], reason="by eye")
    export_table(run, tmp_path / "out.parquet", "parquet")
    table = pq.read_table(tmp_path / "out.parquet", columns=["label", "corrected_label", "tags", "reasons"])
    assert table.to_pylist()[4] == {
        "label": "kind 1",
        "corrected_label": "kind 9",
        "tags": "torn, thin",
        "reasons": "by eye",
    }
    assert table["tags"].null_count == ROWS - 1


def test_a_parquet_of_several_layers_names_them(tmp_path: Path, run: Run) -> None:
    run.save_embeddings(EmbeddingSet(VECTORS * 2, run.embeddings("mine").dataset, "twice", step=3))
    export_table(run, tmp_path / "out.parquet", "parquet")
    table = pq.read_table(tmp_path / "out.parquet")
    assert table.column_names[-4:] == ["mine_pca-2d_x", "mine_pca-2d_y", "mine_vector", "twice_vector"]
    assert table["twice_vector"][7].as_py() == (VECTORS[7] * 2).tolist()
    assert table["note"].null_count == ROWS // 2


@pytest.fixture
def odd(tmp_path: Path) -> Run:
    """Two samples with a model of more classes than names, and columns that bear our names or hold lists."""
    columns = {
        "prediction": np.array([7.5, 8.5]),
        "prediction_given": np.array(['"a" b', "c"]),
        "vector": np.array([[1, 2], [3]], object),
    }
    data = as_dataset(np.zeros((2, 1)), name="some", labels=["x", "y"], columns=columns)
    run = create_run(tmp_path / "logs" / "odd")
    said = Outputs(np.array([1, 4]), np.array([0.5, 0.75], np.float32))
    run.save_embeddings(EmbeddingSet(VECTORS[:2, :2], data, "a/b", outputs=said))
    run.save_embeddings(EmbeddingSet(VECTORS[2:4, :2], data, "a_b", outputs=said))
    return run


@pytest.mark.parametrize("form", ["parquet", "npz", "tsv"])
def test_columns_of_our_names_lists_and_classes_without_a_name_come_back_too(
    tmp_path: Path, odd: Run, form: str
) -> None:
    export_table(odd, tmp_path / f"out.{form}", form, ["a/b"])
    log_file(tmp_path / "logs" / "back", tmp_path / f"out.{form}", layer="back")
    found = lab.open_run(tmp_path / "logs" / "back").embeddings("back")
    np.testing.assert_array_equal(found.vectors, VECTORS[:2, :2])
    columns = found.dataset.columns
    assert list(columns["prediction"]) == ["y", "4"]
    assert list(columns["prediction_given"]) == ['"a" b', "c"]
    assert list(columns["prediction_given_given"]) == [7.5, 8.5]


def test_layers_whose_names_become_one_in_an_archive_are_both_in_it(tmp_path: Path, odd: Run) -> None:
    export_table(odd, tmp_path / "out.npz", "npz")
    with np.load(tmp_path / "out.npz") as arrays:
        vectors = [arrays[name] for name in ("a_b_vector", "a_b_vector_given")]
    np.testing.assert_array_equal(np.concatenate(vectors), VECTORS[:4, :2])


def test_layers_of_other_samples_are_refused_and_nothing_is_written(tmp_path: Path, run: Run) -> None:
    lab.log_embeddings(run.path, VECTORS[:9], layer="other")
    with pytest.raises(InputError, match="not of the same samples"):
        export_table(run, tmp_path / "out.parquet", "parquet")
    with pytest.raises(UnknownName, match="'gone'"):
        export_table(run, tmp_path / "out.parquet", "parquet", ["gone"])
    with pytest.raises(EmptyData, match="no layers"):
        export_table(create_run(tmp_path / "logs" / "empty"), tmp_path / "out.parquet", "parquet")
    assert [each.name for each in tmp_path.iterdir()] == ["logs"]


def test_a_folder_for_the_projector_shows_all_layers_and_the_doctor_finds_nothing_wrong(
    tmp_path: Path, run: Run
) -> None:
    shown = export_projector(run, tmp_path / "folder")
    assert {each.layer for each in shown.tensors} == {"mine"}
    assert lab.doctor(tmp_path / "folder").errors == []
    assert not (tmp_path / "folder" / "plugins").exists()
