"""An exported run opens from disk in a real Chromium: map, names, selecting and searching, and no request."""

from __future__ import annotations

import io
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import embedding_lab as lab
from embedding_lab.app.exports import export_html
from embedding_lab.embeddings import EmbeddingSet, Projection, as_dataset, create_run

pytestmark = pytest.mark.browser

ROWS = 60
SECONDS = 120


def a_tone() -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((1, 2, 8000, 0, "NONE", ""))
        writer.writeframes(bytes(4000))
    return file.getvalue()


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export")
    random = np.random.default_rng(0)
    labels = np.arange(ROWS) % 3
    pictures = np.repeat(50 + 80 * labels.astype(np.uint8), 64).reshape(ROWS, 8, 8)
    columns = {
        "tone": [None if row == 5 else a_tone() for row in range(ROWS)],
        "page": ["https://example.org/a"] * ROWS,
        "story": [f"Once upon a time. {row} " * 20 for row in range(ROWS)],
    }
    large = [Image.fromarray(picture).resize((100, 90)) for picture in pictures]
    data = as_dataset(
        pictures,
        name="tiny",
        labels=labels,
        class_names=["zero", "<i>one</i>", "two"],
        columns=columns,
        images=large,
    )
    vectors = (random.normal(size=(ROWS, 5)) + 6 * labels[:, None]).astype(np.float32)
    run = create_run(folder / "logs" / "a run")
    run.save_embeddings(EmbeddingSet(vectors, data, "mine", step=3))
    run.save_pictures(data)
    run.save_media(data)
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


def test_a_map_that_was_saved_without_measures_has_them_in_the_file(page: Any) -> None:
    page.locator("footer", has_text="of neighbours in the layer are kept").wait_for()
    assert page.get_by_label("Colour by").locator("option[value=trustworthiness]").count() == 1


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


def test_sounds_are_played_links_followed_and_pictures_seen_in_their_size(page: Any) -> None:
    page.evaluate("window.embeddingLab.select(['tiny/00004'])")
    page.get_by_role("button", name="Table").click()
    page.get_by_role("dialog").locator("tbody").get_by_role("button", name="tiny/00004").click()
    inspector = page.locator(".inspector")
    player = inspector.locator("audio")
    player.evaluate("(each) => { each.preload = 'auto'; }")
    page.wait_for_function("(each) => each.readyState >= 2", arg=player.element_handle())
    assert player.evaluate("(each) => each.duration") == 0.25
    assert inspector.get_by_role("link").get_attribute("href") == "https://example.org/a"
    assert inspector.locator(".long").inner_text().startswith("Once upon a time. 4")
    picture = inspector.locator("img").first
    page.wait_for_function("(each) => each.naturalWidth === 100", arg=picture.element_handle())


def test_what_needs_a_server_says_so(page: Any) -> None:
    page.get_by_label("How to search").select_option("filter")
    field = page.get_by_label("Search samples")
    field.fill("label == zero")
    field.press("Enter")
    page.get_by_text("A filter needs the server").first.wait_for()
