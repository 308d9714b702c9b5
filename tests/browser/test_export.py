"""An exported run opens from disk in a real Chromium: map, names, selecting and searching, and no request."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import embedding_lab as lab
from embedding_lab.app.exports import export_html
from embedding_lab.embeddings import EmbeddingSet, Projection, as_dataset, create_run

pytestmark = pytest.mark.browser

ROWS = 60
SECONDS = 120


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export")
    random = np.random.default_rng(0)
    labels = np.arange(ROWS) % 3
    pictures = np.repeat(50 + 80 * labels.astype(np.uint8), 64).reshape(ROWS, 8, 8)
    data = as_dataset(pictures, name="tiny", labels=labels, class_names=["zero", "<i>one</i>", "two"])
    vectors = (random.normal(size=(ROWS, 5)) + 6 * labels[:, None]).astype(np.float32)
    run = create_run(folder / "logs" / "a run")
    run.save_embeddings(EmbeddingSet(vectors, data, "mine", step=3))
    run.save_pictures(data)
    run.save_map("mine", 3, "pca-3d", Projection(vectors[:, :3], data.ids, "pca"))
    run.annotate("tiny/00004", label="two", reason="by eye")
    export_html(run, folder / "run.html")
    return folder / "run.html"


@pytest.fixture(scope="module")
def page(browser: Any, exported: Path) -> Iterator[Any]:
    page = browser.new_page(viewport={"width": 1100, "height": 700})
    page.set_default_timeout(1000 * SECONDS)
    gone_wrong: list[str] = []
    page.on("pageerror", lambda error: gone_wrong.append(str(error)))
    page.on("console", lambda said: gone_wrong.append(said.text) if said.type == "error" else None)
    page.on("request", lambda asked: gone_wrong.append(asked.url) if asked.url.startswith("http") else None)
    page.goto(exported.as_uri())
    page.locator(".embedding-lab[data-state=ready]").wait_for()
    yield page
    assert gone_wrong == []
    page.close()


def test_all_points_are_drawn(page: Any) -> None:
    page.locator(f".embedding-lab[data-points='{ROWS}/{ROWS}']").wait_for()
    assert page.locator(".embedding-lab").get_attribute("data-map") == "pca-3d"


def test_class_names_are_shown_as_text(page: Any) -> None:
    page.locator(".legend").get_by_text("<i>one</i>").wait_for()


def test_scripts_select_by_ids(page: Any) -> None:
    page.evaluate("window.embeddingLab.select(['tiny/00004', 'tiny/00007'])")
    page.locator(".embedding-lab[data-selected='2']").wait_for()
    assert sorted(page.evaluate("window.embeddingLab.selection()")) == ["tiny/00004", "tiny/00007"]


def test_text_is_found(page: Any) -> None:
    page.get_by_label("How to search").select_option("text")
    field = page.get_by_label("Search samples")
    field.fill("<i>one")
    field.press("Enter")
    page.locator(f".embedding-lab[data-selected='{ROWS // 3}']").wait_for()


def test_what_was_noted_down_is_in_it_and_selects_its_samples(page: Any) -> None:
    page.get_by_label("Notes").get_by_role("button", name="right label: two").click()
    page.locator(".embedding-lab[data-selected='1']").wait_for()
    page.get_by_role("button", name="Table").click()
    table = page.get_by_role("dialog")
    table.get_by_role("button", name="label", exact=True).click()
    table.locator("th[aria-sort=ascending]").wait_for()
    assert table.locator("tbody th").all_inner_texts() == ["tiny/00004"]
    page.keyboard.press("Escape")


def test_the_neighbours_of_a_sample_are_in_it(page: Any, exported: Path) -> None:
    page.keyboard.press("Escape")
    page.evaluate("window.embeddingLab.select([])")
    page.locator("h1").click()
    page.keyboard.press("]")
    page.locator(".inspector h2", has_text="tiny/00000").wait_for()
    page.locator(".inspector .neighbour").nth(9).wait_for()
    embeddings = lab.open_run(exported.parent / "logs" / "a run").embeddings("mine", 3)
    away = np.linalg.norm(embeddings.vectors - embeddings.vectors[0], axis=1)
    nearest = embeddings.ids[np.argsort(away)[1:11]].tolist()
    shown = page.locator(".inspector .neighbour .text").all_inner_texts()
    assert shown[:10] == nearest
    page.keyboard.press("Escape")


def test_what_needs_a_server_says_so(page: Any) -> None:
    page.get_by_label("How to search").select_option("filter")
    field = page.get_by_label("Search samples")
    field.fill("label == zero")
    field.press("Enter")
    page.get_by_text("A filter needs the server").first.wait_for()
