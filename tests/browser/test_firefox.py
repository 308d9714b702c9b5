"""The dashboard in Firefox: a smoke test, where Debian's is installed."""

from __future__ import annotations

import contextlib
import re
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import embedding_lab as lab
from browser.firefox import firefox
from embedding_lab.embeddings import Projection

pytestmark = [pytest.mark.browser, pytest.mark.long]

ROOT = "document.querySelector('.embedding-lab')"
SAMPLES = 600
SECONDS = 60


@pytest.fixture
def firefox_path() -> str:
    missing = [name for name in ("firefox-esr", "Xvfb") if not shutil.which(name)]
    if missing:
        pytest.skip(f"no {' and no '.join(missing)}: on Debian, apt-get install firefox-esr xvfb")
    return str(shutil.which("firefox-esr"))


def is_seen(picture: NDArray[np.int16], colour: str) -> bool:
    """Whether some points of a picture, shape (height, width, 3), bear a colour of CSS."""
    rgb = [int(number) for number in re.findall(r"\d+", colour)]
    return bool((np.abs(picture - rgb).max(axis=2) <= 8).sum() > 10)


@pytest.mark.parametrize("where", ["alone", "in TensorBoard"])
def test_the_dashboard_draws_all_points_and_selects_in_firefox(
    firefox_path: str, serve: Any, tmp_path: Path, where: str
) -> None:
    labels = np.arange(SAMPLES) % 3
    vectors = (np.random.default_rng(0).normal(size=(SAMPLES, 5)) + 4 * labels[:, None]).astype(np.float32)
    lab.log_embeddings(tmp_path / "logs" / "run", vectors, layer="mine", labels=labels)
    run = lab.open_run(tmp_path / "logs" / "run")
    run.save_map("mine", None, "flat", Projection(vectors[:, :2], run.embeddings("mine").ids, "pca"))
    (tmp_path / "profile").mkdir()
    with contextlib.ExitStack() as ends:
        if where == "alone":
            address = serve(tmp_path / "logs")
        else:
            address = f"{ends.enter_context(lab.launch(tmp_path / 'logs', port=0)).url}#embedding_lab"
        page = ends.enter_context(firefox(firefox_path, tmp_path / "profile"))
        page.open(address)
        if where == "in TensorBoard":
            page.enter("iframe", ".embedding-lab")
        page.wait(f"{ROOT} && {ROOT}.dataset.state == 'ready' && {ROOT}.dataset.points == '{SAMPLES}/{SAMPLES}'")
        assert page.call(f"{ROOT}.dataset.map") == "flat"
        swatches = "[...document.querySelectorAll('.legend .swatch')]"
        colours = page.call(f"{swatches}.map((each) => getComputedStyle(each).backgroundColor)")
        until = time.monotonic() + SECONDS  # Firefox shows what was drawn when it comes to it
        within = slice(300, 900)  # without the legend's dots
        while not all(is_seen(page.picture()[:, within], colour) for colour in colours):
            assert time.monotonic() < until, f"not all of {colours} are seen"
        assert page.call("window.embeddingLab.select(['samples/00004', 'samples/00007'])") == 2
        assert page.call("window.embeddingLab.selection()") == ["samples/00004", "samples/00007"]
        assert page.call("window.problems") == []
