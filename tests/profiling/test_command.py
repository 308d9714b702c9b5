"""`embedding-lab trace MODULE:FUNCTION` as a shell runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

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
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mine.py").write_text(MODULE)
    return tmp_path


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "embedding_lab", "trace", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("place", ["mine:step", "mine.py:step", "./mine.py:thing.method"])
def test_it_prints_the_table_and_writes_a_run(folder: Path, place: str) -> None:
    done = run(folder, place)
    assert (done.returncode, done.stderr.replace("noise\n", "")) == (0, "")
    assert "first call and 3 steps, python" in done.stdout
    assert list((folder / "logs" / "trace").glob("*/plugins/profile/*/*.xplane.pb"))


@pytest.mark.parametrize("inputs", ["pair", "by_name"])
def test_its_arguments_come_from_the_module(folder: Path, inputs: str) -> None:
    done = run(folder, "mine:add", "--inputs", inputs, "--steps", "2", "--json", "--logdir", "here", "--run", "one")
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
def test_what_goes_wrong_is_one_message(folder: Path, words: list[str], message: str) -> None:
    import re

    done = run(folder, *words)
    assert done.returncode == 1
    assert done.stdout == ""
    assert re.search(message, done.stderr)
    assert "Traceback" not in done.stderr
    assert not (folder / "logs").exists()
