"""What a trace shows in real TensorBoard: its graph in a real browser, and the Profile tab with all its tools."""

from __future__ import annotations

import gzip
import json
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from embedding_lab.board.launch import Board, launch
from embedding_lab.profiling import TraceReport, trace

pytest.importorskip("tensorflow", reason="no TensorFlow")
pytest.importorskip("xprof", reason="no xprof: pip install 'embedding-lab[tensorflow]'")

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("quick_tensorboard")]
PATIENCE_MS = 180_000


def plain() -> list[int]:
    return sorted(number * number for number in range(50))


@pytest.fixture(scope="module")
def plain_report(trained: TraceReport) -> TraceReport:
    """A plain function's trace in the same log directory."""
    return trace(plain, logdir=trained.run.parent)


@pytest.fixture(scope="module")
def board(plain_report: TraceReport) -> Iterator[Board]:
    with launch(plain_report.run.parent, port=0) as running:
        yield running


@pytest.fixture(scope="module")
def page(browser: Any) -> Iterator[Any]:
    page = browser.new_page(viewport={"width": 1500, "height": 950})
    page.set_default_timeout(PATIENCE_MS)
    yield page
    page.close()


def session(report: TraceReport) -> str:
    """The name that the Profile tab gives to a trace."""
    return f"{report.run.name}/{report.profile.parent.name}"


def profile(board: Board, path: str) -> Any:
    with urllib.request.urlopen(f"{board.url}data/plugin/profile/{path}") as answer:
        data = answer.read()
    return json.loads(gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data)


def test_both_tabs_are_shown_and_list_the_runs(
    board: Board, trained: TraceReport, plain_report: TraceReport
) -> None:
    with urllib.request.urlopen(f"{board.url}data/plugins_listing") as answer:
        plugins = json.load(answer)
    assert plugins["graphs"]["enabled"]
    assert plugins["profile"]["enabled"]
    assert set(profile(board, "runs")) == {session(trained), session(plain_report)}


@pytest.mark.parametrize("which", ["trained", "plain_report"])
def test_the_tools_of_the_profile_tab_have_content(
    board: Board, which: str, request: pytest.FixtureRequest
) -> None:
    report: TraceReport = request.getfixturevalue(which)
    run = quote(session(report))
    tools = profile(board, f"run_tools?run={run}")
    assert {"overview_page", "trace_viewer@"} <= set(tools)
    host = profile(board, f"hosts?run={run}&tag=overview_page")[0]["hostname"]

    events = profile(board, f"data?run={run}&tag=trace_viewer@&host={host}")["traceEvents"]
    shown = json.dumps([each for each in events if each.get("ph") == "X"])
    assert ("sorted" if which == "plain_report" else "MatMul") in shown
    overview = json.dumps(profile(board, f"data?run={run}&tag=overview_page&host={host}"))
    assert "No step marker observed" not in overview
    assert "TraceContext 2" in overview


def test_the_operations_of_a_step_of_training_are_listed(board: Board, trained: TraceReport) -> None:
    run = quote(session(trained))
    host = profile(board, f"hosts?run={run}&tag=framework_op_stats")[0]["hostname"]
    assert "hidden" in json.dumps(profile(board, f"data?run={run}&tag=framework_op_stats&host={host}"))


@pytest.mark.long
def test_the_graphs_tab_shows_the_step_and_opens_to_its_layers(
    board: Board, page: Any, trained: TraceReport, tmp_path: Path
) -> None:
    page.goto(f"{board.url}#graphs")
    nodes = page.locator("g.node")
    page.locator('g.node[data-name="gradient_tape"]').wait_for()
    names = set(nodes.evaluate_all("nodes => nodes.map(node => node.getAttribute('data-name'))"))
    assert {"data", "net", "compile_loss", "gradient_tape", "adam", "metrics"} <= names
    # told to the box and not clicked at its place, which moves while the graph is fitted to the page
    page.locator('g.node[data-name="net"] > g.nodeshape').first.dispatch_event("dblclick")
    for layer in ("hidden", "drop", "logits"):
        page.locator(f'g.node[data-name="net/{layer}"]').wait_for()
    page.screenshot(path=tmp_path / "graphs.png")


def test_the_profile_tab_opens_on_a_filled_overview(
    board: Board, page: Any, plain_report: TraceReport, tmp_path: Path
) -> None:
    page.goto(f"{board.url}#profile")
    frame = page.frame_locator("iframe").last
    frame.get_by_text("Host Compute Time").wait_for()
    page.screenshot(path=tmp_path / "profile.png")
    text = frame.locator("body").inner_text()
    assert "No profile data was found" not in text
    assert "WARNING" not in text
    host_compute = re.search(r"Host Compute Time\s*\(σ = [\d.]+ ms\)\s*([\d.]+) ms", text)
    assert host_compute
