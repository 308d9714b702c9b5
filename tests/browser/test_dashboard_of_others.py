"""The dashboard on what others wrote, on what is written while it is open, and with hundreds of classes."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import embedding_lab as lab
from browser.dashboard import SECONDS, Dashboard

pytestmark = pytest.mark.browser

WITHOUT_WEBGL = """
const real = HTMLCanvasElement.prototype.getContext;
HTMLCanvasElement.prototype.getContext = function (kind, ...more) {
    return kind === 'webgl2' ? null : real.call(this, kind, ...more);
};"""
WITHOUT_SHADERS = """
const {getProgramParameter} = WebGL2RenderingContext.prototype;
WebGL2RenderingContext.prototype.getProgramParameter = function (program, what) {
    return what === this.LINK_STATUS ? false : getProgramParameter.call(this, program, what);
};"""
POINTS = re.compile(r"/points\?")
SLOW_FRAMES = "window.requestAnimationFrame = (draw) => setTimeout(() => draw(performance.now()), 300);"
OTHERS = Path(__file__).parents[1] / "board" / "doctor"
CLASSES = 320
COLOURS = 256


@pytest.fixture(scope="module")
def logdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What PyTorch wrote, what TensorFlow's tutorial leaves, raw numbers, and a list that names a missing file."""
    logdir = tmp_path_factory.mktemp("others") / "logs"
    shutil.copytree(OTHERS / "written_by" / "pytorch", logdir / "pytorch")
    shutil.copytree(OTHERS / "tutorial", logdir / "checkpoint")
    (logdir / "checkpoint" / "checkpoint").write_text('model_checkpoint_path: "model.ckpt-1"\n', "utf-8")
    (logdir / "checkpoint" / "projector_config.pbtxt").write_text('embeddings { tensor_name: "images:0" }', "utf-8")
    (logdir / "raw").mkdir()
    np.random.default_rng(0).normal(size=(12, 4)).astype(np.float32).tofile(logdir / "raw" / "numbers.bytes")
    (logdir / "raw" / "projector_config.pbtxt").write_text(
        'embeddings { tensor_name: "raw" tensor_path: "numbers.bytes" tensor_shape: 12 tensor_shape: 4 }\n'
        'embeddings { tensor_name: "gone" tensor_path: "gone.tsv" }',
        "utf-8",
    )
    return logdir


@pytest.fixture(scope="module")
def page(browser: Any, serve: Any, logdir: Path) -> Iterator[Dashboard]:
    page = Dashboard(browser, serve(logdir))
    yield page
    assert not page.errors


@pytest.mark.parametrize(
    ("lack", "words"), [(WITHOUT_WEBGL, "no WebGL2"), (WITHOUT_SHADERS, "shader of the map does not compile")]
)
def test_a_browser_that_cannot_draw_the_map_says_so(
    browser: Any, serve: Any, logdir: Path, lack: str, words: str
) -> None:
    with browser.new_context() as context:
        context.set_default_timeout(1000 * SECONDS)
        context.add_init_script(lack)
        page = context.new_page()
        page.goto(serve(logdir))
        page.get_by_role("alert").get_by_text(words).wait_for()
        page.locator(".embedding-lab[data-state=error][data-map=pca-3d]").wait_for()


def test_loading_means_that_points_are_waited_for_and_ready_that_they_have_been_drawn(
    browser: Any, serve: Any, logdir: Path
) -> None:
    with browser.new_context() as context:
        context.set_default_timeout(1000 * SECONDS)
        context.add_init_script(SLOW_FRAMES)
        page = context.new_page()
        held: list[Any] = []
        page.route(POINTS, lambda route: held.append(route))
        with page.expect_request(POINTS):
            page.goto(serve(logdir))
        page.locator(".embedding-lab[data-state=loading][aria-busy=true]").wait_for()
        page.unroute(POINTS)  # which lets go of what is held
        root = page.locator(".embedding-lab[data-state=ready]")
        root.wait_for()
        drawn, _, total = str(root.get_attribute("data-points")).partition("/")
        assert drawn == total != "0"


@pytest.mark.parametrize(
    ("run", "layer", "rows"), [("pytorch", "layer:00001", 30), ("raw", "raw", 12), ("checkpoint", "images", 30)]
)
def test_what_others_wrote_for_the_projector_is_drawn(page: Dashboard, run: str, layer: str, rows: int) -> None:
    page.dom.get_by_label("Run").select_option(run)
    page.dom.get_by_label("Layer and its dimensions").select_option(layer)
    page.wait_for_drawn(rows)
    if run == "pytorch":
        page.dom.locator(".legend .entry", has_text="class 2").wait_for()
        page.dom.get_by_role("button", name="Pictures").wait_for()


