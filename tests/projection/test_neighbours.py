"""The neighbours of a set are the true ones, or nearly all of them, whatever the vectors look like."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedding_lab.errors import EmptyData, InputError, NotFinite, ShapeMismatch, UnknownName
from embedding_lab.projection import neighbours, search


def brute_force(vectors, k, metric="euclidean"):
    """Indices and distances by sorting all float64 distances, at equal distance by row."""
    x = np.asarray(vectors, dtype=np.float64)
    if metric == "cosine":
        length = np.linalg.norm(x, axis=1)
        zero = length == 0
        x = x / np.where(zero, 1, length)[:, None]
        distance = 1 - x @ x.T
        distance[np.ix_(zero, zero)] = 0
    else:
        distance = np.sqrt(((x[:, None] - x[None]) ** 2).sum(-1))
    np.fill_diagonal(distance, np.inf)
    order = np.argsort(distance, axis=1, kind="stable")[:, :k]
    return order, np.take_along_axis(distance, order, axis=1)


def assert_sound(found, n, k):
    """What holds of neighbours always: shape, type, no self, no repeats, nearest first."""
    assert found.indices.shape == found.distances.shape == (n, k)
    assert found.indices.dtype == np.int32
    assert found.distances.dtype == np.float32
    assert found.k == k
    assert found.indices.min(initial=0) >= 0
    assert found.indices.max(initial=0) < n
    assert (found.indices != np.arange(n)[:, None]).all()
    assert (np.diff(np.sort(found.indices, axis=1), axis=1) > 0).all()
    assert (np.diff(found.distances, axis=1) >= 0).all()


def shared(found, true):
    return np.mean([np.isin(a, b).mean() for a, b in zip(true, found, strict=True)])


@pytest.fixture(scope="module")
def clustered():
    """9,000 points in clumps of very different size and tightness, a third of them doubles."""
    random = np.random.default_rng(3)
    centres = random.normal(size=(30, 16)) * 20
    belongs = random.choice(30, 6_000, p=random.dirichlet(np.full(30, 0.5)))
    points = centres[belongs] + random.normal(size=(6_000, 16)) * random.lognormal(0, 1.5, (30, 1))[belongs]
    return np.concatenate([points, points[:3_000]]).astype(np.float32)


def test_small_sets_give_the_exact_neighbours():
    random = np.random.default_rng(0)
    vectors = random.normal(size=(1_500, 20))
    found = neighbours.find(vectors, 15)
    true, distances = brute_force(vectors, 15)
    assert found.recall == 1.0
    assert_sound(found, 1_500, 15)
    np.testing.assert_array_equal(found.indices, true)
    np.testing.assert_allclose(found.distances, distances, rtol=1e-5)


def test_cosine_is_one_minus_the_cosine():
    vectors = np.random.default_rng(1).normal(size=(800, 12)) + 2
    found = neighbours.find(vectors, 10, metric="cosine")
    true, distances = brute_force(vectors, 10, "cosine")
    np.testing.assert_array_equal(found.indices, true)
    np.testing.assert_allclose(found.distances, distances, rtol=1e-4)


def test_cosine_tells_directions_apart_that_are_nearly_one():
    vectors = 1 + 1e-6 * np.random.default_rng(2).normal(size=(300, 8))
    found = neighbours.find(vectors, 5, metric="cosine")
    _, distances = brute_force(vectors - 0, 5, "cosine")
    np.testing.assert_allclose(found.distances[:, -1], distances[:, -1], atol=1e-15)
    assert found.distances.max() > 0


def test_zero_vectors_have_a_direction_of_their_own():
    vectors = np.array([[0, 0], [1, 0], [0, 0], [0, 2], [3, 0]], dtype=np.float32)
    found = neighbours.find(vectors, 4, metric="cosine")
    np.testing.assert_array_equal(found.indices[0], [2, 1, 3, 4])
    np.testing.assert_allclose(found.distances[0], [0, 1, 1, 1], atol=1e-6)
    np.testing.assert_array_equal(found.indices[1], [4, 0, 2, 3])


@settings(max_examples=60, deadline=None)
@given(
    n=st.integers(1, 40),
    dims=st.integers(1, 5),
    k=st.integers(1, 12),
    values=st.integers(1, 4),
    metric=st.sampled_from(["euclidean", "cosine"]),
    seed=st.integers(0, 10_000),
)
def test_ties_and_duplicates_go_by_row(n, dims, k, values, metric, seed):
    vectors = np.random.default_rng(seed).integers(0, values, size=(n, dims)).astype(np.float32)
    found = neighbours.find(vectors, k, metric=metric)
    assert_sound(found, n, min(k, n - 1))
    true, distances = brute_force(vectors, min(k, n - 1), metric)
    np.testing.assert_allclose(found.distances, distances, atol=1e-6)
    if metric == "euclidean":  # whole numbers: equal distances are equal in both
        np.testing.assert_array_equal(found.indices, true)


@pytest.mark.parametrize("scale", [1e-30, 1e-6, 1.0, 1e30])
@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_scale_and_distance_from_the_origin_do_not_matter(scale, offset):
    vectors = (np.random.default_rng(5).normal(size=(700, 10)) + offset) * scale
    found = neighbours.find(vectors, 10)
    true, distances = brute_force(vectors / scale, 10)
    assert shared(found.indices, true) > 0.9999
    np.testing.assert_allclose(found.distances / scale, distances, rtol=1e-4)


def test_tight_clumps_far_apart_keep_their_inner_neighbours():
    random = np.random.default_rng(6)
    clumps = random.normal(size=(4, 8)) * 1e6
    vectors = (clumps[random.integers(0, 4, 2_000)] + random.normal(size=(2_000, 8))).astype(np.float32)
    found = neighbours.find(vectors, 10)
    np.testing.assert_allclose(found.distances, brute_force(vectors, 10)[1], rtol=1e-5)


def test_one_far_outlier_spoils_nothing():
    vectors = np.random.default_rng(7).normal(size=(900, 6))
    vectors[17] = 1e30
    found = neighbours.find(vectors, 8)
    rest = np.delete(np.arange(900), 17)
    assert shared(found.indices[rest], brute_force(vectors, 8)[0][rest]) > 0.9999
    assert_sound(found, 900, 8)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.uint8, np.int64, bool])
def test_any_real_type_is_taken(dtype):
    vectors = (np.random.default_rng(8).random((200, 9)) * 2).astype(dtype)
    found = neighbours.find(vectors, 4)
    np.testing.assert_allclose(found.distances, brute_force(vectors, 4)[1], rtol=1e-5)


@pytest.mark.parametrize("n", [1, 2, 3, 15, 16])
def test_there_are_no_more_neighbours_than_other_samples(n):
    found = neighbours.find(np.random.default_rng(9).normal(size=(n, 3)), 15)
    assert_sound(found, n, min(15, n - 1))


@pytest.mark.parametrize("n", [5, 600, 30_000])
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_equal_vectors_are_each_others_neighbours_by_row(n, metric):
    found = neighbours.find(np.full((n, 7), 3.5, dtype=np.float32), 4, metric=metric)
    assert_sound(found, n, 4)
    assert not found.distances.any()
    np.testing.assert_array_equal(found.indices[-1], np.arange(4))


@pytest.mark.parametrize(
    ("metric", "k"),
    [
        ("euclidean", 15),
        ("cosine", 90),
        pytest.param("euclidean", 90, marks=pytest.mark.long),
        pytest.param("cosine", 15, marks=pytest.mark.long),
    ],
)
def test_an_index_finds_98_of_100_and_says_how_many(clustered, k, metric):
    index = neighbours.find(clustered, k, metric=metric, exact=False)
    assert_sound(index, len(clustered), k)
    true = neighbours.find(clustered, k, metric=metric, exact=True)
    assert true.recall == 1.0
    recall = shared(index.indices, true.indices)
    assert recall >= 0.975
    assert index.recall >= 0.98
    assert index.recall == pytest.approx(recall, abs=0.015)


def test_where_no_index_helps_all_distances_are_computed():
    vectors = np.random.default_rng(10).normal(size=(3_000, 200))
    found = neighbours.find(vectors, 15, exact=False)
    assert found.recall == 1.0
    assert shared(found.indices, neighbours.find(vectors, 15).indices) == 1.0


def test_maps_of_any_size_are_searched_exactly():
    points = np.random.default_rng(11).normal(size=(25_000, 2)).astype(np.float32)
    found = neighbours.find(points, 10)
    assert_sound(found, 25_000, 10)
    assert found.recall == 1.0
    for row in range(0, 25_000, 1_000):
        distance = ((points.astype(np.float64) - points[row]) ** 2).sum(axis=1)
        np.testing.assert_array_equal(found.indices[row], np.argsort(distance, kind="stable")[1:11])


def test_the_result_is_the_same_bytes_for_any_number_of_threads(clustered):
    one = neighbours.find(clustered, 15, exact=True, threads=1)
    two = neighbours.find(clustered, 15, exact=True, threads=2)
    np.testing.assert_array_equal(one.indices, two.indices)
    np.testing.assert_array_equal(one.distances, two.distances)
    first = neighbours.find(clustered, 15, exact=False, seed=4, threads=2)
    again = neighbours.find(clustered, 15, exact=False, seed=4, threads=2)
    assert first.indices.tobytes() == again.indices.tobytes()
    assert first.distances.tobytes() == again.distances.tobytes()


def test_a_memory_mapped_file_gives_the_same(tmp_path, clustered):
    np.save(tmp_path / "vectors.npy", clustered[:3_000])
    mapped = np.load(tmp_path / "vectors.npy", mmap_mode="r")
    np.testing.assert_array_equal(neighbours.find(mapped, 9).indices, neighbours.find(clustered[:3_000], 9).indices)


def test_fewer_neighbours_are_the_first_of_more():
    vectors = np.random.default_rng(12).normal(size=(300, 5))
    more, fewer = neighbours.find(vectors, 20), neighbours.find(vectors, 7)
    np.testing.assert_array_equal(more.nearest(7).indices, fewer.indices)
    assert neighbours.find(vectors[:5], 20).nearest(15).k == 4
    with pytest.raises(InputError, match="not so many"):
        fewer.nearest(8)


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("dims", [2, 12])
def test_new_vectors_find_their_neighbours_each_on_its_own(exact, dims):
    random = np.random.default_rng(13)
    old, new = random.normal(size=(5_000, dims)), random.normal(size=(40, dims))
    old[100] = old[4_000]
    index = neighbours.Index(old, exact=exact)
    together = index.query(new, 6)
    for i in range(0, 40, 7):
        alone = index.query(new[i : i + 1], 6)
        np.testing.assert_array_equal(alone.indices[0], together.indices[i])
        np.testing.assert_array_equal(alone.distances[0], together.distances[i])
    distance = np.sqrt(((new[:, None] - old[None]) ** 2).sum(-1))
    assert shared(together.indices, np.argsort(distance, axis=1, kind="stable")[:, :6]) >= 0.97
    itself = index.query(old[[100, 7]], 2)
    np.testing.assert_array_equal(itself.indices[0], [100, 4_000])
    np.testing.assert_array_equal(itself.distances[0], [0, 0])
    assert itself.indices[1, 0] == 7


def test_cells_smaller_than_a_neighbourhood_still_give_every_row_all_its_neighbours():
    random = np.random.default_rng(0)
    centres = 3 * random.normal(size=(200, 64))
    vectors = (centres[random.integers(0, 200, 40_000)] + random.normal(size=(40_000, 64))).astype(np.float32)
    found = neighbours.find(vectors, 90)
    assert found.recall >= 0.98
    assert ((found.indices >= 0) & (found.indices < 40_000)).all()
    assert (np.diff(np.sort(found.indices, axis=1), axis=1) > 0).all()
    assert np.isfinite(found.distances).all()


def test_thousands_of_new_vectors_find_what_each_finds_alone(monkeypatch):
    random = np.random.default_rng(13)
    index = neighbours.Index(random.normal(size=(30_000, 12)).astype(np.float32), exact=False)
    new = random.normal(size=(600, 12)).astype(np.float32)
    alone = index.query(new, 10)
    monkeypatch.setattr(search, "MANY_POINTS", 100)
    together = index.query(new, 10)
    assert (together.indices == alone.indices).mean() > 0.999
    np.testing.assert_allclose(together.distances, alone.distances, rtol=1e-4)


def test_large_maps_answer_new_points():
    points = np.random.default_rng(14).normal(size=(21_000, 3)).astype(np.float32)
    found = neighbours.Index(points).query(points[:5], 3)
    np.testing.assert_array_equal(found.indices[:, 0], np.arange(5))


def test_progress_counts_every_sample():
    heard = []
    neighbours.find(np.random.default_rng(15).normal(size=(2_000, 4)), 5, progress=lambda *said: heard.append(said))
    assert heard[-1] == ("search neighbours", 2_000, 2_000)
    assert all(a[1] <= b[1] for a, b in pairwise(heard))


@pytest.mark.parametrize("threads", [1, 2])
def test_an_interruption_passes_through(threads):
    def stop(stage, done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        neighbours.find(np.random.default_rng(16).normal(size=(4_000, 4)), 5, progress=stop, threads=threads)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused_with_their_row(bad):
    vectors = np.ones((50, 4), dtype=np.float32)
    vectors[33, 2] = bad
    with pytest.raises(NotFinite, match="row 33"):
        neighbours.find(vectors, 3)


def test_what_cannot_be_searched_is_refused():
    vectors = np.ones((5, 4))
    with pytest.raises(InputError, match="k=0"):
        neighbours.find(vectors, 0)
    with pytest.raises(UnknownName, match="cosine"):
        neighbours.find(vectors, 1, metric="manhattan")
    with pytest.raises(EmptyData):
        neighbours.find(np.ones((0, 4)), 1)
    with pytest.raises(ShapeMismatch):
        neighbours.find(np.ones(4), 1)
    with pytest.raises(ShapeMismatch, match="4"):
        neighbours.Index(vectors).query(np.ones((1, 3)), 1)
    with pytest.raises(InputError, match="too large"):
        neighbours.find(vectors * np.array([[1], [2], [3], [4], [5]]) * 1e100, 1)
    with pytest.raises(InputError, match="threads=0"):
        neighbours.find(vectors, 1, threads=0)


LIBRARIES = ["tensorflow", "sklearn.cluster", "numba", "faiss"]


@pytest.mark.long
@pytest.mark.parametrize(
    "order",
    [
        pytest.param(LIBRARIES, id="tensorflow first"),
        pytest.param(LIBRARIES[::-1], id="faiss first"),
    ],
)
def test_the_openmp_of_every_library_lives_in_one_process(order):
    script = f"""
import {", ".join(order)}, numpy as np
from embedding_lab.projection import neighbours
x = np.random.default_rng(0).normal(size=(3000, 8)).astype("float32")
for turn in range(2):
    found = neighbours.find(x, 5, exact=bool(turn), threads=2)
    tensorflow.linalg.matmul(x, x, transpose_b=True).numpy()
    sklearn.cluster.KMeans(8, n_init=1).fit(x)
    faiss.knn(x, x, 3)
@numba.njit(parallel=True)
def total(a):
    s = 0.0
    for i in numba.prange(a.size):
        s += a[i]
    return s
total(x[:, 0].copy())
neighbours.find(x, 5, threads=2)
print("sound", found.recall)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "sound 1.0" in done.stdout
