"""New maps, asked for on the page: made by processes of their own, watched while they form, cancelled, kept."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

import embedding_lab as lab
from browser.dashboard import SECONDS, THREE_FRAMES, Dashboard

pytestmark = pytest.mark.browser

SAMPLES = 10_000
TSNE = "tsne-2d perplexity 12"
WORKER = "embedding_lab.app.job_worker"


@pytest.fixture(scope="module")
def logdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    logdir = tmp_path_factory.mktemp("jobs") / "logs"
    labels = np.arange(SAMPLES) % 3
    vectors = np.random.default_rng(0).normal(size=(SAMPLES, 8)) + 2 * labels[:, None]
    lab.log_embeddings(logdir / "run", vectors.astype(np.float32), layer="mine", labels=labels)
    return logdir


@pytest.fixture(scope="module")
def page(browser: Any, serve: Any, logdir: Path) -> Iterator[Dashboard]:
    page = Dashboard(browser, serve(logdir))
    yield page
    assert page.errors == []


@contextlib.contextmanager
def making_held() -> Iterator[None]:
    """Holds the processes that make maps: none is done before it was looked at, however fast the machine is."""
    workers = []
    for each in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):  # another of them, which is just ending
            if WORKER in each.cmdline():
                each.suspend()
                workers.append(each)
    assert workers
    try:
        yield
    finally:
        for each in workers:
            each.resume()


def wait_until_the_map_moved(page: Dashboard, before: Any) -> None:
    deadline = time.monotonic() + SECONDS
    while (page.picture() == before).all():
        assert time.monotonic() < deadline, "the map stands still"
        page.frame.evaluate(THREE_FRAMES)


def test_a_tsne_forms_before_ones_eyes_outlives_a_reload_and_is_cancelled(page: Dashboard, logdir: Path) -> None:
    page.ask_for_a_map("t-SNE", "2-D", "all 10,000", Perplexity="12")
    forming = page.dom.locator(f".embedding-lab[data-state=computing][data-map='{TSNE}']")
    forming.wait_for()
    card = page.dom.get_by_label("Maps being made").locator("article", has_text="t-SNE of mine")
    card.get_by_text("t-SNE iterations").wait_for()
    with making_held():
        page.dom.locator("footer", has_text="still forming").wait_for()
        page.page.reload()
        page.frame = page.page.main_frame
        forming.wait_for()
        card.get_by_text("t-SNE iterations").wait_for()
        page.wait_for_drawn(SAMPLES)
        held = page.still_picture()
    wait_until_the_map_moved(page, held)
    with making_held():
        card.get_by_role("button", name="Cancel").click()
    page.wait_until_ready()
    card.wait_for(state="hidden")
    page.dom.locator("footer", has_text="stopped before it was done").wait_for()
    assert page.told("map") == TSNE  # what there was of it is kept
    assert lab.open_run(logdir / "run").map("mine", TSNE).done


@pytest.mark.long
def test_a_map_of_the_selection_shows_only_these_samples(page: Dashboard) -> None:
    page.call("lab.select(Array.from({length: 200}, (_, at) => `samples/${String(3 * at).padStart(5, '0')}`))")
    page.wait_for_selected(200)
    page.ask_for_a_map("PCA", "2-D", "the 200 selected")
    page.wait_for_drawn(200)
    page.wait_until_ready()
    assert page.told("map").startswith("pca-2d of 200")


@pytest.mark.long
@pytest.mark.usefixtures("quick_tensorboard")
def test_inside_tensorboard_a_tsne_forms_and_outlives_a_reload_too(browser: Any, logdir: Path) -> None:
    name = "tsne-2d perplexity 14"
    with lab.launch(logdir, port=0) as board:
        page = Dashboard(browser, f"{board.url}#embedding_lab")
        page.dom.locator("h1").click()
        page.ask_for_a_map("t-SNE", "2-D", "all 10,000", Perplexity="14")
        forming = page.dom.locator(f".embedding-lab[data-state=computing][data-map='{name}']")
        forming.wait_for()
        page.dom.get_by_label("Maps being made").get_by_text("t-SNE iterations").wait_for()
        with making_held():
            assert page.search("label == 1") == "3,333 samples"
            page.wait_for_selected(3333)
            held = page.still_picture()
        wait_until_the_map_moved(page, held)
        with making_held():
            page.page.reload()
            forming.wait_for()
            page.frame = page.page.locator("iframe").element_handle().content_frame()
            page.wait_for_drawn(SAMPLES)
            held = page.still_picture()
        wait_until_the_map_moved(page, held)
        with making_held():
            page.dom.get_by_role("button", name="Cancel").click()
        page.wait_until_ready()
        assert page.told("map") == name
        assert page.errors == []
        page.page.close()


@pytest.mark.long
def test_a_umap_says_that_it_is_being_made_and_comes_when_it_is_done(page: Dashboard) -> None:
    pytest.importorskip("umap", reason='no umap-learn: pip install "embedding-lab[umap]"')
    page.page.goto(page.page.url.partition("#")[0])
    page.wait_until_ready()
    page.ask_for_a_map("UMAP", "2-D", "all 10,000")
    card = page.dom.get_by_label("Maps being made").locator("article", has_text="UMAP of mine")
    card.get_by_role("progressbar").wait_for()
    card.get_by_text("umap epochs").wait_for()
    assert page.told("state") == "computing"
    assert not page.told("map").startswith("umap")  # it does not form before one's eyes
    page.dom.locator(".embedding-lab[data-state=ready][data-map^='umap-2d']").wait_for()
    assert page.told("points") == f"{SAMPLES}/{SAMPLES}"
