"""What every projection method must do: a test class to inherit, with the method's name as `name`.

class TestMine(ProjectionContract):
    name = "mine"
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest

from embedding_lab.errors import EmptyData, InputError, NotFinite, UnknownName
from embedding_lab.progress import silent
from embedding_lab.projection import method as methods
from embedding_lab.projection import neighbours


def project(name: str, vectors: Any, *, dims: int = 2, seed: int = 0, forming: Any = None, **own: Any) -> Any:
    """Calls a method as the command line does, with neighbours computed where it asks for them."""
    return methods.method_of(name)(
        vectors,
        dims=dims,
        seed=seed,
        metric="euclidean",
        neighbours=lambda k: neighbours.find(vectors, k),
        forming=forming or (lambda *told: None),
        progress=silent,
        threads=2,
        **own,
    )


def three_clusters(n: int = 90, dims: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """Vectors in three clusters far apart, row by row in turn, and the cluster of each."""
    random = np.random.default_rng(1)
    cluster = np.arange(n) % 3
    return (random.normal(size=(n, dims)) + 12 * np.eye(3, dims)[cluster]).astype(np.float32), cluster


class ProjectionContract:
    """Inherit, and name the method."""

    name: ClassVar[str]
    quick: ClassVar[dict[str, Any]] = {}
    """Own parameters that make it quick, for the tests that look at form only."""

    def run(self, vectors: Any, **asked: Any) -> Any:
        return project(self.name, vectors, **{**self.quick, **asked})

    def test_it_is_in_the_table(self) -> None:
        assert self.name in methods.METHODS
        methods.check_parameters(self.name, self.quick)
        with pytest.raises(UnknownName, match="no_such"):
            methods.check_parameters(self.name, {"no_such": 1})

    @pytest.mark.parametrize("dims", [2, 3])
    def test_a_map_is_finite_float32_row_by_row(self, dims: int) -> None:
        points = self.run(three_clusters()[0], dims=dims)
        assert isinstance(points, np.ndarray)
        assert points.shape == (90, dims)
        assert points.dtype == np.float32
        assert np.isfinite(points).all()

    def test_a_seed_gives_the_same_bytes(self) -> None:
        vectors = three_clusters()[0]
        before = vectors.copy()
        assert self.run(vectors, seed=5).tobytes() == self.run(vectors, seed=5).tobytes()
        np.testing.assert_array_equal(vectors, before)

    def test_clusters_far_apart_stay_apart_and_rows_keep_their_order(self) -> None:
        vectors, cluster = three_clusters()
        points = project(self.name, vectors)
        nearest = neighbours.find(points, 5).indices
        assert (cluster[nearest] == cluster[:, None]).mean() > 0.95

    @pytest.mark.parametrize("dims", [2, 3])
    @pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 8, 14])
    def test_few_samples_are_enough(self, n: int, dims: int) -> None:
        points = self.run(three_clusters()[0][:n], dims=dims)
        assert points.shape == (n, dims)
        assert np.isfinite(points).all()

    def test_vectors_may_have_fewer_columns_than_the_map(self) -> None:
        points = self.run(three_clusters(30, 3)[0][:, :1], dims=3)
        assert points.shape == (30, 3)
        assert np.isfinite(points).all()

    @pytest.mark.parametrize("kind", ["constant", "duplicates", "outlier", "tiny", "huge", "float64", "float16"])
    def test_any_finite_vectors_give_a_finite_map(self, kind: str) -> None:
        vectors = three_clusters(60)[0]
        if kind == "constant":
            vectors[:] = 3
        elif kind == "duplicates":
            vectors = np.repeat(vectors[:6], 10, axis=0)
        elif kind == "outlier":
            vectors[7] = 1e6
        else:
            vectors = {
                "tiny": vectors * np.float32(1e-30),
                "huge": vectors * np.float32(1e30),
                "float64": vectors.astype(np.float64),
                "float16": vectors.astype(np.float16),
            }[kind]
        points = self.run(vectors)
        assert points.shape == (60, 2)
        assert np.isfinite(points).all()

    @pytest.mark.parametrize("bad", [np.nan, np.inf])
    def test_values_that_are_not_finite_are_refused_with_their_row(self, bad: float) -> None:
        vectors = three_clusters()[0]
        vectors[41, 2] = bad
        with pytest.raises(NotFinite, match="41"):
            self.run(vectors)

    def test_no_vectors_are_refused(self) -> None:
        with pytest.raises(EmptyData):
            self.run(np.empty((0, 4), dtype=np.float32))
        with pytest.raises(InputError):
            self.run(np.ones(7))

    def test_memory_mapped_vectors_are_read(self, tmp_path: Any) -> None:
        vectors = three_clusters()[0]
        np.save(tmp_path / "vectors.npy", vectors)
        mapped = np.load(tmp_path / "vectors.npy", mmap_mode="r")
        np.testing.assert_array_equal(self.run(mapped), self.run(vectors))

    def test_the_map_is_handed_on_and_an_interruption_passes_through(self) -> None:
        seen: list[Any] = []

        def stop(points: Any, done: int, total: int, measures: Any, checkpoint: Any) -> None:
            seen.append((points.shape, points.dtype, 0 < done <= total))
            raise KeyboardInterrupt

        vectors = three_clusters()[0]
        with pytest.raises(KeyboardInterrupt):
            self.run(vectors, forming=stop)
        assert seen == [((90, 2), np.float32, True)]
        assert self.run(vectors).shape == (90, 2)
