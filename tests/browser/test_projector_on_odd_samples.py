"""TensorBoard's own Projector on what trips it: odd names, texts, classes, pictures and vectors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import pairwise_distances

from embedding_lab.board.stock_projector import write_stock_projector
from embedding_lab.embeddings import Dataset, EmbeddingSet, Outputs, as_dataset

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("quick_tensorboard")]

SAMPLES = 240
CLASSES = 60
ODD_NAME = "block/1:0 a+b & 100% #naïve"
WIDE = 90


@pytest.fixture(scope="module")
def odd() -> Dataset:
    """Colour pictures that are not square, sixty classes, and texts that break tables."""
    rng = np.random.default_rng(0)
    pictures = np.zeros((SAMPLES, 30, 50, 3), np.uint8)
    pictures[..., 0] = np.arange(SAMPLES)[:, None, None]  # the red of a picture is the row of its sample
    pictures[..., 1] = 255
    texts = ["tab\there", "line\nbreak", "", "007", "3", "日本語 🦊", "Infinity", "\u2028"]
    weights = rng.normal(size=SAMPLES)
    weights[::7] = np.nan
    return as_dataset(
        pictures,
        name="odd",
        labels=np.arange(SAMPLES) % CLASSES,
        class_names=[f"sort {number}" for number in range(CLASSES)],
        columns={"text": [texts[row % len(texts)] for row in range(SAMPLES)], "weight": weights},
    )


@pytest.fixture(scope="module")
def sets(odd: Dataset) -> dict[str, EmbeddingSet]:
    """A layer of an odd name with zero vectors, a flat one, and one too wide for the page."""
    rng = np.random.default_rng(1)
    vectors = {
        name: rng.gamma(1, size=(SAMPLES, dims)) for name, dims in ((ODD_NAME, 8), ("flat", 2), ("wide", WIDE))
    }
    vectors[ODD_NAME][[5, 50]] = 0
    outputs = Outputs(np.arange(SAMPLES) % 7, np.linspace(0, 1, SAMPLES, dtype=np.float32))
    return {
        name: EmbeddingSet(each.astype(np.float32), odd, name, 3, outputs=outputs) for name, each in vectors.items()
    }


@pytest.fixture(scope="module")
def opened(open_projector: Any, sets: dict[str, EmbeddingSet], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The page, open on two runs."""
    logdir: Path = tmp_path_factory.mktemp("odd logs")
    write_stock_projector(logdir / "a run", sets.values())
    other = EmbeddingSet(np.eye(9, 4, dtype=np.float32), as_dataset(np.zeros((9, 1))), "other")
    write_stock_projector(logdir / "b run", [other])
    return open_projector(logdir)


@pytest.fixture
def page(opened: Any) -> Iterator[Any]:
    """The page on the first run, with nothing gone wrong before or after."""
    opened.choose("flat · step 00003 · PCA, euclidean", run="a run")
    yield opened
    assert not opened.errors
    said = opened.dom.locator("#notification-dialog, .notify-msg.error").filter(visible=True)
    said.first.wait_for(state="hidden")  # what still runs says so in the same place and goes; what went wrong stays


def test_a_layer_of_any_name_is_shown(page: Any, sets: dict[str, EmbeddingSet]) -> None:
    shown = [name for name in page.tensors if name.startswith("block/1")]
    assert len(shown) == 2
    for name, dims in zip(shown, (8, 9), strict=True):  # the zero vectors lie in a ninth dimension
        page.choose(name)
        assert page.counts == (SAMPLES, dims)
    nearest = page.nearest("odd/00007", "cosine")
    true = pairwise_distances(sets[ODD_NAME].vectors, metric="cosine")[7]
    np.testing.assert_allclose([distance for _, distance in nearest], np.sort(np.delete(true, 7))[:100], atol=6e-4)


def test_every_run_is_listed(page: Any) -> None:
    assert page.read("projector.dataPanel.runNames") == ["a run", "b run"]
    page.choose("other · PCA, euclidean", run="b run")
    assert page.counts == (9, 4)


def test_the_table_has_a_row_for_every_sample_and_its_texts_can_be_searched(page: Any, odd: Dataset) -> None:
    assert page.read("projector.dataSet.points.map(({metadata}) => metadata.id)") == odd.ids.tolist()
    for text, matches in {"tab here": 30, "line break": 30, "(none)": 60, "text 007": 30, "🦊": 30}.items():
        assert page.search(text, "text") == f"{matches} matches."


