"""Neighbours are the true ones, whatever rounding does, and the route says which of them the map keeps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedding_lab.app.kept_index import made_index
from embedding_lab.board.dashboard.nearest import METRICS, Metric, lengths_of, nearest_rows
from embedding_lab.embeddings import Run
from embedding_lab.embeddings.vectors import ShardedArray


def true_distances(vectors: Any, row: int, metric: Metric) -> Any:
    wide = vectors.astype(np.float64)
    if metric == "euclidean":
        return np.sqrt(((wide - wide[row]) ** 2).sum(axis=1))
    lengths = np.linalg.norm(wide, axis=1)
    one = lengths > 0
    if not one[row]:
        return np.where(one, 1.0, 0.0)
    cosine = wide @ wide[row] / np.where(one, lengths * lengths[row], 1)
    return np.where(one, np.maximum(1 - cosine, 0), 1.0)


def check(vectors: Any, row: int, k: int, metric: Metric) -> None:
    lengths = lengths_of(vectors)
    rows, distances = nearest_rows(vectors, lengths, np.array(vectors[row]), k, metric, leave_out=row)
    plain = np.asarray(vectors[:])
    true = true_distances(plain, row, metric)
    true[row] = np.inf
    assert len(rows) == len(set(rows.tolist())) == min(k, len(plain) - 1)
    assert row not in rows
    assert np.allclose(distances, np.sort(true)[: len(rows)], rtol=1e-9, atol=1e-12)
    assert np.allclose(true[rows], distances, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("offset", "scale"), [(0, 1), (1e4, 1), (1e6, 1e-3), (0, 1e-25), (0, 1e25), (3e19, 1e15), (-5, 1e-30)]
)
def test_neighbours_are_true_far_from_the_origin_and_at_every_scale(
    metric: Metric, offset: float, scale: float
) -> None:
    random = np.random.default_rng(0)
    vectors = (offset + scale * random.normal(size=(500, 20))).astype(np.float32)
    for row in (0, 250, 499):
        check(vectors, row, 10, metric)


@pytest.mark.parametrize("metric", METRICS)
def test_equal_vectors_and_zeros_have_neighbours_too(metric: Metric) -> None:
    vectors = np.repeat(np.array([[0, 0], [1, 1], [2, 2], [0, 1]], np.float32), 5, axis=0)
    for row in range(20):
        check(vectors, row, 7, metric)


@given(
    rows=st.integers(1, 40),
    dims=st.integers(1, 6),
    k=st.integers(1, 50),
    seed=st.integers(0, 1000),
    power=st.integers(-20, 18),
    metric=st.sampled_from(METRICS),
)
def test_neighbours_are_true_for_any_shape(
    rows: int, dims: int, k: int, seed: int, power: int, metric: Metric
) -> None:
    random = np.random.default_rng(seed)
    vectors = (np.round(random.normal(size=(rows, dims)), 1) * 10.0**power).astype(np.float32)
    check(vectors, int(random.integers(rows)), k, metric)


def test_shards_are_searched_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("embedding_lab.board.dashboard.nearest._BLOCK_BYTES", 700)
    vectors = np.random.default_rng(0).normal(size=(300, 7)).astype(np.float32)
    sharded = ShardedArray([vectors[:100], vectors[100:130], vectors[130:]])
    for metric in METRICS:
        check(sharded, 120, 10, metric)


@pytest.mark.parametrize("metric", METRICS)
def test_the_route_says_which_neighbours_the_map_keeps(page: Any, dense: Any, run: Run, metric: Metric) -> None:
    answer = page.json("neighbours", **dense, row=8, k=10, metric=metric, map="tsne-3d")
    vectors = np.asarray(run.vectors("block/Dense", 2))
    points = run.map("block/Dense", "tsne-3d").points
    near = np.argsort(true_distances(vectors, 8, metric))[1:11]
    on_map = np.argsort(true_distances(points, 8, "euclidean"))[1:11]
    assert answer["metric"] == metric
    assert {each["row"] for each in answer["neighbours"]} == set(near.tolist())
    assert [each["id"] for each in answer["neighbours"]] == [
        f"tiny/{each['row']:05d}" for each in answer["neighbours"]
    ]
    distances = [each["distance"] for each in answer["neighbours"]]
    assert distances == sorted(distances)
    assert {each["row"] for each in answer["neighbours"] if each["kept"]} == set(near) & set(on_map)
    assert {each["row"] for each in answer["false_neighbours"]} == set(on_map) - set(near)


def test_a_sample_that_is_not_on_the_map_has_neighbours_of_which_nothing_is_said(page: Any, dense: Any) -> None:
    answer = page.json("neighbours", **dense, row=3, map="umap-2d")
    assert [each["kept"] for each in answer["neighbours"]] == [None] * 10
    assert answer["false_neighbours"] == []


def test_where_an_index_was_kept_the_route_asks_it_and_says_its_recall(
    own_page: Any, dense: Any, own_run: Run
) -> None:
    asked = {**dense, "row": 5, "k": 7}
    assert own_page.json("neighbours", **asked)["metric"] == "cosine", "that is the usual one"
    exact = own_page.json("neighbours", **asked, metric="euclidean")
    assert exact["recall"] == 1
    made_index(own_run.embeddings(dense["layer"], dense["step"]), "euclidean", threads=1)
    found = own_page.json("neighbours", **asked)
    assert found["metric"] == "euclidean", "by another all vectors would be read"
    assert (
        found["recall"] == own_run.index(dense["layer"], dense["step"], vectors=_generation(own_run, dense)).recall
    )
    assert [each["row"] for each in found["neighbours"]] == [each["row"] for each in exact["neighbours"]]
    some = own_page.post("trust", {"set": dense, "rows": [*range(0, 90, 3)]}).json
    assert some["looked_at"] == 30


def test_an_index_that_cannot_be_read_is_as_good_as_none_and_made_anew(
    own_page: Any, dense: Any, own_run: Run
) -> None:
    embeddings = own_run.embeddings(dense["layer"], dense["step"])
    made_index(embeddings, "euclidean", threads=1)
    kept = own_run.index(dense["layer"], dense["step"], vectors=_generation(own_run, dense))
    assert kept is not None
    kept.files[0].write_bytes(b"spoilt")
    assert own_page.json("neighbours", **dense, row=5, k=7, metric="euclidean")["recall"] == 1
    assert len(made_index(embeddings, "euclidean", threads=1)) == len(embeddings)


def _generation(run: Run, dense: Any) -> str:
    place = run.embeddings(dense["layer"], dense["step"]).place
    assert place is not None
    return place.generation
