"""The fast push is the exact one within a percent, in any map; and the exact one is what the formula says."""

from __future__ import annotations

import numpy as np
import pytest

from embedding_lab.projection import repulsion_mesh
from embedding_lab.projection.crew import Crew, crew_of
from embedding_lab.projection.kernel import Kernel, kernel_for
from embedding_lab.projection.repulsion import ExactRepulsion, Push
from embedding_lab.projection.repulsion_mesh import MeshRepulsion, planned
from embedding_lab.projection.repulsion_pairs import NearPairs, smoothed

ALONE = Crew(1, None)
KERNELS = [kernel_for(2), kernel_for(3), kernel_for(3, "gradient")]
N = 3_000


def by_definition(points: np.ndarray, kernel: Kernel) -> Push:
    apart = points[:, :, None].astype(float) - points[:, None, :]
    t = 1 / (1 + (apart**2).sum(axis=0) / kernel.dof)
    forces = (t**kernel.push * apart).sum(axis=2)
    return Push(forces, float((t**kernel.likeness).sum() - points.shape[1]))


def clusters(dims: int, extent: float, n: int = N) -> np.ndarray:
    """Ten clumps, as a map has them, in which each point has a place of its own."""
    rng = np.random.default_rng(dims)
    centres = rng.uniform(-0.5, 0.5, (dims, 10))[:, rng.integers(0, 10, n)]
    return (extent * (centres + 0.06 * rng.standard_normal((dims, n)))).astype(np.float32)


def error(found: np.ndarray, right: np.ndarray) -> float:
    return float(np.sqrt(((found - right) ** 2).sum() / (right.astype(float) ** 2).sum()))


@pytest.mark.parametrize("kernel", KERNELS, ids=str)
def test_the_exact_push_is_the_definition(kernel: Kernel) -> None:
    points = clusters(kernel.dof + 1, 20, 200)
    right, found = by_definition(points, kernel), ExactRepulsion(kernel, ALONE).among(points)
    assert error(found.forces, right.forces) < 1e-5
    assert found.normaliser == pytest.approx(right.normaliser, rel=1e-5)


@pytest.mark.parametrize("extent", [1e-4, 1e-2, 0.03, 0.3, 1, 3, 10, 30, 100, 300, 1e4])
@pytest.mark.parametrize("kernel", KERNELS, ids=str)
def test_the_mesh_errs_by_less_than_a_percent_in_tight_and_wide_maps(kernel: Kernel, extent: float) -> None:
    points = clusters(kernel.dof + 1, extent)
    right, found = ExactRepulsion(kernel, ALONE).among(points), MeshRepulsion(kernel, ALONE).among(points)
    assert error(found.forces, right.forces) < 0.01
    assert found.normaliser == pytest.approx(right.normaliser, rel=0.01)


@pytest.mark.parametrize("kernel", KERNELS, ids=str)
def test_an_outlier_far_away_spoils_nothing(kernel: Kernel) -> None:
    points = clusters(kernel.dof + 1, 30, 6_000)
    points[:, 17] = 1e4
    right, found = ExactRepulsion(kernel, ALONE).among(points), MeshRepulsion(kernel, ALONE).among(points)
    assert error(found.forces, right.forces) < 0.01
    assert error(found.forces[:, 17], right.forces[:, 17]) < 0.01
    assert planned(points).outside(points).nonzero()[0].tolist() == [17]


@pytest.mark.parametrize("kernel", KERNELS, ids=str)
def test_points_at_one_place_do_no_harm(kernel: Kernel) -> None:
    points = clusters(kernel.dof + 1, 30)
    points[:, :20] = points[:, :1]
    right, found = ExactRepulsion(kernel, ALONE).among(points), MeshRepulsion(kernel, ALONE).among(points)
    assert error(found.forces, right.forces) < 0.01


@pytest.mark.parametrize("kernel", KERNELS, ids=str)
def test_a_grid_of_any_spacing_with_its_near_pairs_gives_the_same_push(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    points = clusters(kernel.dof + 1, 40)
    right = ExactRepulsion(kernel, ALONE).among(points)
    everywhere = np.full(len(points), np.inf, np.float32)
    for spacing in (0.6, 1.0, 2.0, 4.0):
        plan = repulsion_mesh.Plan(spacing, -everywhere, everywhere)
        monkeypatch.setattr(repulsion_mesh, "planned", lambda _, plan=plan: plan)
        assert error(MeshRepulsion(kernel, ALONE).among(points).forces, right.forces) < 0.01


@pytest.mark.parametrize("kernel", KERNELS, ids=str)
def test_a_mesh_follows_a_map_that_grows_and_shrinks(kernel: Kernel) -> None:
    mesh = MeshRepulsion(kernel, ALONE)
    for extent in (1e-5, 1e-5, 40, 41, 42, 60, 400, 3, 1):
        points = clusters(kernel.dof + 1, extent)
        right = ExactRepulsion(kernel, ALONE).among(points)
        assert error(mesh.among(points).forces, right.forces) < 0.01


@pytest.mark.parametrize("kernel", KERNELS, ids=str)
def test_near_pairs_are_nothing_beyond_the_cutoff_and_the_whole_difference_within(kernel: Kernel) -> None:
    distances = np.array([0.0, 0.3, 1.0, 1.9, 2.0, 2.5])
    points, places = np.zeros((kernel.dof + 1, 1), np.float32), np.zeros((kernel.dof + 1, 6), np.float32)
    places[0] = distances
    found = NearPairs(points, 2.0, kernel, ALONE).of(places)[0]
    step = 1e-4
    slope = [
        (
            smoothed(np.array([(r + step) ** 2]), kernel.potential, kernel.dof, 2.0)[0]
            - smoothed(np.array([(r - step) ** 2]), kernel.potential, kernel.dof, 2.0)[0]
        )
        / (2 * step)
        for r in distances
    ]
    whole = distances * (1 + distances**2 / kernel.dof) ** -kernel.push
    expected = np.where(distances < 2.0, whole - kernel.slope * np.array(slope), 0)
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("kernel", KERNELS, ids=str)
@pytest.mark.parametrize("extent", [1e-3, 5, 60])
def test_a_field_pushes_other_places_as_the_sum_over_all_points_would(kernel: Kernel, extent: float) -> None:
    points, places = clusters(kernel.dof + 1, extent), clusters(kernel.dof + 1, extent * 1.3, 200)
    places[:, 0] = 100 * extent
    right = ExactRepulsion(kernel, ALONE).field(points)(places)
    field = MeshRepulsion(kernel, ALONE).field(points)
    assert error(field(places), right) < 0.01
    np.testing.assert_allclose(field(places[:, 7:8]), field(places)[:, 7:8], rtol=1e-4)


@pytest.mark.parametrize("kernel", KERNELS, ids=str)
def test_threads_change_no_byte(kernel: Kernel) -> None:
    points = np.random.default_rng(0).normal(0, 12, (kernel.dof + 1, 25_000)).astype(np.float32)
    alone = MeshRepulsion(kernel, ALONE).among(points)
    with crew_of(3) as crew:
        together = MeshRepulsion(kernel, crew).among(points)
    assert together.forces.tobytes() == alone.forces.tobytes()
    assert together.normaliser == alone.normaliser
