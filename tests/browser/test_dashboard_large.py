"""A million samples on the whole page: all drawn, selected, isolated, saved and taken away at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest

import embedding_lab as lab
from browser.dashboard import Dashboard

pytestmark = [pytest.mark.browser, pytest.mark.long]

SAMPLES = 1_000_000


@pytest.fixture(scope="module")
def logdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    logdir = tmp_path_factory.mktemp("large") / "logs"
    labels = np.arange(SAMPLES) % 10
    vectors = np.random.default_rng(0).normal(size=(SAMPLES, 4)).astype(np.float32)
    vectors[:, :2] += 6 * np.stack([np.cos(labels), np.sin(labels)], axis=1)
    columns = {"far": np.linalg.norm(vectors, axis=1)}
    lab.log_embeddings(logdir / "run", vectors, layer="mine", labels=labels, columns=columns)
    return logdir


@pytest.fixture(scope="module")
def page(browser: Any, serve: Any, logdir: Path) -> Iterator[Dashboard]:
    page = Dashboard(browser, serve(logdir))
    yield page
    assert page.errors == []
    page.page.close()


def test_all_points_are_drawn_and_one_in_ten_is_found(page: Dashboard) -> None:
    page.wait_for_drawn(SAMPLES)
    assert page.search("label == 3") == "100,000 samples"
    page.wait_for_selected(SAMPLES // 10)
    page.press("Tab")
    page.dom.locator(".canvas canvas").focus()
    page.press("i")
    page.wait_for_drawn(SAMPLES // 10)
    page.press("a")
    page.wait_for_drawn(SAMPLES)


def test_points_are_drawn_as_they_arrive(page: Dashboard) -> None:
    page.leave()
    page.wait_for_drawn(SAMPLES)
    page.press("n")  # class names are there before all points
    whole = page.still_picture()
    with page.answers_held("/points?") as held:
        page.page.reload()
        page.wait_for_held(held, 1)
        page.answer(held[0])
        page.wait("document.querySelector('.embedding-lab').dataset.points.startsWith('16384/')")
        page.dom.locator("h1").click()
        page.press("n")
        first = page.still_picture()
        page.wait_for_held(held, 2)
    page.wait_for_drawn(SAMPLES)
    drawn = [(np.abs(each - each[0, 0]).max(axis=2) > 20).sum() for each in (first, whole)]
    assert 0.1 * drawn[1] < drawn[0] < drawn[1]


def test_a_fair_sample_is_drawn_while_the_map_moves_and_all_when_it_rests(page: Dashboard) -> None:
    page.leave()
    page.wait_for_drawn(SAMPLES)
    page.frame.evaluate(
        """() => {
            const root = document.querySelector('.embedding-lab');
            window.drawn = [];
            new MutationObserver(() => window.drawn.push(root.dataset.points))
                .observe(root, {attributes: true, attributeFilter: ['data-points']});
        }"""
    )
    page.drag((0.4, 0.5), (0.6, 0.5))
    page.wait("window.drawn.at(-1) == argument", f"{SAMPLES}/{SAMPLES}")
    drawn = [[int(number) for number in said.split("/")] for said in page.frame.evaluate("window.drawn")]
    assert {total for _, total in drawn} == {SAMPLES}
    assert 0 < drawn[0][0] < SAMPLES / 2


def test_a_lasso_round_all_that_is_seen_selects_it_and_counts_its_classes(page: Dashboard) -> None:
    page.leave()
    page.press("l")
    page.drag((0.001, 0.001), (0.999, 0.001), (0.999, 0.999), (0.001, 0.999), (0.001, 0.001))
    page.wait("document.querySelector('.embedding-lab').dataset.selected != '0'")
    selected = int(page.told("selected"))
    assert selected > 0.98 * SAMPLES  # a few lie far out
    counts = page.dom.get_by_label("Classes in the selection").locator(".count")
    counts.nth(9).wait_for()
    assert sum(int(text.replace(",", "")) for text in counts.all_inner_texts()) == selected


def test_a_million_are_coloured_by_another_column_and_by_none(page: Dashboard) -> None:
    page.leave()
    page.call("lab.colourBy(argument)", "label")
    page.wait_until_ready()
    colours = page.colours().values()
    assert len(colours) == 10
    for shown in (["far"], ["label"], [""], ["label"], ["", "label"]):  # the last before the one before is done
        for column in shown:
            page.call("lab.colourBy(argument)", column)
        page.wait_until_ready()
        assert page.dom.get_by_label("Colour by").input_value() == column
        picture = page.still_picture()
        seen = [(np.abs(picture - colour).max(axis=2) <= 8).sum() for colour in colours]
        if column == "label":
            assert min(seen) > 5
        if not column:
            assert max(seen) == 0


def test_a_million_are_saved_and_come_back_in_python_and_on_the_page(page: Dashboard, logdir: Path) -> None:
    page.leave()
    assert page.search("label >= 0") == "1,000,000 samples"
    page.wait_for_selected(SAMPLES)
    page.dom.get_by_label("Name of the selection").fill("all of them")
    page.dom.get_by_role("button", name="Save", exact=True).click()
    saved = page.dom.locator(".saved .entry", has_text="all of them")
    saved.wait_for()
    run = lab.open_run(logdir / "run")
    assert np.array_equal(run.selection("all of them"), run.embeddings("mine").ids)
    page.leave()
    saved.click()
    page.wait_for_selected(SAMPLES)


def test_a_million_are_taken_away(page: Dashboard) -> None:
    page.leave()
    page.search("label >= 0")
    page.wait_for_selected(SAMPLES)
    with page.page.expect_download() as started:
        page.dom.get_by_role("button", name="Parquet").click()
    table = pyarrow.parquet.read_table(started.value.path(), columns=["id", "label", "x"])
    assert table.num_rows == SAMPLES
    assert table["id"][SAMPLES - 1].as_py().endswith("999999")
