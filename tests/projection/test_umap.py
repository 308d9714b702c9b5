"""UMAP uses the neighbours it is given, at every size, and leaves the rest of the process alone."""

from __future__ import annotations

import subprocess
import sys
from typing import ClassVar

import numpy as np
import pytest

import embedding_lab as lab
from contracts.projection_contract import ProjectionContract
from embedding_lab.errors import InputError
from embedding_lab.progress import silent
from embedding_lab.projection import neighbours, umap

compiles = pytest.mark.long  # umap-learn anew in each process, for a quarter of a minute


def project(vectors, found, **own):
    return umap.project(
        vectors,
        dims=2,
        seed=0,
        metric=found.metric,
        neighbours=found.nearest,
        forming=lambda *told: None,
        progress=silent,
        threads=1,
        **own,
    )


@compiles
class TestUMAP(ProjectionContract):
    name = "umap"
    quick: ClassVar = {"epochs": 20}


@compiles
@pytest.mark.parametrize("n", [300, 5_000])  # umap-learn by itself ignores given neighbours below 4,096
def test_the_map_follows_the_neighbours_given_not_the_vectors(n):
    random = np.random.default_rng(0)
    vectors, others = random.normal(size=(n, 5)), random.normal(size=(n, 3))
    given = neighbours.find(others, 14)
    points = project(vectors, given, epochs=30)
    kept = np.mean(
        [np.isin(a, b).mean() for a, b in zip(given.indices, neighbours.find(points, 14).indices, strict=True)]
    )
    assert kept > 0.15
    np.testing.assert_array_equal(points, project(others, given, epochs=30))


@pytest.mark.parametrize(
    "own",
    [{"n_neighbors": 1}, {"min_dist": -0.1}, {"min_dist": 2.0}, {"epochs": 0}],
    ids=lambda own: next(iter(own)),
)
def test_parameters_out_of_range_are_refused(own):
    vectors = np.random.default_rng(1).normal(size=(20, 3))
    with pytest.raises(InputError, match=next(iter(own))):
        project(vectors, neighbours.find(vectors, 14), **own)


@compiles
def test_lab_project_gives_it_the_neighbours_that_all_methods_share_and_measures_its_map():
    vectors = np.random.default_rng(0).normal(size=(300, 5)).astype(np.float32)
    found = lab.project(vectors, "umap", dims=2, epochs=30)
    np.testing.assert_array_equal(found.points, project(vectors, neighbours.find(vectors, 90), epochs=30))
    assert (found.method, found.state, found.parameters["n_neighbors"]) == ("umap", "complete", 15)
    assert found.quality["kept_10"] == pytest.approx(found.per_sample["kept_10"].mean())
    assert found.quality["kept_10"] > 0.15


@compiles
def test_its_epochs_are_told_as_they_pass():
    vectors = np.random.default_rng(0).normal(size=(300, 5)).astype(np.float32)
    heard = []
    lab.project(vectors, "umap", dims=2, epochs=30, progress=lambda *said: heard.append(said[:3]))
    told = [said for said in heard if said[0].startswith("umap")]
    assert told[0] == ("umap begins", 0, None)
    assert [done for _, done, _ in told[1:]] == sorted(done for _, done, _ in told[1:])
    assert told[-1] == ("umap epochs", 30, 30)


def test_umap_does_not_bring_tensorflow_with_it():
    script = """
import sys
from embedding_lab.projection import umap
assert umap._umap_learn().UMAP
assert not {"tensorflow", "keras", "torch"} & set(sys.modules), "a framework was imported"
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
