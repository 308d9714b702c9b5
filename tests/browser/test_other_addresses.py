"""The lab's tab where TensorBoard is reached by others, so that it only reads, or lies under a path."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import embedding_lab as lab
from browser.dashboard import Dashboard
from browser.small_run import log_small_run

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("quick_tensorboard")]

IDS = ["samples/00003", "samples/00020"]


@pytest.fixture
def logdir(tmp_path: Path) -> Path:
    log_small_run(tmp_path / "logs" / "mine")
    return tmp_path / "logs"


def test_where_others_reach_it_the_page_shows_all_and_offers_nothing_that_writes(
    browser: Any, logdir: Path
) -> None:
    with pytest.warns(UserWarning, match="asks for no password"):
        board = lab.launch(logdir, port=0, host="0.0.0.0")
    with board:
        address = f"http://127.0.0.1:{board.port}/"
        page = Dashboard(browser, f"{address}#embedding_lab")
        page.call("lab.select(argument)", IDS)
        page.dom.get_by_text("2 samples selected").wait_for()
        assert page.dom.get_by_role("button", name="Table").is_visible()
        for offered in ("Name of the selection", "Make a new map"):
            assert not page.dom.get_by_label(offered).is_visible()
        assert page.errors == []
        page.page.close()
        wanted = urllib.request.Request(f"{address}data/plugin/embedding_lab/selections", b"{}", method="POST")
        with pytest.raises(urllib.error.HTTPError, match=r"40\d") as refused:
            urllib.request.urlopen(wanted, timeout=60)
        refused.value.close()
    assert lab.open_run(logdir / "mine").selections == []


@pytest.fixture
def page_under_a_path(browser: Any, logdir: Path) -> Iterator[Dashboard]:
    with lab.launch(logdir, port=0, path_prefix="/user/x") as board:
        page = Dashboard(browser, f"{board.url}#embedding_lab")
        yield page
        assert [each for each in page.errors if "404" not in each] == []  # it asks for two of its fonts elsewhere
        page.page.close()


def test_under_a_path_a_selection_is_saved(page_under_a_path: Dashboard, logdir: Path) -> None:
    page = page_under_a_path
    page.call("lab.select(argument)", IDS)
    page.dom.get_by_label("Name of the selection").fill("two")
    page.dom.get_by_role("button", name="Save", exact=True).click()
    page.dom.get_by_role("button", name="two", exact=True).wait_for()
    assert lab.open_run(logdir / "mine").selection("two") == IDS


@pytest.mark.long
def test_under_a_path_a_map_is_made(page_under_a_path: Dashboard) -> None:
    page_under_a_path.dom.locator("h1").click()
    page_under_a_path.ask_for_a_map("PCA", "3-D", "all 60")
    page_under_a_path.dom.locator(".embedding-lab[data-state=ready][data-map=pca-3d]").wait_for()
