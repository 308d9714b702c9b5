"""TensorBoard's own Projector on what the demo leaves behind: real MNIST, and every view of it is true."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from sklearn.decomposition import PCA
from sklearn.metrics import pairwise_distances

from browser.dashboard import Dashboard
from embedding_lab.app.demo import demo
from embedding_lab.dataset import load_dataset
from embedding_lab.embeddings import Dataset, EmbeddingSet, open_run

pytestmark = [pytest.mark.browser, pytest.mark.mnist]

TEN = [0, 7, 42, 247, 1000, 3333, 5000, 7777, 9128, 9999]
SAMPLES = 10_000


@pytest.fixture(scope="module")
def run_path(mnist_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `embedding-lab demo` leaves behind, after one epoch."""
    return demo(
        dataset="mnist", data_dir=mnist_dir, epochs=1, maps=False, logdir=tmp_path_factory.mktemp("logs")
    ).run


@pytest.fixture(scope="module")
def hidden(run_path: Path) -> EmbeddingSet:
    """The 16 units of the hidden layer."""
    return open_run(run_path).embeddings("embed_layer")


@pytest.fixture(scope="module")
def mnist(mnist_dir: Path, hidden: EmbeddingSet) -> Dataset:
    """The pictures, in the order of the vectors."""
    data = load_dataset("mnist", split="test", data_dir=mnist_dir)
    assert list(data.ids) == list(hidden.ids)
    return data


@pytest.fixture(scope="module")
def opened(open_projector: Any, run_path: Path) -> Any:
    """The page, open."""
    return open_projector(run_path.parent)


@pytest.fixture
def page(opened: Any) -> Iterator[Any]:
    """The page, with nothing gone wrong on it before or after."""
    yield opened
    assert not opened.errors


def named(page: Any, layer: str, views: str) -> str:
    """The one tensor of a layer for some views."""
    found = [name for name in page.tensors if name.startswith(f"{layer} · ") and name.endswith(f" · {views}")]
    assert len(found) == 1, page.tensors
    return str(found[0])


def assert_nearest(page: Any, vectors: NDArray[Any], ids: NDArray[np.str_], row: int, metric: str) -> None:
    """The page's list of a sample is scikit-learn's; where two are equally near, either may come first."""
    found = page.nearest(str(ids[row]), metric)
    true = pairwise_distances(vectors[[row]].astype(np.float64), vectors.astype(np.float64), metric=metric)[0]
    by_id = dict(zip(ids.tolist(), true.tolist(), strict=True))
    expected = np.sort(np.delete(true, row))[: len(found)]
    assert len(found) == 100
    np.testing.assert_allclose([by_id[name] for name, _ in found], expected, rtol=1e-4, atol=2e-7)


def resemblance(picture: Any, sample: NDArray[np.uint8]) -> float:
    """The correlation of a picture, or a screenshot, with a digit of 28 × 28 pixels."""
    image = Image.open(io.BytesIO(picture)) if isinstance(picture, bytes) else Image.fromarray(picture)
    small = np.asarray(image.convert("L").resize((28, 28), Image.Resampling.BOX), np.float64)
    return float(np.corrcoef(small.ravel(), sample.ravel())[0, 1])


def test_the_first_thing_shown_is_a_layer_with_all_its_samples_and_dimensions(page: Any) -> None:
    assert page.tensors[0] == page.read("projector.dataPanel.selectedTensor")
    assert page.tensors[0].endswith(" · PCA, euclidean")
    page.choose(named(page, "embed_layer", "PCA, euclidean"))
    assert page.counts == (SAMPLES, 16)
    page.choose(named(page, "embed_layer", "t-SNE, UMAP, cosine"))
    assert page.counts == (SAMPLES, 16)


def test_the_variance_described_is_that_of_the_layer(page: Any, hidden: EmbeddingSet) -> None:
    page.choose(named(page, "embed_layer", "PCA, euclidean"))
    truth = 100 * PCA(3).fit(hidden.vectors).explained_variance_ratio_.sum()
    assert page.variance_described == pytest.approx(truth, abs=0.1)


@pytest.mark.long
def test_the_variance_described_is_that_of_all_784_pixels(page: Any, mnist: Dataset) -> None:
    page.choose(named(page, "input", "PCA, euclidean"))
    assert page.counts == (SAMPLES, 49)
    truth = 100 * PCA(3).fit(mnist.samples.reshape(SAMPLES, -1).astype(np.float32)).explained_variance_ratio_.sum()
    assert page.variance_described == pytest.approx(truth, abs=0.1)


@pytest.mark.long
def test_the_positions_are_the_principal_components(page: Any, hidden: EmbeddingSet) -> None:
    page.choose(named(page, "embed_layer", "PCA, euclidean"))
    shown = np.array(
        page.read("projector.dataSet.points.map(({projections: p}) => [p['pca-0'], p['pca-1'], p['pca-2']])")
    )
    expected = PCA(3).fit_transform(hidden.vectors.astype(np.float64))
    for component in range(3):
        assert abs(np.corrcoef(shown[:, component], expected[:, component])[0, 1]) > 0.9999


@pytest.mark.long
def test_nearest_points_by_euclidean_distance_are_those_of_scikit_learn(page: Any, hidden: EmbeddingSet) -> None:
    page.choose(named(page, "embed_layer", "PCA, euclidean"))
    for row in TEN:
        assert_nearest(page, hidden.vectors, hidden.ids, row, "euclidean")


@pytest.mark.parametrize("rows", [TEN[:2], pytest.param(TEN[2:], marks=pytest.mark.long)], ids=["two", "eight"])
def test_nearest_points_by_cosine_are_those_of_scikit_learn(
    page: Any, hidden: EmbeddingSet, rows: list[int]
) -> None:
    page.choose(named(page, "embed_layer", "t-SNE, UMAP, cosine"))
    for row in rows:
        assert_nearest(page, hidden.vectors, hidden.ids, row, "cosine")


