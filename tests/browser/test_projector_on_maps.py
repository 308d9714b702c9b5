"""TensorBoard's own Projector draws a finished map as it is, also of more points than its own t-SNE takes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from embedding_lab.board.finished_maps import list_maps
from embedding_lab.board.stock_projector import write_stock_projector
from embedding_lab.embeddings import EmbeddingSet, Projection, as_dataset, create_run

pytestmark = [pytest.mark.browser, pytest.mark.long, pytest.mark.usefixtures("quick_tensorboard")]

ROWS = 12_000
"""Two thousand more than the page's own t-SNE shows."""


@pytest.fixture(scope="module")
def maps() -> dict[str, NDArray[np.float32]]:
    """A map in space and one in the plane, of three islands far from the origin, and one that is nearly a ball."""
    random = np.random.default_rng(0)
    found = {}
    for dims in (3, 2):
        island = random.integers(0, 3, ROWS)
        spread = np.array([1.0, 3.0, 9.0])[island, None]
        middle = random.normal(0, 30, (3, dims))[island]
        found[f"t-SNE {dims}-D"] = (500 + middle + random.normal(size=(ROWS, dims)) * spread).astype(np.float32)
    ball = random.normal(size=(ROWS, 3))
    ball *= random.uniform(size=(ROWS, 1)) / np.linalg.norm(ball, axis=1)[:, None]
    found["principal components 3-D"] = (ball * [1, 0.98, 0.96]).astype(np.float32)
    return found


@pytest.fixture(scope="module")
def opened(open_projector: Any, maps: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The page, open on a layer with both maps."""
    run: Path = tmp_path_factory.mktemp("logs") / "run"
    random = np.random.default_rng(1)
    layer = EmbeddingSet(
        random.normal(size=(ROWS, 5)).astype(np.float32), as_dataset(np.zeros((ROWS, 1))), "layer", 7
    )
    kept = random.uniform(size=ROWS).astype(np.float32)
    write_stock_projector(run, [layer])
    saved = create_run(run)
    saved.save_embeddings(layer)
    for title, points in maps.items():
        method, name = ("tsne", f"tsne-{points.shape[1]}d") if "t-SNE" in title else ("pca", "pca-3d")
        saved.save_map("layer", 7, name, Projection(points, layer.ids, method, per_sample={"kept_10": kept}))
    list_maps(saved)
    return open_projector(run.parent)


@pytest.fixture
def page(opened: Any) -> Iterator[Any]:
    """The page, with nothing gone wrong on it before or after."""
    yield opened
    assert not opened.errors


@pytest.mark.parametrize("title", ["t-SNE 3-D", "t-SNE 2-D", "principal components 3-D"])
def test_distances_between_the_drawn_points_are_those_of_the_map(
    page: Any, maps: dict[str, NDArray[np.float32]], title: str
) -> None:
    page.choose(f"layer · step 00007 · {title}")
    page.show_dimensions(3)
    assert page.counts == (ROWS, 3)
    drawn = np.reshape(
        page.read("Array.from(projector.projectorScatterPlotAdapter.scatterPlot.worldSpacePointPositions)"), (-1, 3)
    )
    assert len(drawn) == ROWS
    random = np.random.default_rng(2)
    one, two = random.integers(0, ROWS, (2, 20_000))
    on_page = np.linalg.norm(drawn[one] - drawn[two], axis=1)
    on_map = np.linalg.norm(maps[title][one].astype(np.float64) - maps[title][two], axis=1)
    scale = on_page.sum() / on_map.sum()
    np.testing.assert_allclose(on_page, scale * on_map, atol=2e-4 * on_page.max())
    if title == "t-SNE 2-D":
        assert np.linalg.matrix_rank(drawn - drawn.mean(axis=0), tol=1e-3 * on_page.max()) == 2, "a plane"


def test_the_nearest_points_listed_are_the_nearest_on_the_map(page: Any, maps: dict[str, Any]) -> None:
    page.choose("layer · step 00007 · t-SNE 3-D")
    points = maps["t-SNE 3-D"].astype(np.float64)
    found = [int(name.rpartition("/")[2]) for name, _ in page.nearest("samples/00042", "euclidean")]
    far = np.linalg.norm(points - points[42], axis=1)
    np.testing.assert_allclose(far[found], np.sort(far)[1 : 1 + len(found)], rtol=1e-3)


def test_what_the_map_keeps_of_a_sample_can_be_coloured_by(page: Any) -> None:
    page.choose("layer · step 00007 · t-SNE 3-D")
    assert "map kept_10" in page.colours


def test_the_layers_own_tensor_is_still_the_first(page: Any) -> None:
    assert page.tensors[0] == "layer · step 00007 · PCA, euclidean"
