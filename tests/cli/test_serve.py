"""`embedding-lab serve`: prints the address, serves until Ctrl-C, leaves nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]
SECONDS = 120.0

pytestmark = pytest.mark.usefixtures("quick_tensorboard")


@contextmanager
def serving(*words: object) -> Iterator[subprocess.Popen[str]]:
    """The command, in a process group of its own as under a shell."""
    command = [sys.executable, "-m", "embedding_lab", "serve", *map(str, words)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def press_ctrl_c(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Ends the command once it says how; its exit code, and what it prints from then on."""
    assert process.stderr is not None
    assert process.stderr.readline() == "Press Ctrl-C to end it.\n"
    os.killpg(process.pid, signal.SIGINT)
    rest, messages = process.communicate(timeout=SECONDS)
    return process.returncode, rest, messages


@pytest.mark.skipif(sys.platform == "win32", reason="a POSIX process group")
def test_it_serves_until_ctrl_c_and_leaves_no_process(tmp_path: Path) -> None:
    with serving(tmp_path, "--port", 0, "--json") as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(told["url"]) as page:
            assert b"<title>TensorBoard" in page.read()
        family = psutil.Process(process.pid).children(recursive=True)
        assert family
        assert press_ctrl_c(process) == (0, "", "Stopped.\n")
        assert not psutil.wait_procs(family, timeout=SECONDS)[1]
    assert told["logdir"] == str(tmp_path)
    assert str(told["port"]) in told["url"]
    assert told["dashboard_url"] == f"{told['url']}#embedding_lab"


def test_a_path_prefix_stands_in_the_address(tmp_path: Path) -> None:
    with serving(tmp_path, "--port", 0, "--path-prefix", "/tensorboard") as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("TensorBoard: http://127.0.0.1:")
        assert line.endswith("/tensorboard/#embedding_lab\n")  # our tab, not whichever comes first


def test_a_missing_folder_is_a_clear_error(cli: Run) -> None:
    done = cli("serve", "nowhere")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: There is no log folder 'nowhere'.")


@pytest.mark.skipif(sys.platform == "win32", reason="a POSIX process group")
def test_our_page_alone_is_served_until_ctrl_c(tmp_path: Path) -> None:
    with serving(tmp_path, "--standalone", "--port", 0, "--json") as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"{told['url']}overview") as page:
            assert json.load(page)["runs"] == []
        assert press_ctrl_c(process) == (0, "", "Stopped.\n")
