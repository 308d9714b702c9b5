"""Knows when TensorBoard is ready, and what it said when it never was."""

from __future__ import annotations

import json
import struct
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections import deque
from pathlib import Path
from typing import Any

from embedding_lab.board.server import SERVING
from embedding_lab.errors import LaunchError

POLL_SECONDS = 0.05
STANDSTILL_SECONDS = 20.0
TAIL_LINES = 20
_REMEDIES = {
    "Duplicate plugins": "Two packages bring the same TensorBoard plugin, mostly tensorboard beside tb-nightly "
    "or tensorboard-nightly: `pip uninstall` all of them, then `pip install tensorboard`.",
    "No module named 'tensorboard": "Install it: `pip install tensorboard`.",
}
# A loopback address is never behind the proxy that http_proxy names.
_browser = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class ServerOutput:
    """Reads what the server writes, so that its pipe never fills; keeps the port and the last lines."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._port = 0
        self._told = threading.Event()
        self._reader = threading.Thread(target=self._read, name="TensorBoard's output", daemon=True)
        self._reader.start()

    def wait_for_port(self, timeout_seconds: float) -> int:
        """The port on which the server listens, once it says so.

        Raises:
            LaunchError: it ended, or said nothing in time.
        """
        if not self._told.wait(timeout_seconds):
            raise self.failure(f"TensorBoard did not start within {timeout_seconds:g} seconds.")
        if not self._port:
            raise self.failure("TensorBoard did not start.")
        return self._port

    def check_alive(self) -> None:
        """Raises LaunchError where the server has ended."""
        if self._process.poll() is not None:
            raise self.failure("TensorBoard ended while it started.")

    def failure(self, happened: str) -> LaunchError:
        """The error that says what happened, with the last lines the server wrote."""
        if self._process.poll() is not None:
            self.close(1.0)  # it has ended, so the rest of what it wrote is on its way
        tail = "\n".join(self._tail)
        remedy = next((cure for sign, cure in _REMEDIES.items() if sign in tail), "")
        wrote = f"It wrote:\n{tail}" if tail else "It wrote nothing."
        return LaunchError(happened, remedy=f"{remedy} {wrote}".strip())

    def close(self, timeout_seconds: float) -> None:
        """Waits for the end of the output, which comes when the last process that holds it has ended."""
        self._reader.join(timeout_seconds)

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                if line.startswith(SERVING):
                    self._port = int(line.removeprefix(SERVING))
                    self._told.set()
                elif line.strip():
                    self._tail.append(line.rstrip())
        self._told.set()  # no port will come any more


def wait_until_ready(url: str, logdir: Path, output: ServerOutput, timeout_seconds: float) -> set[str]:
    """Returns when TensorBoard answers, lists every run of the folder, and shows the Projector tab.

    Args:
        url: the address of the page, with its final slash.
        logdir: the folder that it shows.
        output: what the server writes.
        timeout_seconds: how long it may take until the first answer.

    Returns:
        The runs it does not list although nothing has changed for `STANDSTILL_SECONDS`: mostly their
        event files are broken. Empty where all is well.

    Raises:
        LaunchError: the server ended, or did not answer in time.
    """
    expected = runs_in(logdir)
    listed: set[str] | None = None
    deadline = time.monotonic() + timeout_seconds
    while True:
        output.check_alive()
        answer = _get(f"{url}data/runs", timeout_seconds)
        if answer is not None and set(answer) != listed:
            listed, deadline = set(answer), time.monotonic() + STANDSTILL_SECONDS
        if listed is not None and expected <= listed and _projector_is_shown(url, timeout_seconds):
            return set()
        if time.monotonic() > deadline:
            if listed is None:
                raise output.failure(f"TensorBoard did not answer within {timeout_seconds:g} seconds.")
            return expected - listed
        time.sleep(POLL_SECONDS)


def runs_in(logdir: Path) -> set[str]:
    """The names of the runs that TensorBoard will list: folders with an event file that has begun."""
    files = (path for path in logdir.rglob("*.tfevents.*") if path.is_file() and _has_a_record(path))
    return {path.parent.relative_to(logdir).as_posix() for path in files}


def _has_a_record(path: Path) -> bool:
    """Whether the first record is whole: its length (8 bytes) and its two checksums (4 each) stand around it."""
    try:
        with path.open("rb") as file:
            header = file.read(8)
        return len(header) == 8 and path.stat().st_size >= struct.unpack("<Q", header)[0] + 16
    except OSError:  # it has just gone, or is another user's
        return False


def _projector_is_shown(url: str, timeout_seconds: float) -> bool:
    """Whether the tab is in the list, where there is something to project.

    TensorBoard looks for embeddings only once it is asked, and until then hides the tab. A broken projector file
    (no answer here) is no reason to withhold the other tabs.
    """
    if not _get(f"{url}data/plugin/projector/runs", timeout_seconds):
        return True
    plugins = _get(f"{url}data/plugins_listing", timeout_seconds) or {}
    return bool(plugins.get("projector", {}).get("enabled"))


def _get(url: str, timeout_seconds: float) -> Any:
    """The JSON at an address; None where it does not answer with any."""
    try:
        with _browser.open(url, timeout=timeout_seconds) as answer:
            return json.load(answer)
    except (urllib.error.URLError, OSError, ValueError):
        return None
