"""What TensorBoard shows of a training, in a real browser: each tab has its content."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from embedding_lab.board.launch import Board, launch

pytestmark = [pytest.mark.browser, pytest.mark.mnist]

PATIENCE_MS = 120_000


@pytest.fixture(scope="module")
def logdir(mnist_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `embedding-lab train` leaves behind for two models after a few steps."""
    folder = tmp_path_factory.mktemp("logs")
    for model, steps in (("mlp", 120), ("cnn", 100)):
        options = ["--model", model, "--steps", str(steps), "--run", model, "--logdir", str(folder), "--json"]
        command = [sys.executable, "-m", "embedding_lab", "train", *options, "--data-dir", str(mnist_dir)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["steps"] == steps
    return folder


@pytest.fixture(scope="module")
def board(logdir: Path) -> Iterator[Board]:
    with launch(logdir, port=0) as running:
        yield running


@pytest.fixture
def page(browser: Any, board: Board, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """A fresh page, photographed at the end."""
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    page.set_default_timeout(PATIENCE_MS)
    yield page
    page.screenshot(path=tmp_path / f"{request.node.name}.png")
    page.close()


def told(board: Board, path: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{board.url}data/plugin/{path}", data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def test_the_scalars_tab_shows_both_runs_of_each_model(board: Board, page: Any) -> None:
    tags = told(board, "scalars/tags")
    assert {"mlp/train", "mlp/test", "cnn/train", "cnn/test"} <= set(tags)
    assert {"loss", "accuracy", "learning_rate", "dropout/keep_probability", "hidden/kernel/mean"} <= set(
        tags["mlp/train"]
    )
    steps = [step for _, step, _ in told(board, "scalars/scalars?run=mlp/test&tag=accuracy")]
    assert steps == list(range(10, 121, 10))
    page.goto(f"{board.url}#scalars")
    for text in ("accuracy", "learning_rate", "mlp/test"):
        page.get_by_text(text, exact=True).first.wait_for()


def test_the_images_tab_shows_inputs_mistakes_and_the_confusion_matrix(board: Board, page: Any) -> None:
    assert set(told(board, "images/tags")["mlp/test"]) == {"input", "misclassified", "confusion_matrix"}
    page.goto(f"{board.url}#images")
    for text in ("confusion_matrix", "input", "misclassified"):
        page.get_by_text(text).first.wait_for()
    page.locator("tf-image-loader img").first.wait_for()
    loaded = "[...document.querySelectorAll('*')].length"
    assert page.evaluate(loaded) > 0


def test_the_graphs_tab_opens_to_the_layers(board: Board, page: Any) -> None:
    page.goto(f"{board.url}#graphs&run=mlp%2Ftrain")
    page.locator('g.node[data-name="mlp"]').wait_for()
    page.locator('g.node[data-name="mlp"] > g.nodeshape').first.dblclick(force=True)
    for layer in ("hidden", "dropout", "logits"):
        page.locator(f'g.node[data-name="mlp/{layer}"]').wait_for()


@pytest.mark.parametrize("tab", ["distributions", "histograms"])
def test_weights_and_activations_are_spread_out(board: Board, page: Any, tab: str) -> None:
    tags = told(board, f"{tab}/tags")
    assert {"hidden/kernel", "hidden/bias"} <= set(tags["mlp/train"])
    assert {"hidden/pre_activations", "hidden/activations"} <= set(tags["mlp/test"])
    assert {"conv_1/activations", "relu_1/pre_activations"} <= set(tags["cnn/test"])
    page.goto(f"{board.url}#{tab}")
    page.get_by_text("conv_1").first.wait_for()


def test_the_hparams_tab_compares_the_models(board: Board, page: Any) -> None:
    asked = {"startIndex": 0, "sliceSize": 10, "colParams": [], "allowedStatuses": ["STATUS_SUCCESS"]}
    groups = told(board, "hparams/session_groups", asked)["sessionGroups"]
    assert {group["hparams"]["model"] for group in groups} == {"mlp", "cnn"}
    page.goto(f"{board.url}#hparams")
    for text in ("batch_size", "test accuracy"):
        page.get_by_text(re.compile(text)).first.wait_for()
    page.get_by_text("cnn", exact=True).first.wait_for()


def test_the_text_tab_shows_the_models_summary(board: Board, page: Any) -> None:
    page.goto(f"{board.url}#text")
    page.get_by_text("Total params").first.wait_for()
