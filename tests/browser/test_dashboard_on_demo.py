"""The lab's tab in a real TensorBoard on what the demo leaves behind: ten thousand real digits."""

from __future__ import annotations

import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest
from numpy.typing import NDArray
from sklearn.metrics import pairwise_distances

import embedding_lab as lab
from browser.dashboard import SECONDS, THREE_FRAMES, Dashboard
from embedding_lab.app.demo import demo
from embedding_lab.board.launch import Board
from embedding_lab.embeddings import EmbeddingSet, Run, open_run

pytestmark = [pytest.mark.browser, pytest.mark.mnist, pytest.mark.long]

SAMPLES = 10_000
ALL = f"{SAMPLES}/{SAMPLES}"
FOCUSED = """() => {
    const each = document.activeElement;
    const canvas = each.closest('.canvas');
    const {outlineStyle, outlineWidth} = getComputedStyle(each);
    const outlined = outlineStyle !== 'none' && parseFloat(outlineWidth) > 0;
    const framed = canvas !== null && getComputedStyle(canvas, '::after').borderStyle === 'solid';
    return [each.outerHTML.slice(0, 200), outlined || framed];
}"""


@pytest.fixture(scope="module")
def run(mnist_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """What `embedding-lab demo` leaves behind, after one epoch."""
    return open_run(
        demo(dataset="mnist", data_dir=mnist_dir, epochs=1, logdir=tmp_path_factory.mktemp("demo") / "logs").run
    )


@pytest.fixture(scope="module")
def hidden(run: Run) -> EmbeddingSet:
    """The 16 units of the hidden layer, which the tests look at."""
    return run.embeddings("embed_layer")


@pytest.fixture(scope="module")
def board(run: Run, quick_tensorboard: None) -> Iterator[Board]:
    with lab.launch(run.path.parent, port=0) as board:
        yield board


@pytest.fixture(scope="module")
def opened(board: Board, browser: Any) -> Iterator[Dashboard]:
    """The tab as it opens by itself."""
    opened = Dashboard(browser, f"{board.url}#embedding_lab")
    yield opened
    opened.page.close()


@pytest.fixture
def page(opened: Dashboard) -> Iterator[Dashboard]:
    """The tab on the hidden layer's t-SNE map, with nothing gone wrong before or after."""
    opened.leave()
    opened.dom.get_by_label("Layer and its dimensions").select_option("embed_layer")
    show(opened, "t-SNE", "tsne-3d")
    yield opened
    assert not opened.errors


def show(page: Dashboard, method: str, name: str) -> None:
    for choice in (method, "3-D"):
        page.dom.get_by_role("button", name=choice, exact=True).click()
    page.dom.locator(f".embedding-lab[data-state=ready][data-map='{name}'][data-points='{ALL}']").wait_for()


def test_1_it_opens_by_itself_with_every_layer_and_what_is_written_later_comes_without_a_restart(
    opened: Dashboard, run: Run, hidden: EmbeddingSet
) -> None:
    assert opened.told("points") == ALL
    assert opened.dom.get_by_label("Run").input_value() == run.name
    layers = opened.dom.get_by_label("Layer and its dimensions").locator("option").all_inner_texts()
    assert [text.split()[0] for text in layers] == list(run.layers)
    lab.log_embeddings(run.path.parent / "written meanwhile", hidden.vectors[:50], layer="mine")
    runs = opened.dom.get_by_label("Run")
    runs.locator("option", has_text="written meanwhile").wait_for(state="attached")
    runs.select_option("written meanwhile")
    opened.dom.locator(".embedding-lab[data-state=ready][data-points='50/50']").wait_for()
    runs.select_option(run.name)
    opened.dom.locator(f".embedding-lab[data-state=ready][data-points='{ALL}']").wait_for()
    assert opened.errors == []


def test_2_all_points_are_drawn_at_rest_and_the_one_under_the_pointer_is_exact(
    page: Dashboard, hidden: EmbeddingSet
) -> None:
    assert page.told("points") == ALL
    for row in (7, 4242):
        page.call("lab.select(argument)", [hidden.ids[row]])
        page.wait_for_selected(1)
        page.press("i")
        page.wait_for_drawn(1)
        page.press("n")
        picture = page.still_picture()
        page.press("n")
        y, x = np.nonzero(np.abs(picture - picture[0, 0]).max(axis=2) > 60)
        box = page.canvas
        page.page.mouse.click(box["x"] + float(np.median(x)), box["y"] + float(np.median(y)))
        page.dom.locator(".inspector h2", has_text=str(hidden.ids[row])).wait_for()
        page.leave()


def test_3_it_goes_from_map_to_map_and_shows_points_pictures_names_and_columns(
    page: Dashboard, hidden: EmbeddingSet
) -> None:
    tsne = page.still_picture()
    show(page, "PCA", "pca-3d")
    named = page.still_picture()
    assert (named != tsne).any()
    page.press("n")
    points = page.still_picture()
    assert (points != named).any()
    assert list(page.colours()) == [str(digit) for digit in range(10)]
    counts = [int(text.replace(",", "")) for text in page.dom.locator(".legend .count").all_inner_texts()]
    assert counts == np.bincount(hidden.dataset.labels).tolist()
    page.dom.get_by_label("Colour by").select_option("confidence")
    page.dom.get_by_role("group", name="Histogram of confidence").wait_for()
    page.call("lab.colourBy('label')")

    def black(picture: NDArray[np.int16]) -> float:
        return float(np.mean(picture.max(axis=2) < 30))

    page.press("p")  # digits are white on black
    deadline = time.monotonic() + SECONDS
    while black(page.picture()) <= 10 * black(points) + 0.01:
        assert time.monotonic() < deadline, "no pictures come"
        page.frame.evaluate(THREE_FRAMES)
    for key in "pn":
        page.press(key)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_4_filters_neighbours_and_a_lasso_find_what_they_should(
    page: Dashboard, hidden: EmbeddingSet, metric: str
) -> None:
    wrong = np.flatnonzero(hidden.outputs.prediction != hidden.dataset.labels)  # type: ignore[union-attr]
    assert page.filter("prediction != label") == hidden.ids[wrong].tolist()
    page.search(f'id == "{hidden.ids[42]}"')
    page.dom.get_by_role("button", name=metric).click()
    away = pairwise_distances(hidden.vectors[[42]].astype(np.float64), hidden.vectors, metric=metric)[0]
    away[42] = np.inf
    near = page.dom.locator(".neighbours ol").first.locator(".text")
    page.wait_for_texts(near, hidden.ids[np.argsort(away, kind="stable")[:10]].tolist())
    page.leave()
    page.press("l")
    page.drag((0.3, 0.3), (0.7, 0.3), (0.7, 0.7), (0.3, 0.7), (0.3, 0.3))
    page.wait("document.querySelector('.embedding-lab').dataset.selected != '0'")
    assert 0 < len(page.selection) < SAMPLES


def test_5_the_map_and_a_selection_say_how_far_to_trust_them(page: Dashboard, run: Run) -> None:
    kept = run.map("embed_layer", "tsne-3d").quality["kept_10"]
    assert f"{100 * kept:.0f} % of neighbours in the layer are kept" in page.dom.locator("footer").inner_text()
    page.search("label == 1")
    page.dom.locator(".trusted[aria-busy=false]", has_text="neighbours in the layer are in here too").wait_for()
    page.dom.get_by_label("Colour by").select_option("kept_10")
    page.dom.get_by_role("group", name="Histogram of kept_10").wait_for()
    page.call("lab.colourBy('label')")


def test_6_a_tsne_of_what_is_selected_is_made_and_kept_with_the_run(page: Dashboard, run: Run) -> None:
    chosen = page.filter("label in (4, 9)")
    page.dom.locator(".canvas canvas").focus()
    page.ask_for_a_map("t-SNE", "2-D", f"the {len(chosen):,} selected")
    made = page.dom.locator(f".embedding-lab[data-state=ready][data-points='{len(chosen)}/{len(chosen)}']")
    made.wait_for()
    name = page.told("map")
    assert re.match(rf"tsne-2d .*of {len(chosen):,}", name)
    kept = open_run(run.path).map("embed_layer", name)
    assert kept.state == "complete"
    assert sorted(kept.ids[np.isfinite(kept.points).all(axis=1)]) == sorted(chosen)


def test_7_a_link_a_saved_selection_a_note_and_a_download_bring_it_all_back(
    page: Dashboard, browser: Any, run: Run, hidden: EmbeddingSet
) -> None:
    chosen = page.filter("label == 7 and prediction == 1")
    assert chosen
    page.dom.get_by_label("Name of the selection").fill("ones or sevens")
    page.dom.get_by_role("button", name="Save", exact=True).click()
    page.dom.locator(".saved .entry", has_text="ones or sevens").wait_for()
    assert list(run.selection("ones or sevens")) == chosen
    page.dom.locator(".annotate summary").click()
    page.dom.get_by_label("Right label").fill("1")
    page.dom.get_by_label("Reason").fill("by eye")
    page.dom.get_by_role("button", name="Note it down").click()
    page.dom.get_by_label("Notes").locator(".entry", has_text="right label").wait_for()
    assert [(each["id"], each["label"]) for each in run.annotations] == [(each, "1") for each in chosen]
    with page.page.expect_download() as started:
        page.dom.get_by_role("button", name="Parquet").click()
    assert pyarrow.parquet.read_table(started.value.path())["id"].to_pylist() == chosen
    page.page.wait_for_url(re.compile("selection="))
    again = Dashboard(browser, page.page.url)
    again.wait_for_selected(len(chosen))
    assert again.selection == chosen
    assert again.told("map") == "tsne-3d"
    assert again.errors == []
    again.page.close()


def test_8_the_keyboard_goes_all_round_and_one_always_sees_where_it_is(page: Dashboard) -> None:
    page.search("label == 3")
    page.dom.locator(".canvas canvas").focus()
    page.press("]")
    page.dom.locator(".inspector .neighbour").nth(9).wait_for()
    assert page.violations() == []
    page.dom.get_by_label("Run").focus()  # the first
    passed = []
    while True:
        page.press("Tab")
        where, seen = page.frame.evaluate(FOCUSED)
        if where.startswith("<body"):  # beyond the last
            break
        assert seen, where
        assert len(passed) < 500, "no end of it"
        passed.append(where)
    labels = ("Layer and its dimensions", "Search samples", "Name of the selection")
    for part in (*(f'aria-label="{label}"' for label in labels), "<canvas", 'class="entry'):
        assert any(part in each for each in passed), part
    assert sum("neighbour" in each for each in passed) >= 10


def test_9_nothing_is_written_without_the_pages_token_and_nothing_read_outside_the_log_directory(
    board: Board, page: Dashboard, run: Run, hidden: EmbeddingSet
) -> None:
    shown = {"run": run.name, "layer": "embed_layer", "step": str(hidden.step)}
    selection = {"run": run.name, "set": shown, "name": "by a stranger", "rows": "0"}
    lab.log_embeddings(run.path.parent.parent / "outside", hidden.vectors[:5], layer="mine")
    elsewhere = "points?run=..%2Foutside&layer=mine&step=static&map=pca-3d&from=0&count=5"
    for path, body, status in (
        ("selections", selection, 403),
        ("annotations", {"run": run.name, "ids": hidden.ids[:1].tolist(), "label": "1"}, 403),
        (elsewhere, None, 404),
    ):
        asked = urllib.request.Request(
            f"{board.url}data/plugin/embedding_lab/{path}",
            None if body is None else json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(asked, timeout=60)
        with refused.value:
            assert refused.value.code == status, path
    assert "by a stranger" not in open_run(run.path).selections
