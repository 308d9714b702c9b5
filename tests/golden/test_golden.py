"""The promise of the format: a run of any version 1 is read for ever, and the last still written as it was."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from embedding_lab.embeddings import (
    EmbeddingSet,
    Neighbours,
    Outputs,
    Projection,
    Run,
    as_dataset,
    create_run,
    open_run,
)

VERSIONS = [Path(__file__).parent / name for name in ("run-v1", "run-v1.1")]
GOLDEN = VERSIONS[-1]
GENERATION = re.compile(r"-[0-9a-f]{15}(?=\.)")


def write_golden_run(path: Path) -> Run:
    """The run that the kept files are of; `python tests/golden/test_golden.py` keeps it anew."""
    data = as_dataset(
        np.arange(6 * 2 * 2, dtype=np.uint8).reshape(6, 2, 2),
        name="Tiny set",
        ids=[f"tiny/{number}" for number in range(6)],
        labels=[0, 1, -1, 0, 1, 2],
        class_names=["zero", "öne", "two"],
        splits=["train", "train", "train", "test", "test", "test"],
        columns={"weight": np.array([0.0, 0.25, 0.5, 0.75, 1.0, -1.0]), "note": np.array([*"abcd", "", "f"])},
    )
    run = create_run(path)
    vectors = (np.arange(18, dtype=np.float32) / 4).reshape(6, 3)
    with run.embedding_writer(
        "block/Dense", data, step=5, epoch=1, wall_time=1.5, split="all", pooling="mean", model="m1", shard_bytes=48
    ) as writer:
        writer.append(vectors)
    probabilities = np.array([[0.5, 0.25, 0.25]] * 6, np.float32)
    outputs = Outputs(
        prediction=np.array([0, 1, 2, 0, 1, 2]),
        confidence=np.full(6, 0.5, np.float32),
        loss=np.array([0.5, 0.25, np.nan, 0.5, 0.25, 1.0], np.float32),
        probabilities=probabilities,
    )
    with run.outputs_writer(data, step=5, model="m1") as said:
        said.append(outputs)
    run.save_embeddings(EmbeddingSet(vectors[:, :1], data, "input", wall_time=2.5))
    dense = run.embeddings("block/Dense")
    assert dense.place is not None
    run.save_map(
        "block/Dense",
        5,
        "tsne-2d",
        Projection(
            points=vectors[:, :2],
            ids=data.ids,
            method="tsne",
            parameters={"perplexity": 2.0},
            seed=0,
            parent={"map": "pca-2d"},
            quality={"trustworthiness": 0.5},
            per_sample={"kept": np.linspace(0, 1, 6, dtype=np.float32)},
            vectors=dense.place.generation,
        ),
    )
    run.save_neighbours(
        dense,
        Neighbours(
            np.array([[1, 2], [0, 2], [1, 3], [2, 4], [3, 5], [4, 3]], np.int32),
            np.array([[1, 2], [1, 1], [1, 1], [1, 1], [1, 1], [1, 2]], np.float32),
            "euclidean",
            1.0,
        ),
    )
    run.save_selection("odd ones", ["tiny/1", "tiny/5"])
    run.annotate("tiny/1", label="two", reason="by eye")
    return run


@pytest.fixture(params=VERSIONS, ids=lambda path: path.name)
def golden(request: pytest.FixtureRequest) -> Run:
    return open_run(request.param)


def test_the_kept_embeddings_read_as_they_were_written(golden: Run) -> None:
    assert golden.layers == ["block/Dense", "input"]
    found = golden.embeddings("block/Dense")
    assert np.array_equal(found.vectors[:], (np.arange(18, dtype=np.float32) / 4).reshape(6, 3))
    assert (found.step, found.epoch, found.wall_time, found.split, found.pooling, found.model) == (
        *(5, 1, 1.5, "all", "mean", "m1"),
    )
    assert golden.steps("input") == [None]


def test_the_kept_samples_read_as_they_were_written(golden: Run) -> None:
    data = golden.embeddings("input").dataset
    assert list(data.ids) == [f"tiny/{number}" for number in range(6)]
    assert data.labels is not None
    assert list(data.labels) == [0, 1, -1, 0, 1, 2]
    assert data.class_names == ("zero", "öne", "two")
    assert data.splits is not None
    assert list(data.splits) == ["train"] * 3 + ["test"] * 3
    assert list(data.columns["weight"]) == [0.0, 0.25, 0.5, 0.75, 1.0, -1.0]
    assert list(data.columns["note"]) == ["a", "b", "c", "d", "", "f"]


def test_the_kept_outputs_maps_and_notes_read_as_they_were_written(golden: Run) -> None:
    outputs = golden.outputs(5)
    assert list(outputs.prediction) == [0, 1, 2, 0, 1, 2]
    assert outputs.loss is not None
    assert np.array_equal(outputs.loss, [0.5, 0.25, np.nan, 0.5, 0.25, 1.0], equal_nan=True)
    assert np.array_equal(outputs.probabilities, [[0.5, 0.25, 0.25]] * 6)
    found = golden.map("block/Dense", "tsne-2d")
    assert found.points.tolist() == (np.arange(18) / 4).reshape(6, 3)[:, :2].tolist()
    assert (found.seed, found.parent, found.quality, found.state) == (
        *(0, {"map": "pca-2d"}, {"trustworthiness": 0.5}, "complete"),
    )
    assert found.per_sample["kept"][-1] == 1
    near = golden.neighbours(golden.embeddings("block/Dense"))
    assert near is not None
    assert (near.metric, near.recall, near.indices[5].tolist(), near.distances[5].tolist()) == (
        *("euclidean", 1.0, [4, 3], [1.0, 2.0]),
    )
    assert golden.selection("odd ones") == ["tiny/1", "tiny/5"]
    assert [(each["id"], each["label"]) for each in golden.annotations] == [("tiny/1", "two")]


def test_numpy_and_any_parquet_reader_open_the_kept_files_without_us() -> None:
    root = GOLDEN / "plugins" / "embedding_lab"
    assert sum(len(np.load(path)) for path in root.glob("layers/block%2f%44ense/5/vectors-*.npy")) == 6
    table = pq.read_table(next(root.glob("samples/*/*.parquet")))
    assert table.column_names == ["id", "label", "split", "weight", "note"]
    assert table["label"].null_count == 1
    assert pq.read_table(next(root.glob("steps/5/*.parquet"))).column_names == ["prediction", "confidence", "loss"]
    assert np.load(next(root.glob("steps/5/probabilities-*.npy"))).shape == (6, 3)


def test_a_run_is_still_written_as_the_kept_one(tmp_path: Path) -> None:
    written = write_golden_run(tmp_path / "run")
    assert outline(written.path) == outline(GOLDEN)


def test_the_kept_vectors_are_still_written_byte_by_byte(tmp_path: Path) -> None:
    written = write_golden_run(tmp_path / "run")
    for pattern in ("**/vectors-*.npy", "**/probabilities-*.npy", "**/maps/*.npy", "**/neighbours/*.npz"):
        ours, kept = (sorted(root.glob(pattern)) for root in (written.files.root, golden_root()))
        assert [path.read_bytes() for path in ours] == [path.read_bytes() for path in kept]


def golden_root() -> Path:
    return GOLDEN / "plugins" / "embedding_lab"


def outline(run: Path) -> dict[str, Any]:
    """Every file of a run without its generation, and what every manifest says besides time and sizes."""
    found: dict[str, Any] = {}
    for path in sorted((run / "plugins").rglob("*")):
        if path.is_file():
            name = GENERATION.sub("", str(path.relative_to(run).as_posix()))
            found[name] = facts(path) if path.suffix == ".json" else None
    return found


def facts(manifest: Path) -> dict[str, Any]:
    said = json.loads(manifest.read_text(encoding="utf-8"))
    for passing in ("generation", "written"):
        said.pop(passing)
    if "vectors" in said and said["vectors"] is not None:
        said["vectors"] = "a generation"
    said["files"] = [GENERATION.sub("", file["name"]) for file in said["files"]]
    return dict(said)


if __name__ == "__main__":
    shutil.rmtree(GOLDEN, ignore_errors=True)
    write_golden_run(GOLDEN)
    for event_file in GOLDEN.glob("events.*"):
        event_file.unlink()
