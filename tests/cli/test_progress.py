"""Progress is shown on stderr: lines for logs and pipes, bars with rate and time left at a terminal."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]

WORK = """
with shown_progress() as progress:
    for done in range(0, 5001, 500):
        progress("extract samples", done, 5000)
    progress("look around", 3, None)
    progress("look around", 7, 7)
show({}, "done", as_json)
"""


def test_without_a_terminal_each_stage_ends_with_a_line(toy: Run) -> None:
    done = toy(WORK)
    assert done.stdout == "done\n"
    first, second = done.stderr.splitlines()
    assert re.fullmatch(r"extract samples: 5,000 in \d+\.\d s \([\d,]+/s\)", first)
    assert second.startswith("look around: 7 in ")


def test_a_log_hears_from_long_work_on_the_way(toy: Run) -> None:
    often = "import embedding_lab.cli.progress as p; p.SECONDS_BETWEEN_LINES = 0.0\n"
    lines = toy(often + WORK).stderr.splitlines()
    assert any(re.fullmatch(r"extract samples: 2,500 of 5,000 \([\d,]+/s, \d+ s left\)", line) for line in lines)
    assert any(re.fullmatch(r"look around: 3 \(.*/s\)", line) for line in lines)


@pytest.mark.skipif(sys.platform == "win32", reason="a POSIX terminal")
def test_at_a_terminal_there_are_bars_with_rate_and_time_left(toy: Run, tmp_path: Path) -> None:
    import pty

    toy(WORK)
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen(
        [sys.executable, "toy.py"], cwd=tmp_path, stderr=theirs, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        os.close(theirs)
        shown = _read_all(ours)
        assert process.stdout is not None
        assert process.stdout.read() == "done\n"
    assert re.search(r"extract samples.*5000/5000.*\d+/s.*0:00:0\d", shown)
    assert "look around" in shown


def _read_all(descriptor: int) -> str:
    parts = []
    with open(descriptor, "rb", buffering=0) as terminal:
        while True:
            try:
                part = terminal.read(4096)
            except OSError:  # Linux's way to say that the other side has closed
                break
            if not part:
                break
            parts.append(part)
    return b"".join(parts).decode()


def test_nobody_listening_does_not_stop_the_work(toy: Run, tmp_path: Path) -> None:
    toy(WORK)
    script = f"{sys.executable} toy.py 2> >(exec 0<&-) > result; cat result"
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout == "done\n"
