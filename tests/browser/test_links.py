"""Links: they show the view that was copied, whatever was written since and wherever they are followed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import embedding_lab as lab
from browser.dashboard import Dashboard
from browser.small_run import log_small_run

pytestmark = pytest.mark.browser


def log_run_meanwhile(page: Dashboard, logdir: Path, name: str) -> None:
    """Another run, of which the open page has heard."""
    log_small_run(logdir / name, seed=1)
    page.dom.get_by_label("Run").locator("option", has_text=name).wait_for(state="attached")


@pytest.fixture
def logdir(tmp_path: Path) -> Path:
    log_small_run(tmp_path / "logs" / "first")
    return tmp_path / "logs"


@pytest.fixture
def follow(browser: Any) -> Iterator[Callable[[str], Dashboard]]:
    """Opens an address in a window of its own."""
    opened = []

    def follow(address: str) -> Dashboard:
        opened.append(Dashboard(browser, address))
        return opened[-1]

    yield follow
    for page in opened:
        assert page.errors == []
        page.page.close()


@pytest.fixture
def page(follow: Callable[[str], Dashboard], serve: Any, logdir: Path) -> Dashboard:
    """A page on which two samples were chosen."""
    page = follow(serve(logdir))
    page.call("lab.select(argument)", ids(3, 20))
    return page


def link_of(page: Dashboard, holds: str) -> str:
    """The page's address, when it holds this."""
    page.page.wait_for_url(re.compile(holds))
    return str(page.page.url)


def ids(*rows: int) -> list[str]:
    return [f"samples/{row:05}" for row in rows]


def test_a_link_shows_the_samples_that_were_selected_though_a_newer_run_came(
    page: Dashboard, follow: Callable[[str], Dashboard], logdir: Path
) -> None:
    link = link_of(page, "selection=")
    log_run_meanwhile(page, logdir, "second")
    again = follow(link)
    again.wait_for_selected(2)
    assert again.dom.get_by_label("Run").input_value() == "first"
    assert again.selection == ids(3, 20)


def test_a_view_that_nobody_touched_begins_with_the_newest_run_after_a_reload(
    follow: Callable[[str], Dashboard], serve: Any, logdir: Path
) -> None:
    page = follow(serve(logdir))
    log_run_meanwhile(page, logdir, "second")
    page.page.reload()
    page.wait_until_ready()
    assert page.dom.get_by_label("Run").input_value() == "second"


def test_a_link_followed_in_the_open_page_shows_what_it_says_and_no_more(
    page: Dashboard, follow: Callable[[str], Dashboard]
) -> None:
    page.call("lab.colourBy('')")
    page.dom.locator(".canvas canvas").focus()
    page.press("ArrowRight")
    page.still_picture()
    link = link_of(page, "(?=.*selection=)(?=.*camera=)(?=.*colour=(&|$))")
    camera = page.call("lab.camera")

    page.call("lab.select(argument)", ids(5, 6, 7))
    page.press("i")
    page.dom.get_by_role("button", name="Show all (57 hidden)").wait_for()
    page.call("lab.colourBy('label')")
    page.press("f")
    page.still_picture()
    page.frame.evaluate("(link) => { location.href = link; }", link)
    page.wait_for_selected(2)
    page.dom.get_by_role("button", name="hidden)").wait_for(state="hidden")
    assert page.selection == ids(3, 20)
    assert page.dom.get_by_label("Colour by").input_value() == ""
    assert page.call("lab.camera")["azimuth"] == pytest.approx(camera["azimuth"], rel=1e-3)

    again = follow(link)
    again.wait_for_selected(2)
    assert again.dom.get_by_label("Colour by").input_value() == ""


@pytest.mark.long
def test_a_link_to_another_run_is_followed_in_the_open_page_with_its_selection(
    page: Dashboard, logdir: Path
) -> None:
    link = link_of(page, "selection=")
    log_run_meanwhile(page, logdir, "second")
    page.dom.get_by_label("Run").select_option("second")
    page.wait_for_selected(0)
    link_of(page, "run=second")
    page.frame.evaluate("(link) => { location.href = link; }", link)
    page.wait_for_selected(2)
    assert page.dom.get_by_label("Run").input_value() == "first"


@pytest.mark.long
def test_few_that_are_left_while_all_others_are_hidden_are_in_the_link(
    follow: Callable[[str], Dashboard], serve: Any, logdir: Path
) -> None:
    page = follow(serve(logdir))
    page.call("lab.select(argument)", ids(3, 20, 40))
    page.press("i")
    again = follow(link_of(page, "shown="))
    again.wait_for_selected(3)
    again.press("Escape")
    again.dom.get_by_role("button", name="Show all (57 hidden)").wait_for()


def test_a_link_to_a_saved_selection_shows_what_is_saved_under_the_name_now(
    page: Dashboard, follow: Callable[[str], Dashboard], logdir: Path
) -> None:
    page.dom.get_by_label("Name of the selection").fill("odd ones")
    page.dom.get_by_role("button", name="Save", exact=True).click()
    link = link_of(page, "selection=saved%3Aodd")
    lab.open_run(logdir / "first").save_selection("odd ones", ids(3, 20, 41))
    again = follow(link)
    again.wait_for_selected(3)
    assert again.selection == ids(3, 20, 41)


def test_a_link_to_a_run_that_is_gone_says_so_and_selects_nothing(
    page: Dashboard, follow: Callable[[str], Dashboard]
) -> None:
    again = follow(link_of(page, "selection=").replace("run=first", "run=gone"))
    again.dom.get_by_text("The run “gone” of this link is not here").wait_for()
    assert again.selection == []


@pytest.mark.usefixtures("quick_tensorboard")
def test_inside_tensorboard_what_is_selected_stays_while_another_tab_is_looked_at(
    follow: Callable[[str], Dashboard], logdir: Path
) -> None:
    with lab.launch(logdir, port=0) as board:
        page = follow(f"{board.url}#embedding_lab")
        page.call("lab.select(argument)", ids(3, 20))
        page.page.wait_for_url(re.compile("embedding_lab.selection="))
        page.call("lab.select(argument)", ids(5))  # which the address does not hold yet
        for now, then, iframe in (
            ("embedding_lab", "timeseries", "hidden"),
            ("timeseries", "embedding_lab", "visible"),
        ):
            changed = f"location.hash = location.hash.replace('#{now}', '#{then}')"  # as a click on its tab does
            page.page.evaluate(changed)
            page.page.locator("iframe").wait_for(state=iframe)
        page.dom.get_by_role("button", name="Undo the last change of the selection").click()
        page.wait_for_selected(2)
        assert page.selection == ids(3, 20)