@pytest.mark.long
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_nearest_pictures_are_those_of_scikit_learn_once_spherize_is_unticked(
    page: Any, mnist: Dataset, metric: str
) -> None:
    whole = "all 784 (untick Spherize)"
    views = f"euclidean, {whole}" if metric == "euclidean" else f"t-SNE, UMAP, cosine, {whole}"
    page.choose(named(page, "input", views))
    assert page.counts == (SAMPLES, 784)
    page.untick_spherize()
    for row in TEN[:3]:
        assert_nearest(page, mnist.samples.reshape(SAMPLES, -1), mnist.ids, row, metric)


@pytest.mark.long
def test_the_neighbours_tsne_works_with_are_those_of_scikit_learn(page: Any, hidden: EmbeddingSet) -> None:
    page.choose(named(page, "embed_layer", "t-SNE, UMAP, cosine"))
    rows = [*TEN, *range(100, SAMPLES, 99)]
    found, distances = page.graph(rows, 75)  # three times the perplexity the page chooses for 10,000 samples
    true = pairwise_distances(
        hidden.vectors[rows].astype(np.float64), hidden.vectors.astype(np.float64), metric="cosine"
    )
    true[np.arange(len(rows)), rows] = np.inf
    assert (distances >= 0).all()
    np.testing.assert_allclose(
        np.sort(np.take_along_axis(true, found, axis=1), axis=1), np.sort(true, axis=1)[:, :75], atol=2e-6
    )
    expected = np.argsort(true, axis=1)[:, :75]
    shared = np.mean([len(np.intersect1d(*pair)) for pair in zip(found, expected, strict=True)]) / 75
    assert shared > 0.99  # what is missing is tied within float32


def test_every_thumbnail_is_the_picture_of_its_sample(page: Any, mnist: Dataset) -> None:
    page.choose(named(page, "embed_layer", "PCA, euclidean"))
    sheet = page.sheet()
    assert sheet.shape[0] == sheet.shape[1]
    columns = len(sheet) // 28
    cells = sheet.reshape(columns, 28, columns, 28).swapaxes(1, 2).reshape(-1, 28, 28)
    np.testing.assert_array_equal(cells[:SAMPLES], mnist.samples)
    assert page.read("projector.inspectorPanel.spriteMeta.nCols") == columns


def test_the_nearest_points_are_listed_with_their_pictures(page: Any, mnist: Dataset) -> None:
    page.choose(named(page, "embed_layer", "PCA, euclidean"))
    (first, _), *_ = page.nearest(str(mnist.ids[42]), "euclidean")
    shown = page.dom.locator(".nn-list .sprite-image").first.screenshot()
    assert resemblance(shown, mnist.samples[mnist.ids.tolist().index(first)]) > 0.9


def test_the_digits_are_drawn_where_their_points_lie(page: Any, mnist: Dataset) -> None:
    page.choose(named(page, "embed_layer", "PCA, euclidean"))
    rows = [0, 1, 2, 3, 4, 5000, 9999]
    page.isolate([str(mnist.ids[row]) for row in rows])
    page.show_dimensions(2)
    drawn = page.drawn(28)
    assert len(drawn) >= 4
    for row, picture in drawn.items():
        likeness = {other: resemblance(picture, mnist.samples[other]) for other in rows}
        assert max(likeness, key=likeness.__getitem__) == row
        assert likeness[row] > 0.8


@pytest.mark.long
def test_searching_by_label_finds_every_digit_of_a_class(page: Any, mnist: Dataset) -> None:
    page.choose(named(page, "embed_layer", "PCA, euclidean"))
    assert mnist.labels is not None
    for digit in (0, 7):
        assert page.search(f"class {digit}", "label") == f"{(mnist.labels == digit).sum()} matches."
        assert page.search(str(digit), "label") == f"{(mnist.labels == digit).sum()} matches."


def test_what_is_labelled_and_searched_by_first_is_the_label(page: Any) -> None:
    assert page.read("projector.selectedLabelOption") == "label"
    assert page.read("projector.dataPanel.superviseColumn") == "label"


@pytest.mark.long
def test_colouring_by_label_and_by_prediction_is_offered_and_counts_every_sample(page: Any, mnist: Dataset) -> None:
    page.choose(named(page, "embed_layer", "PCA, euclidean"))
    assert {"label", "prediction", "correct", "confidence", "loss"} <= set(page.colours)
    assert mnist.labels is not None
    counts = np.bincount(mnist.labels)
    assert page.colour_by("label") == {f"class {digit}": count for digit, count in enumerate(counts.tolist())}
    said = page.colour_by("correct")
    assert set(said) == {"yes", "no"}
    assert sum(said.values()) == SAMPLES
    page.colour_by("No color map")


def test_the_lab_s_own_tab_shows_the_same_run(
    opened: Any, browser: Any, run_path: Path, hidden: EmbeddingSet
) -> None:
    """The whole of it is tried in test_dashboard_on_demo.py, which is long."""
    beside = Dashboard(browser, opened.page.url.partition("#")[0] + "#embedding_lab")
    assert beside.told("points") == f"{len(hidden)}/{len(hidden)}"
    assert beside.dom.get_by_label("Run").input_value() == run_path.name
    wrong = np.flatnonzero(hidden.outputs.prediction != hidden.dataset.labels)  # type: ignore[union-attr]
    assert beside.filter("prediction != label") == hidden.ids[wrong].tolist()
    assert beside.errors == []
    beside.page.close()
