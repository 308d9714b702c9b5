"""An index in files finds the neighbours that a look at all vectors finds, says how many, and is opened again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embedding_lab.projection import file_index
from embedding_lab.projection.file_index import FileIndex, build_index
from embedding_lab.projection.neighbours import find


def clusters(rows: int = 3_000, dims: int = 10) -> np.ndarray:
    random = np.random.default_rng(0)
    return (3 * random.normal(size=(20, dims))[np.arange(rows) % 20] + random.normal(size=(rows, dims))).astype(
        "f4"
    )


def built(vectors: Any, folder: Path, **how: Any) -> tuple[list[Path], dict[str, Any]]:
    files: list[Path] = []

    def new_file(part: str) -> Path:
        files.append(folder / f"{part}.faiss")
        return files[-1]

    return files, build_index(vectors, new_file, threads=1, **how)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_it_finds_as_many_true_neighbours_as_it_says_with_their_true_distances(tmp_path: Path, metric: str) -> None:
    np.save(tmp_path / "vectors.npy", clusters())
    vectors = np.load(tmp_path / "vectors.npy", mmap_mode="r")
    files, facts = built(vectors, tmp_path, metric=metric)
    found = FileIndex(vectors, files, facts, threads=1).neighbours(10)
    true = find(vectors, 10, metric=metric, exact=True)
    shares = [np.isin(own, got).mean() for own, got in zip(true.indices, found.indices, strict=True)]
    assert found.recall >= file_index.ENOUGH
    assert np.mean(shares) == pytest.approx(found.recall, abs=0.02)
    assert (found.indices != np.arange(len(vectors))[:, None]).all()
    assert (np.diff(found.distances, axis=1) >= 0).all()
    whole = np.array(shares) == 1
    np.testing.assert_allclose(found.distances[whole], true.distances[whole], rtol=1e-4, atol=1e-6)


def test_parts_are_searched_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = clusters()
    whole = FileIndex(vectors, *built(vectors, tmp_path), threads=1).neighbours_of(np.arange(200), 5)
    monkeypatch.setattr(file_index, "PART_ROWS", 700)
    monkeypatch.setattr(file_index.row_blocks, "__defaults__", (7_000,))
    files, facts = built(vectors, tmp_path)
    assert len(files) == 5
    np.testing.assert_array_equal(
        FileIndex(vectors, files, facts, threads=1).neighbours_of(np.arange(200), 5).indices, whole.indices
    )


def test_few_equal_and_lonely_vectors_have_all_their_neighbours(tmp_path: Path) -> None:
    for vectors in (np.eye(5, dtype="f4"), np.ones((300, 3), "f4"), np.repeat(clusters(40), 30, axis=0)):
        index = FileIndex(vectors, *built(vectors, tmp_path), threads=1)
        found = index.neighbours(50)
        assert found.indices.shape == (len(vectors), min(50, len(vectors) - 1))
        assert all(len(set(row)) == len(row) for row in found.indices.tolist())
        assert found.indices.min() >= 0
    one = np.ones((1, 4), "f4")
    assert FileIndex(one, *built(one, tmp_path), threads=1).neighbours(3).indices.shape == (1, 0)


def test_vectors_of_which_no_copy_fits_are_searched_in_files(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = clusters()
    true = find(vectors, 10, exact=True)
    assert file_index.fits_in_memory(1_000_000, 64)
    monkeypatch.setattr(file_index, "LARGEST_COPY", vectors.nbytes - 1)
    assert not file_index.fits_in_memory(*vectors.shape)
    found = find(vectors, 10, threads=1)
    assert found.recall > 0.9
    assert np.mean(found.indices == true.indices) > 0.9
