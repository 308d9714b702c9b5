"""An exported run holds samples, what the model said, maps and vectors, and comes back as it was."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

import embedding_lab as lab
from embedding_lab.app.exported_tables import export_projector, export_table
from embedding_lab.app.logged_files import log_file
from embedding_lab.cli.export import FORMATS
from embedding_lab.embeddings import (
    EmbeddingSet,
    Neighbours,
    Outputs,
    Projection,
    Run,
    as_dataset,
    create_run,
)
from embedding_lab.embeddings.pictures import read_pictures
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


@pytest.fixture
def pictured(tmp_path: Path) -> Run:
    """A run with pictures, a map and neighbours of its layer."""
    pictures = np.random.default_rng(1).integers(0, 256, (40, 9, 12), np.uint8)
    path = tmp_path / "logs" / "pictured"
    lab.log_embeddings(path, VECTORS[:40], layer="mine", images=pictures, labels=LABELS[:40])
    lab.project_run(path, "pca", dims=2)
    run = lab.open_run(path)
    found = run.embeddings("mine")
    indices = np.argsort(np.linalg.norm(VECTORS[:40, None] - VECTORS[None, :40], axis=2), axis=1)[:, 1:4]
    distances = np.linalg.norm(VECTORS[:40, None] - VECTORS[indices], axis=2).astype(np.float32)
    run.save_neighbours(found, Neighbours(indices.astype(np.int32), distances, "euclidean", 1.0))
    return run


def test_a_parquet_holds_the_thumbnails_and_the_neighbours_and_the_thumbnails_come_back(
    tmp_path: Path, pictured: Run
) -> None:
    export_table(pictured, tmp_path / "out.parquet", "parquet")
    table = pq.read_table(tmp_path / "out.parquet")
    neighbours = pictured.neighbours(pictured.embeddings("mine"))
    assert neighbours is not None
    assert [row["ids"] for row in table["neighbors"].to_pylist()] == neighbours.indices.tolist()
    assert table["neighbors"][3].as_py()["distances"] == neighbours.distances[3].tolist()
    log_file(tmp_path / "logs" / "back", tmp_path / "out.parquet", layer="back")
    ours, theirs = (
        read_pictures(each.files, each.save_dataset(each.embeddings(layer).dataset)).thumbnails()
        for each, layer in ((lab.open_run(tmp_path / "logs" / "back"), "back"), (pictured, "mine"))
    )
    assert theirs.shape == (40, 9, 12)
    np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(theirs, np.random.default_rng(1).integers(0, 256, (40, 9, 12), np.uint8))


def test_a_folder_for_the_projector_has_the_thumbnails_and_the_finished_maps(tmp_path: Path, pictured: Run) -> None:
    shown = export_projector(pictured, tmp_path / "folder")
    assert any("principal components 2-D" in each.name for each in shown.tensors)
    (sheet,) = (tmp_path / "folder").glob("projector/thumbnails-*.png")
    (logged,) = pictured.path.glob("projector/thumbnails-*.png")
    assert sheet.read_bytes() == logged.read_bytes()
    assert lab.doctor(tmp_path / "folder").errors == []


@pytest.mark.long
def test_embedding_atlas_shows_an_exported_table_with_our_map_pictures_and_neighbours(
    tmp_path: Path, pictured: Run
) -> None:
    pytest.importorskip("embedding_atlas", reason="no Embedding Atlas: pip install embedding-atlas")
    export_table(pictured, tmp_path / "out.parquet", "parquet")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-c", "from embedding_atlas.cli import main; main()", str(tmp_path / "out.parquet")]
    command += ["--x", "pca-2d_x", "--y", "pca-2d_y", "--image", "image", "--neighbors", "neighbors"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--no-auto-port"]
    told = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=told) as atlas:
        try:
            wait_until_it_serves(atlas)
            props = json.loads(answer_of(f"http://127.0.0.1:{port}/data/metadata.json"))["props"]
            assert props["data"]["projection"] == {"x": "pca-2d_x", "y": "pca-2d_y"}
            assert props["data"]["neighbors"] == "neighbors"
            served = tmp_path / "served.parquet"
            served.write_bytes(answer_of(f"http://127.0.0.1:{port}/data/dataset.parquet"))
        finally:
            atlas.terminate()
    shown = pq.read_table(served)
    points = pictured.map("mine", "pca-2d").points
    np.testing.assert_array_equal(np.column_stack([shown["pca-2d_x"], shown["pca-2d_y"]]), points)
    assert shown["image"][7].as_py()["bytes"].startswith(b"\x89PNG")


def wait_until_it_serves(server: subprocess.Popen[str]) -> None:
    """Reads what the server says of itself until it says where it is, and goes on reading in the background."""
    assert server.stdout is not None
    said = []
    for line in server.stdout:
        said.append(line)
        if "URL: " in line:
            threading.Thread(target=server.stdout.read, daemon=True).start()
            return
    raise AssertionError("".join(said))


def answer_of(address: str) -> bytes:
    """What a server answers that listens a moment after it has said where it is."""
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(address, timeout=60) as answer:
                return bytes(answer.read())
        except urllib.error.URLError as error:
            if not isinstance(error.reason, ConnectionRefusedError):
                raise
        assert time.monotonic() < deadline, "it does not answer"


def test_pandas_reads_an_exported_table(tmp_path: Path, pictured: Run) -> None:
    pandas = pytest.importorskip("pandas", reason="no pandas: pip install pandas")
    export_table(pictured, tmp_path / "out.parquet", "parquet")
    frame = pandas.read_parquet(tmp_path / "out.parquet")
    assert frame["label"].tolist() == LABELS[:40]
    np.testing.assert_array_equal(np.stack(frame["vector"]), VECTORS[:40])
    assert frame["image"][0]["bytes"].startswith(b"\x89PNG")


def test_fiftyone_reads_the_folder_that_the_documents_make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("fiftyone", reason="no FiftyOne: CONTRIBUTING.md says how")
    from fiftyone.utils.csv import CSVDatasetImporter

    monkeypatch.chdir(tmp_path)
    text = (Path(__file__).parents[2] / "docs" / "files.md").read_text(encoding="utf-8")
    (block,) = [each for each in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "labels.csv" in each]
    exec(compile(block, "docs/files.md", "exec"), {"__name__": "__main__"})
    with CSVDatasetImporter("fruit", fields={"lab_id": str, "lab_label": str}) as samples:
        read = list(samples)
    assert [Path(each.filepath).name for each in read] == [f"{row:06d}.png" for row in range(4)]
    assert [each["lab_label"] for each in read] == ["apple", "pear"] * 2
    assert read[3]["lab_id"] == "samples/00003"
    assert read[0].media_type == "image"


def test_a_folder_for_the_projector_shows_all_layers_and_the_doctor_finds_nothing_wrong(
    tmp_path: Path, run: Run
) -> None:
    shown = export_projector(run, tmp_path / "folder")
    assert {each.layer for each in shown.tensors} == {"mine"}
    assert lab.doctor(tmp_path / "folder").errors == []
    assert not (tmp_path / "folder" / "plugins").exists()
