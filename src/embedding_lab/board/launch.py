"""Starts TensorBoard on a log folder, and says it is ready only when it is.

TensorBoard runs in a process of its own (`board/server.py`), so a notebook's kernel stays free and closing
leaves nothing behind. Nothing is ever reused: a launch is a new server that reads the folder as it is now.
"""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
import time
import warnings
import webbrowser
from pathlib import Path
from types import TracebackType

from embedding_lab.board.frame import OUR_TAB, frame_html, show_in_colab
from embedding_lab.board.ports import port_owner
from embedding_lab.board.ready import ServerOutput, wait_until_ready
from embedding_lab.embeddings.places import absolute
from embedding_lab.embeddings.remote_files import remote_address
from embedding_lab.errors import DataMissing, InputError, LaunchError

STOP_SECONDS = 5.0
WATCH_SECONDS = 0.25
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}
_open_boards: list[Board] = []


def launch(
    logdir: str | os.PathLike[str],
    *,
    port: int = 6006,
    host: str = "127.0.0.1",
    path_prefix: str = "",
    open_browser: bool = False,
    timeout_seconds: float = 120.0,
) -> Board:
    """Starts TensorBoard and returns when it answers with the folder's runs loaded.

    Launching the same folder on the same port again from one process replaces the earlier board, so a
    notebook cell that is run again shows the data as they are now.

    Args:
        logdir: the folder that holds the runs; it may be empty still.
        port: where to serve; where it is taken, a warning says who has it and the next free port is
            used. 0 means any free port.
        host: the address to listen on. TensorBoard asks for no password, so anything but this machine's own
            address is warned of.
        path_prefix: the path under which a proxy that keeps paths as they are shows TensorBoard, such
            as "/user/x/proxy/absolute/6006". A proxy that takes its own path off needs none.
        open_browser: open our tab in a browser.
        timeout_seconds: how long TensorBoard may take until it answers.

    Returns:
        The running board; close it, or use it in a `with` statement. It also ends with this process.

    Raises:
        DataMissing: there is no such folder.
        InputError: the port is not one.
        LaunchError: TensorBoard did not start; the message ends with what it wrote last.
    """
    folder = log_folder(logdir)
    if address := remote_address(folder):
        raise LaunchError(
            "TensorBoard reads nothing of ours from an object store.",
            got=address,
            remedy=f"See it in the lab's own page: embedding-lab serve {address} --standalone",
        )
    if not 0 <= port <= 65535:
        raise InputError("That is not a port.", got=str(port), expected="a number from 0 to 65535")
    prefix = _clean_prefix(path_prefix)
    _replace_earlier(folder, port)
    if host not in _LOOPBACK:
        _warn(
            f"TensorBoard listens on {host} and asks for no password: whoever can reach this machine can read "
            f"{folder}. Leave out the host to serve this machine alone."
        )

    board = Board(folder, host, port, prefix)
    try:
        unlisted = board._start(timeout_seconds)
    except BaseException:
        board.close()
        raise
    if port not in (0, board.port):
        _warn(f"Port {port} is taken by {port_owner(port)}; TensorBoard is on port {board.port}.")
    if unlisted:
        _warn(f"TensorBoard does not list {', '.join(sorted(unlisted)[:5])}: the event files may be broken.")
    if open_browser:
        webbrowser.open(board.dashboard_url)
    return board


class Board:
    """A running TensorBoard.

    Attributes:
        url: the address of its page on this machine.
        dashboard_url: the same page, opened with our tab.
        port: the port it got.
        logdir: the folder it shows.
        path_prefix: the path before every one of its pages, without a final slash; "" for none.
    """

    def __init__(self, logdir: Path, host: str, asked_port: int, path_prefix: str) -> None:
        self.logdir = logdir
        self.path_prefix = path_prefix
        self.port = 0
        self._host = host
        self._asked_port = asked_port
        self._process = _start_server(logdir, host, asked_port, path_prefix)
        self._output = ServerOutput(self._process)
        _open_boards.append(self)

    @property
    def url(self) -> str:
        """The address of the page, with its final slash."""
        host = _EVERYWHERE.get(self._host, f"[{self._host}]" if ":" in self._host else self._host)
        return f"http://{host}:{self.port}{self.path_prefix}/"

    @property
    def dashboard_url(self) -> str:
        """The address of the page with our tab open: for people, who would else see whichever tab is the first."""
        return f"{self.url}{OUR_TAB}"

    def wait(self) -> None:
        """Returns when the board is closed; meanwhile an interruption (Ctrl-C) passes through.

        Raises:
            LaunchError: TensorBoard ended by itself; the message ends with what it wrote last.
        """
        while self._process.poll() is None:
            time.sleep(WATCH_SECONDS)  # waiting for the process itself would not hear Ctrl-C on Windows
        if self in _open_boards:
            self.close()
            raise self._output.failure("TensorBoard ended by itself.")

    def close(self) -> None:
        """Stops TensorBoard and everything it started; a second call does nothing."""
        if self not in _open_boards:
            return
        _open_boards.remove(self)
        assert self._process.stdin is not None
        self._process.stdin.close()  # the server's sign to end
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._output.close(STOP_SECONDS)

    def _start(self, timeout_seconds: float) -> set[str]:
        """Waits until the page is ready; returns the runs that TensorBoard does not list."""
        self.port = self._output.wait_for_port(timeout_seconds)
        return wait_until_ready(self.url, self.logdir, self._output, timeout_seconds)

    def __enter__(self) -> Board:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        state = self.url if self in _open_boards else "closed"
        return f"Board({str(self.logdir)!r}, {state})"

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return frame_html(self.url, self.port, self.path_prefix)

    def _ipython_display_(self) -> None:
        """What Colab shows; IPython turns to `_repr_html_` on this error, as its protocol says."""
        if not show_in_colab(self.port, self.path_prefix):
            raise NotImplementedError


def log_folder(logdir: str | os.PathLike[str]) -> Path:
    """The folder that holds runs, as an absolute path, or an address of an object store.

    Raises:
        DataMissing: there is no such folder.
    """
    folder = absolute(logdir)
    if remote_address(folder) or folder.is_dir():
        return folder
    raise DataMissing(
        f"There is no log folder {str(logdir)!r}.",
        got="a file" if folder.exists() else "",
        expected="a folder that holds runs",
        remedy=f'Write a first run with `embedding-lab demo --logdir "{logdir}"`, or check the path.',
    )


def _clean_prefix(path_prefix: str) -> str:
    inner = path_prefix.strip("/")
    return f"/{inner}" if inner else ""


def _replace_earlier(folder: Path, port: int) -> None:
    for board in [each for each in _open_boards if each.logdir == folder and each._asked_port == port != 0]:
        board.close()


def _warn(text: str) -> None:
    warnings.warn(text, stacklevel=3)


def _start_server(folder: Path, host: str, port: int, path_prefix: str) -> subprocess.Popen[str]:
    # -P: the user's folder may hold a file such as random.py, which must not stand before the library's.
    command = [sys.executable, "-P", "-m", "embedding_lab.board.server"]
    try:
        return subprocess.Popen(
            [*command, str(folder), host, str(port), path_prefix],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            env={"TF_CPP_MIN_LOG_LEVEL": "2", **os.environ, "PYTHONIOENCODING": "utf-8"},
            # Ctrl-C is for the starter, which then closes the board; the server would die of it in a traceback.
            start_new_session=True,
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
    except OSError as refused:
        raise LaunchError("TensorBoard's process did not start.", got=str(refused)) from refused


@atexit.register
def _close_all() -> None:
    while _open_boards:
        _open_boards[-1].close()
