"""`embedding-lab trace MODULE:FUNCTION`, for functions of a module in the working directory."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

Here = Callable[..., Any]

MODULE = """
def step():
    return sorted(range(1000))

def add(a, b):
    return a + b

pair = (1, 2)

def by_name():
    return {"a": 1, "b": 2}

def broken():
    raise ValueError("mine")

class Thing:
    def method(self):
        print("noise")

thing = Thing()
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the module lies; nothing of it stays in this process."""
    (tmp_path / "mine.py").write_text(MODULE)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield tmp_path
    sys.modules.pop("mine", None)


def test_a_shell_runs_it_in_the_working_directory(folder: Path) -> None:
    command = [sys.executable, "-m", "embedding_lab", "trace", "mine:step"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "first call and 3 steps, python" in done.stdout


@pytest.mark.parametrize("place", ["mine:step", "mine.py:step", "./mine.py:thing.method"])
def test_it_prints_the_table_and_writes_a_run(here: Here, folder: Path, place: str) -> None:
    done = here(folder, "trace", place)
    assert (done.returncode, done.stderr.replace("noise\n", "")) == (0, "")
    assert "first call and 3 steps, python" in done.stdout
    assert list((folder / "logs" / "trace").glob("*/plugins/profile/*/*.xplane.pb"))


@pytest.mark.parametrize("inputs", ["pair", "by_name"])
def test_its_arguments_come_from_the_module(here: Here, folder: Path, inputs: str) -> None:
    words = ["--inputs", inputs, "--steps", "2", "--json", "--logdir", "here", "--run", "one"]
    done = here(folder, "trace", "mine:add", *words)
    told = json.loads(done.stdout)
    assert (told["name"], len(told["step_seconds"]), Path(told["run"])) == ("add", 2, Path("here/one"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["mine"], "'mine' names no function"),
        (["nowhere:step"], "There is no module nowhere"),
        (["nowhere.py:step"], "There is no file nowhere.py"),
        (["mine:stop"], "In mine the name 'stop' does not exist. Expected: one of step, add, by_name"),
        (["mine:add"], "mine:add cannot be called like this.*missing a required argument: 'a'.*--inputs NAME"),
        (["mine:broken"], "mine:broken raised an error, so nothing was traced. Got: ValueError: mine"),
    ],
)
def test_what_goes_wrong_is_one_message(here: Here, folder: Path, words: list[str], message: str) -> None:
    done = here(folder, "trace", *words)
    assert done.returncode == 1
    assert done.stdout == ""
    assert re.search(message, done.stderr)
    assert "Traceback" not in done.stderr
    assert not (folder / "logs").exists()
