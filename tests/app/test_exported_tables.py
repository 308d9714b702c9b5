"""An exported run holds samples, what the model said, maps and vectors, and comes back as it was."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

import embedding_lab as lab
from embedding_lab.app.exported_tables import export_projector, export_table
from embedding_lab.app.logged_files import log_file
from embedding_lab.embeddings import EmbeddingSet, Outputs, Projection, Run, as_dataset, create_run
from embedding_lab.errors import EmptyData, InputError, UnknownName

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


def test_a_parquet_of_several_layers_names_them(tmp_path: Path, run: Run) -> None:
    run.save_embeddings(EmbeddingSet(VECTORS * 2, run.embeddings("mine").dataset, "twice", step=3))
    export_table(run, tmp_path / "out.parquet", "parquet")
    table = pq.read_table(tmp_path / "out.parquet")
    assert table.column_names[-4:] == ["mine_pca-2d_x", "mine_pca-2d_y", "mine_vector", "twice_vector"]
    assert table["twice_vector"][7].as_py() == (VECTORS[7] * 2).tolist()
    assert table["note"].null_count == ROWS // 2


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
