"""What TensorBoard shows of `embedding-lab train`, in a real browser: every tab has its content."""

from __future__ import annotations

import gzip
import json
import re
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from embedding_lab.board.launch import Board, launch

pytestmark = [
    pytest.mark.browser,
    pytest.mark.mnist,
    pytest.mark.long,
    pytest.mark.usefixtures("quick_tensorboard"),
]

PATIENCE_MS = 180_000
STEPS = 120


@pytest.fixture(scope="module")
def logdir(here: Callable[..., Any], mnist_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the command leaves behind for two models after a few steps."""
    folder = tmp_path_factory.mktemp("logs")
    for model in ("mlp", "cnn"):
        options = ["--model", model, "--steps", str(STEPS), "--trace-steps", "3", "--run", model, "--json"]
        done = here(folder, "train", *options, "--logdir", folder, "--data-dir", mnist_dir)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["steps"] == STEPS
    return folder


@pytest.fixture(scope="module")
def board(logdir: Path) -> Iterator[Board]:
    with launch(logdir, port=0) as running:
        yield running


@pytest.fixture(scope="module")
def page(browser: Any) -> Iterator[Any]:
    """One page, on which a reader goes from tab to tab; those left behind stay in it, out of sight."""
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    page.set_default_timeout(PATIENCE_MS)
    yield page
    page.close()


def in_sight(page: Any, text: str) -> Any:
    """The first place of the tab in sight that says exactly this."""
    return page.get_by_text(text, exact=True).locator("visible=true").first


def told(board: Board, path: str, body: Any = None) -> Any:
    """What TensorBoard answers behind the page."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{board.url}data/plugin/{path}", data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        content = answer.read()
    return json.loads(gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content)


def wait_for_shapes(chart: Any, count: int) -> None:
    """Waits until a chart has drawn so many lines or areas."""
    chart.locator("path[d*='L']").nth(count - 1).wait_for(state="attached")


def test_the_scalars_tab_draws_both_runs_of_each_model(board: Board, page: Any) -> None:
    tags = told(board, "scalars/tags")
    assert {"loss", "accuracy", "learning_rate", "dropout/keep_probability"} <= set(tags["mlp/train"])
    assert {
        f"hidden/{part}/{what}" for part in ("kernel", "bias") for what in ("mean", "stddev", "min", "max")
    } <= set(tags["mlp/train"])
    steps = [step for _, step, _ in told(board, "scalars/scalars?run=mlp/test&tag=accuracy")]
    assert steps == list(range(10, STEPS + 1, 10))
    page.goto(f"{board.url}#scalars")
    for run in ("mlp/train", "mlp/test", "cnn/train", "cnn/test"):
        page.locator("tf-runs-selector").get_by_text(run, exact=True).wait_for()
    accuracy = page.locator("tf-scalar-card", has_text="tag: accuracy").first
    wait_for_shapes(accuracy.locator("vz-line-chart2"), 4)
    in_sight(page, "learning_rate").wait_for()


def test_the_images_tab_shows_inputs_mistakes_and_the_confusion_matrix(board: Board, page: Any) -> None:
    found = told(board, "images/tags")
    assert set(found["mlp/test"]) == set(found["cnn/test"]) == {"input", "misclassified", "confusion_matrix"}
    page.goto(f"{board.url}#images")
    in_sight(page, "misclassified").click()  # the third group is folded
    for tag, side in (("confusion_matrix", 400), ("input", 112), ("misclassified", 500)):
        picture = page.locator("tf-image-loader", has_text=f"tag: {tag}").first.locator("img")
        picture.wait_for()
        loaded = "img => new Promise(done => { if (img.complete) done(); else img.onload = done; })"
        picture.evaluate(loaded)
        assert picture.evaluate("img => img.naturalWidth") >= side


@pytest.mark.parametrize(
    ("model", "layers"), [("mlp", ("hidden", "dropout", "logits")), ("cnn", ("conv_1", "relu_3"))]
)
def test_the_graphs_tab_opens_to_the_layers(board: Board, page: Any, model: str, layers: tuple[str, ...]) -> None:
    page.goto(f"{board.url}#graphs")
    # by hand: TensorBoard's page takes no notice of a run in its address and always begins with the first
    menu = page.locator("tf-graph-controls .run-dropdown").first
    menu.click()
    menu.locator("paper-item", has_text=f"{model}/train").click()
    box = page.locator(f'g.node[data-name="{model}"]')
    box.wait_for()
    # as an event, for the page moves its nodes while it fits them in, and a click may come to where one was
    box.locator("> g.nodeshape").first.dispatch_event("dblclick")
    for layer in layers:
        page.locator(f'g.node[data-name="{model}/{layer}"]').wait_for()


@pytest.mark.parametrize(
    ("tab", "card", "chart"),
    [
        ("distributions", "tf-distribution-loader", "vz-distribution-chart"),
        ("histograms", "tf-histogram-loader", "vz-histogram-timeseries"),
    ],
)
def test_weights_and_activations_are_spread_out(board: Board, page: Any, tab: str, card: str, chart: str) -> None:
    tags = told(board, f"{tab}/tags")
    assert {"hidden/kernel", "hidden/bias"} <= set(tags["mlp/train"])
    assert {"hidden/pre_activations", "hidden/activations"} <= set(tags["mlp/test"])
    assert {"conv_1/activations", "relu_1/pre_activations"} <= set(tags["cnn/test"])
    page.goto(f"{board.url}#{tab}")
    in_sight(page, "hidden").click()  # only the first groups are unfolded
    for tag in ("conv_1/kernel", "conv_1/activations", "hidden/kernel", "hidden/pre_activations"):
        wait_for_shapes(page.locator(card, has_text=f"tag: {tag}").locator(chart), 3)


def test_the_hparams_tab_compares_the_models(board: Board, page: Any) -> None:
    asked = {"startIndex": 0, "sliceSize": 10, "colParams": [], "allowedStatuses": ["STATUS_SUCCESS"]}
    groups = told(board, "hparams/session_groups", asked)["sessionGroups"]
    assert {group["hparams"]["model"] for group in groups} == {"mlp", "cnn"}
    page.goto(f"{board.url}#hparams")
    cells = page.locator("tf-hparams-table-view vaadin-grid-cell-content")
    for text in ("batch_size", "learning_rate", "test accuracy", "mlp", "cnn"):
        cells.get_by_text(text, exact=True).first.wait_for()
    for group in groups:
        (accuracy,) = (
            each["value"] for each in group["metricValues"] if each["name"] == {"group": "test", "tag": "accuracy"}
        )
        cells.get_by_text(f"{accuracy:.5f}").first.wait_for(state="attached")


def test_the_text_tab_shows_the_models_layers(board: Board, page: Any) -> None:
    page.goto(f"{board.url}#text")
    for shown in ("500", "embed_layer", "1024", "Conv2D"):
        page.locator("tf-text-loader table").get_by_text(re.compile(shown)).first.wait_for()


def test_the_projector_shows_the_test_samples_at_the_last_step(logdir: Path, open_projector: Any) -> None:
    page = open_projector(logdir)
    for run, layer in (("mlp", "hidden"), ("cnn", "embed_layer")):
        page.choose(f"{layer} · step {STEPS:05} · PCA, euclidean", run=run)
        assert page.counts[0] == 1000
    assert page.errors == []


def test_the_profile_tab_opens_on_the_traced_steps(board: Board, page: Any) -> None:
    sessions = told(board, "profile/runs")
    assert {each.partition("/")[0] for each in sessions} == {"mlp", "cnn"}
    page.goto(f"{board.url}#profile")
    frame = page.frame_locator("iframe").last
    frame.get_by_text("Host Compute Time").wait_for()
    text = frame.locator("body").inner_text()
    assert "No profile data was found" not in text
    host_compute = re.search(r"Host Compute Time\s*\(σ = [\d.]+ ms\)\s*([\d.]+) ms", text)
    assert host_compute
    assert float(host_compute[1]) > 0
