"""`lab.project` joins neighbours, a method and the measures of trust, and searches neighbours once for all."""

from __future__ import annotations

import gc
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import embedding_lab as lab
from embedding_lab.app.shared_neighbours import SharedNeighbours
from embedding_lab.embeddings import EmbeddingSet
from embedding_lab.errors import InputError, NotFinite, UnknownName
from embedding_lab.projection import file_index, find, measure

QUICK: dict[str, dict[str, Any]] = {"pca": {}, "tsne": {"max_iter": 60}, "umap": {"epochs": 20}}

COMPILES = pytest.param("umap", marks=pytest.mark.long)
"""UMAP is compiled for a quarter of a minute; tests/projection/test_umap.py tries `lab.project` with it too."""


def clusters(n: int = 120, dims: int = 8) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    cluster = np.arange(n) % 3
    return (random.normal(size=(n, dims)) + 9 * np.eye(3, dims)[cluster]).astype(np.float32), cluster


@pytest.fixture
def kept(tmp_path: Path) -> EmbeddingSet:
    """A set of three clusters that lies in a run."""
    vectors, cluster = clusters()
    lab.log_embeddings(tmp_path / "run", vectors, layer="mine", step=3, labels=cluster)
    return lab.open_run(tmp_path / "run").embeddings("mine")