@pytest.mark.long
@pytest.mark.usefixtures("quick_tensorboard")
def test_inside_tensorboard_it_is_drawn_too(browser: Any, logdir: Path) -> None:
    with lab.launch(logdir, port=0) as board:
        page = Dashboard(browser, f"{board.url}#embedding_lab")
        for run, layer, rows in (("pytorch", "layer:00001", 30), ("raw", "raw", 12), ("checkpoint", "images", 30)):
            page.dom.get_by_label("Run").select_option(run)
            page.dom.get_by_label("Layer and its dimensions").select_option(layer)
            page.wait_for_drawn(rows)
        page.dom.locator(".problems summary").click()
        assert "'gone'" in page.dom.locator(".problems").inner_text()
        assert page.errors == []
        page.page.close()


def test_what_cannot_be_shown_is_explained_in_the_doctors_words(page: Dashboard, logdir: Path) -> None:
    (finding,) = [each for each in lab.doctor(logdir).findings if "'gone'" in each.happened]
    page.dom.locator(".problems summary").click()
    said = page.dom.locator(".problems").inner_text()
    for words in (finding.happened, finding.remedy):
        assert words in said
    page.dom.locator(".problems summary").click()


def test_runs_and_steps_that_come_meanwhile_appear_without_a_reload(page: Dashboard, logdir: Path) -> None:
    page.call("window.mark = 'the same page'")
    vectors = np.random.default_rng(0).normal(size=(40, 6)).astype(np.float32)
    lab.log_embeddings(logdir / "while open", vectors, layer="mine", labels=["odd", "even"] * 20, step=1)
    page.dom.get_by_label("Run").locator("option", has_text="while open").wait_for(state="attached")
    page.dom.get_by_label("Run").select_option("while open")
    page.wait_for_drawn(40)
    assert page.dom.get_by_label("Step").count() == 0
    lab.log_embeddings(logdir / "while open", vectors * 2, layer="mine", labels=["odd", "even"] * 20, step=2)
    step = page.dom.get_by_label("Step", exact=True)
    step.wait_for()
    assert step.locator("option").all_inner_texts() == ["step 1", "step 2"]
    assert step.input_value() == "2"  # who chose no step sees the latest
    assert page.call("window.mark") == "the same page"


def test_hundreds_of_classes_have_a_legend_to_scroll_and_to_search(page: Dashboard, logdir: Path) -> None:
    labels = [f"class {row % CLASSES}" for row in range(2 * CLASSES)]
    points = np.random.default_rng(1).normal(size=(2 * CLASSES, 2)).astype(np.float32)
    lab.log_embeddings(logdir / "many", points, layer="mine", labels=labels)
    page.dom.get_by_label("Run").locator("option", has_text="many").wait_for(state="attached")
    page.dom.get_by_label("Run").select_option("many")
    page.wait_for_drawn(2 * CLASSES)
    page.dom.locator(".legend .entry").nth(250).wait_for()
    colours = page.colours()
    assert list(colours) == [f"class {number}" for number in range(len(colours))]  # "class 2" before "class 10"
    names = sorted(set(labels))
    shown = [colours[name] for name in names[:COLOURS] if name in colours]
    assert len(set(shown)) == len(shown)
    alike = [(one, other) for one, other in zip(names, names[COLOURS:], strict=False) if {one, other} <= {*colours}]
    assert alike
    assert all(colours[one] == colours[other] for one, other in alike)
    page.dom.get_by_text(f"{CLASSES} classes share {COLOURS} colours").wait_for()
    legend = page.frame.evaluate(
        "(({scrollHeight, clientHeight}) => [scrollHeight, clientHeight])(document.querySelector('.legend'))"
    )
    assert legend[0] > 5 * legend[1]
    page.dom.get_by_label("Find a class in the legend").fill("CLASS 317")
    page.wait("document.querySelectorAll('.legend .entry').length == 1")
    page.dom.locator(".legend .entry").click()
    assert page.selection == ["samples/00317", "samples/00637"]
    assert page.violations() == []


def test_the_page_opens_with_the_run_that_was_written_to_last_and_stays_there(
    browser: Any, serve: Any, tmp_path: Path
) -> None:
    logdir = tmp_path / "logs"
    for name in ("z old", "a new"):
        lab.log_embeddings(logdir / name, np.eye(6, 3, dtype=np.float32), layer="mine")
    page = Dashboard(browser, serve(logdir))
    assert page.dom.get_by_label("Run").input_value() == "a new"
    lab.log_embeddings(logdir / "m newest", np.eye(6, 3, dtype=np.float32), layer="mine")
    page.dom.get_by_label("Run").locator("option", has_text="m newest").wait_for(state="attached")
    assert page.dom.get_by_label("Run").input_value() == "a new"
    assert not page.errors
    page.page.close()


def test_marks_of_the_keyboard_show_for_the_keyboard_only(page: Dashboard) -> None:
    marks = page.dom.locator(".middle")
    canvas = page.dom.locator(".canvas canvas").first
    canvas.click(position={"x": 300, "y": 600})
    assert not marks.is_visible()
    page.press("l")
    assert not marks.is_visible()
    page.press("ArrowLeft")
    marks.wait_for(state="visible")
    canvas.click(position={"x": 300, "y": 600})
    assert not marks.is_visible()
    page.press("v")