def test_many_classes_can_be_searched_and_coloured_by_number(page: Any) -> None:
    assert page.search("^sort 7$", "label", pattern=True) == "4 matches."
    assert "label" not in page.colours
    assert {"label number", "prediction", "weight"} <= set(page.colours)
    page.colour_by("label number")
    assert page.read("projector.selectedColorOption.desc") == "gradient"
    page.colour_by("No color map")


def test_a_column_with_missing_numbers_colours_as_a_gradient_and_leaves_those_black(page: Any) -> None:
    page.colour_by("weight")
    assert page.read("projector.selectedColorOption.desc") == "gradient"
    colours = page.read(
        """[0, 1].map((row) =>
            projector.getLegendPointColorer(projector.selectedColorOption)(projector.dataSet, row))"""
    )
    assert colours[0] == "black"
    assert colours[1].startswith("rgb(")
    page.colour_by("No color map")


def test_pictures_that_are_not_square_lie_in_the_middle_of_their_thumbnails(page: Any) -> None:
    sheet = page.sheet()
    cell, columns = 48, 16
    assert sheet.shape == (cell * columns, cell * columns)
    for row in (1, 17, 100, SAMPLES - 1):
        top, left = row // columns * cell, row % columns * cell
        assert (sheet[top + 12 : top + 36, left : left + cell] == row).all()
        assert not sheet[top : top + 9, left : left + cell].any()


def test_two_dimensions_are_drawn_in_the_page_s_three(page: Any, odd: Dataset) -> None:
    assert page.counts == (SAMPLES, 3)
    assert page.variance_described == 100
    positions = page.read("Array.from(projector.projectorScatterPlotAdapter.scatterPlot.worldSpacePointPositions)")
    assert np.isfinite(positions).all()
    page.isolate([str(odd.ids[row]) for row in (3, 100, 200)])
    page.show_dimensions(2)
    drawn = page.drawn(20)
    assert len(drawn) >= 2
    assert all(np.median(picture) > 100 for picture in drawn.values())  # green, not the black of an empty cell


@pytest.mark.long
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_a_wide_layer_has_its_true_neighbours_once_spherize_is_unticked(
    page: Any, sets: dict[str, EmbeddingSet], metric: str
) -> None:
    views = {"euclidean": "euclidean", "cosine": "t-SNE, UMAP, cosine"}[metric]
    page.choose(f"wide · step 00003 · {views}, all {WIDE} (untick Spherize)")
    page.untick_spherize()
    true = pairwise_distances(sets["wide"].vectors.astype(np.float64), metric=metric)
    for row in (0, 77, 239):
        found = [int(name.split("/")[1]) for name, _ in page.nearest(f"odd/{row:05d}", metric)]
        np.testing.assert_allclose(true[row][found], np.sort(np.delete(true[row], row))[:100], rtol=1e-4)
    if metric == "cosine":
        rows = list(range(0, SAMPLES, 10))
        found, _ = page.graph(rows, 15)
        expected = np.sort(true[rows] + np.where(np.arange(SAMPLES) == np.array(rows)[:, None], np.inf, 0), axis=1)
        np.testing.assert_allclose(np.take_along_axis(true[rows], found, axis=1), expected[:, :15], atol=2e-6)


@pytest.mark.long
def test_tsne_moves_every_point(page: Any) -> None:
    page.choose("wide · step 00003 · t-SNE, UMAP, cosine")
    page.dom.locator(".ink-tab[data-tab=tsne]").click()
    page.wait("projector.dataSet.tSNEIteration > 10")
    page.dom.locator("button.run-tsne").click()
    points = page.read(
        "projector.dataSet.points.map(({projections: p}) => [p['tsne-0'], p['tsne-1'], p['tsne-2']])"
    )
    assert np.isfinite(np.array(points, float)).all()


@pytest.mark.long
def test_umap_comes_to_an_end(page: Any) -> None:
    page.choose("wide · step 00003 · t-SNE, UMAP, cosine")
    page.dom.locator(".ink-tab[data-tab=umap]").click()
    page.wait("projector.dataSet.projections['umap']")
    points = page.read(
        "projector.dataSet.points.map(({projections: p}) => [p['umap-0'], p['umap-1'], p['umap-2']])"
    )
    assert np.isfinite(np.array(points, float)).all()
