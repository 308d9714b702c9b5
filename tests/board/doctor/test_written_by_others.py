"""Log directories that PyTorch, tensorboardX, tf.summary and Keras wrote are judged rightly."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from embedding_lab.board.launch import launch

FINDINGS = {
    "pytorch": {"neighbours-lost", "neighbours-of-sphere"},
    "tensorboardx": {"neighbours-lost", "neighbours-of-sphere"},
    "tf_summary": {"trace-without-profile"},
    "keras": {"keras-embeddings"},
}
MOST_TABS = {"Time Series", "Scalars", "Images", "Distributions", "Histograms", "Text", "HParams"}
SHOWN = {
    "pytorch": MOST_TABS | {"Graphs", "PR Curves", "Projector"},
    "tensorboardx": MOST_TABS | {"Graphs", "PR Curves", "Projector"},
    "tf_summary": MOST_TABS | {"Graphs"},
    "keras": {"Time Series", "Scalars", "Graphs", "Distributions", "Histograms"},
}
PLUGINS = {
    "Time Series": "timeseries",
    "Scalars": "scalars",
    "Images": "images",
    "Graphs": "graphs",
    "Distributions": "distributions",
    "Histograms": "histograms",
    "Text": "text",
    "PR Curves": "pr_curves",
    "HParams": "hparams",
    "Projector": "projector",
}

each_writer = pytest.mark.parametrize("writer", FINDINGS)


@pytest.fixture
def written(desk: Any, writer: str) -> Any:
    shutil.copytree(desk.HERE / "written_by" / writer, desk.root, dirs_exist_ok=True)
    return desk


@each_writer
def test_it_finds_what_is_wrong_and_nothing_else(written: Any, writer: str) -> None:
    assert written.names() == FINDINGS[writer]


@each_writer
def test_the_tabs_it_says_are_those_that_tensorboard_opens(written: Any, writer: str, asked: Any) -> None:
    tabs = {tab for tab, seen in written.examine().tabs.items() if seen}
    assert tabs == SHOWN[writer]
    with launch(written.root, port=0) as board:
        listed = asked(board.url).json("plugins_listing")
    enabled = {tab for tab, plugin in PLUGINS.items() if listed.get(plugin, {}).get("enabled")}
    assert enabled == tabs


@each_writer
def test_what_is_mended_needs_no_second_mend(written: Any, writer: str) -> None:
    pytest.importorskip("h5py", reason="the weights that Keras saves are HDF5; install h5py")
    assert written.examine(fix=True).ok
    again = written.examine(fix=True)
    assert again.mended == ()
    assert {each.name for each in again.findings} <= {"trace-without-profile"}


LIBRARIES = {"pytorch": "torch", "tensorboardx": "tensorboardX", "tf_summary": "tensorflow", "keras": "keras"}


@pytest.mark.long  # the log directories kept here were written by the same script
@pytest.mark.usefixtures("whatever_is_installed")
@each_writer
def test_what_the_installed_library_writes_today_is_judged_alike(desk: Any, writer: str) -> None:
    if importlib.util.find_spec(LIBRARIES[writer]) is None:
        pytest.skip(f"{LIBRARIES[writer]} is not installed")
    script = desk.HERE / "written_by" / "write.py"
    subprocess.run([sys.executable, script, writer, desk.root], capture_output=True, check=True)
    assert desk.names() == FINDINGS[writer]
    assert {tab for tab, seen in desk.examine().tabs.items() if seen} == SHOWN[writer]


@pytest.mark.usefixtures("whatever_is_installed")
def test_no_framework_is_loaded(desk: Any) -> None:
    here = Path(desk.HERE / "written_by")
    script = "import sys; from embedding_lab import doctor; doctor(sys.argv[1]); print(*sys.modules)"
    ended = subprocess.run([sys.executable, "-c", script, str(here)], capture_output=True, text=True, check=True)
    assert not {"tensorflow", "keras", "torch", "jax"} & set(ended.stdout.split())