class Stages:
    """Hears which stages of work there were."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def __call__(self, stage: str, done: int, total: int | None, note: str = "", /) -> None:
        self.names.add(stage)


@pytest.mark.parametrize("method", ["pca", "tsne", COMPILES])
def test_every_method_gives_a_map_that_says_how_far_to_trust_it(method: str, kept: EmbeddingSet) -> None:
    found = lab.project(kept, method, dims=2, seed=4, **QUICK[method])
    assert (found.points.shape, found.points.dtype, found.state) == ((120, 2), np.float32, "complete")
    assert (found.method, found.seed) == (method, 4)
    assert list(found.ids) == list(kept.ids)
    assert found.parameters["metric"] == "euclidean"
    assert QUICK[method].items() <= found.parameters.items()
    json.dumps(found.parameters)
    truth = measure(kept.vectors, found.points, labels=kept.dataset.labels)
    assert {**found.quality, "kl": 0} == {**truth.totals, "kl": 0}
    for name, values in truth.per_sample.items():
        np.testing.assert_array_equal(found.per_sample[name], values)
    assert found.quality["label_agreement_map"] > 0.9


def test_plain_vectors_in_any_form_give_the_same_map(tmp_path: Path) -> None:
    vectors, _ = clusters()
    np.save(tmp_path / "vectors.npy", vectors)
    mapped = np.load(tmp_path / "vectors.npy", mmap_mode="r")
    maps = [lab.project(each, "tsne", max_iter=30).points for each in (vectors, mapped, vectors.tolist())]
    assert maps[0].shape == (120, 3)
    assert maps[0].tobytes() == maps[1].tobytes() == maps[2].tobytes()


@pytest.mark.parametrize("method", ["pca", COMPILES])
def test_neighbours_are_searched_once_and_shared_by_methods_and_measures(kept: EmbeddingSet, method: str) -> None:
    first, later = Stages(), Stages()
    lab.project(kept, "tsne", max_iter=20, progress=first)
    assert "search neighbours" in first.names
    lab.project(kept, method, **QUICK[method], progress=later)
    assert "search neighbours" not in later.names


def test_a_later_process_finds_the_neighbours_beside_the_vectors(kept: EmbeddingSet) -> None:
    lab.project(kept, "pca")
    assert kept.place is not None
    folder = kept.place.run / "plugins/embedding_lab/layers/mine/3/neighbours"
    assert json.loads((folder / "euclidean.json").read_text())["shape"] == [120, 90]
    again, stages = lab.open_run(kept.place.run).embeddings("mine"), Stages()
    assert again is not kept
    found = SharedNeighbours(again, "euclidean", progress=stages)(15)
    assert not stages.names
    np.testing.assert_array_equal(found.indices, find(kept.vectors, 15).indices)


def test_each_metric_has_neighbours_of_its_own(kept: EmbeddingSet) -> None:
    for metric in ("euclidean", "cosine"):
        found = SharedNeighbours(kept, metric)(5)
        np.testing.assert_array_equal(found.indices, find(kept.vectors, 5, metric=metric).indices)
    assert kept.place is not None
    folder = kept.place.run / "plugins/embedding_lab/layers/mine/3/neighbours"
    assert sorted(each.name for each in folder.glob("*.json")) == ["cosine.json", "euclidean.json"]


@pytest.mark.parametrize("damage", ["vectors replaced", "file gone", "file cut", "rows out of range"])
def test_neighbours_of_other_vectors_or_broken_ones_are_searched_anew(kept: EmbeddingSet, damage: str) -> None:
    SharedNeighbours(kept, "euclidean")(5)
    assert kept.place is not None
    (file,) = kept.place.run.rglob("euclidean-*.npz")
    if damage == "vectors replaced":
        lab.log_embeddings(kept.place.run, clusters()[0][::-1], layer="mine", step=3)
    elif damage == "file gone":
        file.unlink()
    elif damage == "file cut":
        file.write_bytes(file.read_bytes()[:-40])
    else:
        with np.load(file) as arrays:
            indices, distances = arrays["indices"] + 7, arrays["distances"]
        np.savez(file, indices=indices, distances=distances)
    again = lab.open_run(kept.place.run).embeddings("mine")
    found = SharedNeighbours(again, "euclidean")(5)
    np.testing.assert_array_equal(found.indices, find(again.vectors, 5).indices)


def test_more_neighbours_than_were_kept_are_searched_and_kept(tmp_path: Path) -> None:
    lab.log_embeddings(tmp_path / "run", clusters(200)[0], layer="mine")
    one = lab.open_run(tmp_path / "run").embeddings("mine", step=None)
    assert SharedNeighbours(one, "euclidean")(3).k == 3
    assert SharedNeighbours(one, "euclidean")(150).k == 150
    del one
    gc.collect()
    stages = Stages()
    again = lab.open_run(tmp_path / "run").embeddings("mine", step=None)
    assert SharedNeighbours(again, "euclidean", progress=stages)(150).k == 150
    assert not stages.names


def test_a_set_that_was_changed_does_not_take_the_neighbours_of_the_old_one(kept: EmbeddingSet) -> None:
    lab.project(kept, "pca")
    other = replace(kept, vectors=np.ascontiguousarray(kept.vectors[::-1]))
    assert other.place is None
    found = SharedNeighbours(other, "euclidean")(5)
    np.testing.assert_array_equal(found.indices, find(other.vectors, 5).indices)


def test_the_map_so_far_is_told_with_its_divergence(kept: EmbeddingSet) -> None:
    seen: list[Any] = []
    lab.project(kept, "tsne", max_iter=100, interval=25, forming=seen.append)
    assert [(each.done, each.total, each.state) for each in seen] == [
        (done, 100, "forming") for done in (25, 50, 75, 100)
    ]
    assert all(each.quality["kl"] > 0 and each.points.shape == (120, 3) for each in seen)


def test_a_map_can_start_from_another_and_says_so(kept: EmbeddingSet) -> None:
    first = lab.project(kept, "pca")
    found = lab.project(kept, "tsne", max_iter=20, init=first)
    assert found.parameters["init"] == "given"
    assert found.parent == {"method": "pca", "parameters": {"metric": "euclidean"}, "seed": 0}


@pytest.mark.parametrize(
    ("asked", "error", "said"),
    [
        ({"method": "mds"}, UnknownName, "pca, tsne, umap"),
        ({"perplexty": 3}, UnknownName, "perplexity"),
        ({"metric": "manhattan"}, UnknownName, "euclidean, cosine"),
        ({"dims": 4}, InputError, "2 or 3"),
        ({"dims": 1}, InputError, "2 or 3"),
        ({"method": "pca", "dims": 1}, InputError, "2 or more"),
    ],
)
def test_what_there_is_not_is_answered_with_what_there_is(asked: Any, error: Any, said: str) -> None:
    with pytest.raises(error, match=said):
        lab.project(clusters()[0], **asked)


def test_vectors_that_are_not_finite_are_refused_with_their_row() -> None:
    vectors = clusters()[0]
    vectors[17, 3] = np.nan
    with pytest.raises(NotFinite, match="17"):
        lab.project(vectors, "tsne")


@settings(max_examples=25)
@given(
    rows=st.integers(1, 40),
    columns=st.integers(1, 5),
    copies=st.integers(1, 3),
    dims=st.sampled_from([2, 3]),
    method=st.sampled_from(["pca", "tsne"]),
    metric=st.sampled_from(["euclidean", "cosine"]),
    seed=st.integers(0, 99),
)
def test_any_small_table_gets_a_map(
    rows: int, columns: int, copies: int, dims: int, method: str, metric: str, seed: int
) -> None:
    vectors = np.repeat(np.random.default_rng(seed).integers(-2, 3, (rows, columns)), copies, axis=0)
    own = {"max_iter": 20} if method == "tsne" else {}
    found = lab.project(vectors.astype(np.float32), method, dims=dims, metric=metric, seed=seed, **own)
    assert found.points.shape == (len(vectors), dims)
    assert np.isfinite(found.points).all()
    assert all(len(values) == len(vectors) for values in found.per_sample.values())
    assert all(np.isfinite(value) for value in found.quality.values())


def test_vectors_that_do_not_fit_in_memory_get_an_index_that_is_kept(
    kept: EmbeddingSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_index, "LARGEST_COPY", 1)
    first, later = Stages(), Stages()
    found = lab.project(kept, "tsne", dims=2, max_iter=20, progress=first)
    assert "index vectors" in first.names
    assert found.quality["index_recall"] > 0.9
    assert {"kept_10", "kept_10_error"} <= set(found.quality)
    assert kept.place is not None
    again = lab.open_run(kept.place.run).embeddings("mine", 3)
    lab.project(again, "tsne", dims=2, max_iter=21, progress=later)
    assert "index vectors" not in later.names
    lab.log_embeddings(kept.place.run, np.asarray(kept.vectors) + 1, layer="mine", step=3)
    anew = Stages()
    lab.project(lab.open_run(kept.place.run).embeddings("mine", 3), "tsne", dims=2, max_iter=20, progress=anew)
    assert "index vectors" in anew.names, "the index of other vectors is none of these"
