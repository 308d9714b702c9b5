"""What people note down and keep of samples, on the page inside a real TensorBoard and in Python."""

from __future__ import annotations

from typing import Any

import pytest

import embedding_lab as lab
from browser.dashboard import Dashboard
from browser.digits import LAYER, NAMES
from embedding_lab.embeddings import EmbeddingSet

pytestmark = [pytest.mark.browser, pytest.mark.mnist, pytest.mark.usefixtures("quick_tensorboard")]


def test_a_selection_saved_in_python_is_shown_by_its_name(
    page: Dashboard, run: Any, embeddings: EmbeddingSet
) -> None:
    run.save_selection("three of them", embeddings.ids[[3, 1, 4]].tolist())
    page.dom.locator(".saved .entry", has_text="three of them").click()
    page.wait_for_selected(3)
    assert page.selection == embeddings.ids[[1, 3, 4]].tolist()
    page.dom.get_by_role("button", name="Table").click()
    ids = page.dom.get_by_role("dialog").locator("tbody th")
    ids.first.wait_for()
    assert ids.all_inner_texts() == embeddings.ids[[1, 3, 4]].tolist()
    page.press("Escape")


def test_what_is_noted_down_is_seen_on_the_page_and_comes_back_in_python(
    page: Dashboard, run: Any, embeddings: EmbeddingSet
) -> None:
    chosen = embeddings.ids[[5, 8]].tolist()
    page.call("lab.select(argument)", chosen)
    page.dom.locator(".annotate summary").click()
    page.dom.get_by_label("Right label").fill(NAMES[9])
    page.dom.get_by_label("Tags").fill("torn, too <i>thin</i>")
    page.dom.get_by_label("Reason").fill("by eye")
    page.dom.get_by_role("button", name="Note it down").click()
    note = page.dom.get_by_label("Notes").locator(".entry", has_text="right label")
    note.wait_for()
    said = f"right label: {NAMES[9]} · tags: torn, too <i>thin</i>"
    assert said in note.inner_text()
    assert "by eye" in note.inner_text()
    assert "2 samples · " in note.inner_text()  # and when

    told = {"label": NAMES[9], "tags": ["torn", "too <i>thin</i>"], "reason": "by eye"}
    found = lab.open_run(run.path).annotations
    assert [{key: each[key] for key in ("id", *told)} for each in found] == [{"id": one, **told} for one in chosen]
    assert found[0]["time"] > 1e9
    assert lab.open_run(run.path).embeddings(LAYER).dataset.labels[5] == embeddings.dataset.labels[5]

    page.press("Escape")
    note.click()  # selects its samples again
    page.wait_for_selected(2)
    assert page.selection == chosen
    page.dom.get_by_role("button", name="Table").click()
    page.dom.get_by_role("dialog").get_by_role("cell", name="torn, too <i>thin</i>").first.wait_for()
    page.dom.get_by_role("dialog").get_by_role("button", name=chosen[0]).click()
    page.dom.locator(".inspector .note", has_text=said).wait_for()
    run.annotate(embeddings.ids[5], tags=["from Python"], reason="a script")
    page.dom.locator(".inspector .note", has_text="from Python").wait_for()

    assert page.search("tags ~ torn and corrected_label != label") == "2 samples"
    page.call("lab.colourBy('tags')")
    page.dom.locator(".legend .entry", has_text="torn, too <i>thin</i>, from Python").wait_for()
    page.call("lab.colourBy('label')")
    page.dom.locator(".legend .entry", has_text=NAMES[9]).wait_for()


def test_what_was_noted_down_or_saved_is_taken_back_on_the_page(
    page: Dashboard, run: Any, embeddings: EmbeddingSet
) -> None:
    run.annotate(embeddings.ids[[10, 11]].tolist(), tags=["taken back"], reason="a slip")
    run.save_selection("of no use", embeddings.ids[[10, 11]].tolist())
    note = page.dom.get_by_label("Notes").locator("li", has_text="taken back")
    note.locator(".entry").click()
    page.wait_for_selected(2)
    page.dom.get_by_role("button", name="Table").click()
    page.dom.get_by_role("dialog").get_by_role("button", name=embeddings.ids[10]).click()
    of_sample = page.dom.locator(".inspector .notes li", has_text="taken back")
    of_sample.get_by_role("button", name="Take back").click()
    of_sample.wait_for(state="detached")
    note.locator("span", has_text="1 sample").wait_for()
    note.get_by_role("button", name="Take back").click()
    note.wait_for(state="detached")
    assert not any("taken back" in each.get("tags", ()) for each in run.annotations)

    saved = page.dom.locator(".saved li", has_text="of no use")
    saved.get_by_role("button", name="Remove the selection").click()
    saved.wait_for(state="detached")
    assert "of no use" not in run.selections
