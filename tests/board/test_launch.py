"""Launching TensorBoard: it is ready when it says so, it says who is in its way, and nothing of it stays."""

from __future__ import annotations

import http.server
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import types
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from embedding_lab.board import ready
from embedding_lab.board.frame import frame_source
from embedding_lab.board.launch import Board, launch
from embedding_lab.errors import DataMissing, InputError, LaunchError

pytestmark = pytest.mark.usefixtures("quick_tensorboard")

SECONDS = 120.0


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log folder with three runs, one of them below another, each with something to project."""
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    folder = tmp_path_factory.mktemp("a log folder")
    for name in ("one", "two", "two/below"):
        run = folder / name
        run.mkdir(exist_ok=True)
        EventFileWriter(str(run)).close()
        np.arange(60, dtype=np.float32).tofile(run / "points.bytes")
        (run / "projector_config.pbtxt").write_text(
            'embeddings { tensor_name: "points" tensor_path: "points.bytes" tensor_shape: 20 tensor_shape: 3 }\n'
        )
    return folder


@pytest.fixture(scope="module")
def board(logs: Path) -> Iterator[Board]:
    with launch(logs, port=0) as running:
        yield running


def get(url: str) -> bytes:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=SECONDS) as answer:
        return bytes(answer.read())


def get_json(url: str) -> Any:
    return json.loads(get(url))


def family(pid: int) -> list[psutil.Process]:
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def assert_all_end(processes: list[psutil.Process]) -> None:
    _, alive = psutil.wait_procs(processes, timeout=SECONDS)
    assert not alive


# Ready


def test_it_is_ready_when_launch_returns(board: Board) -> None:
    assert set(get_json(f"{board.url}data/runs")) == {"one", "two", "two/below"}
    assert get_json(f"{board.url}data/plugins_listing")["projector"]["enabled"]
    assert set(get_json(f"{board.url}data/plugin/projector/runs")) >= {"one", "two", "two/below"}


def test_it_serves_only_this_machine(board: Board) -> None:
    assert board.url == f"http://127.0.0.1:{board.port}/"
    (listening,) = [
        each
        for each in psutil.Process(board._process.pid).net_connections("tcp")
        if each.status == psutil.CONN_LISTEN
    ]
    assert listening.laddr.ip == "127.0.0.1"


def test_an_empty_folder_can_be_served_before_the_first_run_is_written(tmp_path: Path) -> None:
    with launch(tmp_path, port=0) as running:
        assert get_json(f"{running.url}data/runs") == []


def test_a_run_that_tensorboard_cannot_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ready, "STANDSTILL_SECONDS", 0.5)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "events.out.tfevents.1.host").write_bytes(b"\x03" + bytes(40))
    with pytest.warns(UserWarning, match="does not list broken"):
        launch(tmp_path, port=0).close()


def test_an_event_file_that_has_just_been_opened_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "events.out.tfevents.1.host").touch()
    assert ready.runs_in(tmp_path) == set()


def test_a_broken_projector_file_does_not_withhold_the_other_tabs(tmp_path: Path) -> None:
    (tmp_path / "projector_config.pbtxt").write_text('embeddings { tensor_name: "x" tensor_path: "gone.bytes" }')
    with launch(tmp_path, port=0) as running:
        assert get(running.url)


def test_files_of_the_user_do_not_stand_before_the_librarys(
    tmp_path: Path, logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "random.py").write_text("raise SystemExit('the wrong random')")
    monkeypatch.chdir(tmp_path)
    with launch(logs, port=0) as running:
        assert get(running.url)


# Ports and addresses


@contextmanager
def a_taken_port() -> Iterator[int]:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def test_a_taken_port_is_left_to_its_owner_who_is_named(logs: Path) -> None:
    with a_taken_port() as taken:
        with pytest.warns(UserWarning, match=rf"Port {taken} is taken by .*process {os.getpid()}: .*python"):
            running = launch(logs, port=taken)
        with running:
            assert running.port != taken
            assert len(get_json(f"{running.url}data/runs")) == 3


def test_launching_again_in_one_process_replaces_the_earlier_board(logs: Path) -> None:
    with a_taken_port() as port:
        pass
    first = launch(logs, port=port)
    with launch(logs, port=port) as second:
        assert (second.port, "closed" in repr(first)) == (port, True)
        assert get(second.url)


def test_an_address_that_others_reach_is_warned_of(logs: Path) -> None:
    with pytest.warns(UserWarning, match="asks for no password"):
        running = launch(logs, port=0, host="0.0.0.0")
    with running:
        assert get(running.url)


def test_it_leaves_no_note_from_which_another_tensorboard_believes_it_still_runs(
    logs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with launch(logs, port=0) as running:
        assert get(running.url)
        assert not list(tmp_path.rglob("pid-*.info"))


# Failures


def test_a_folder_that_does_not_exist_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(DataMissing, match="There is no log folder"):
        launch(tmp_path / "nowhere")


def test_a_file_is_no_log_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataMissing, match="Got: a file"):
        launch(tmp_path / "file")


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_number_that_is_no_port_is_refused(logs: Path, port: int) -> None:
    with pytest.raises(InputError, match="from 0 to 65535"):
        launch(logs, port=port)


def test_what_tensorboard_wrote_stands_in_the_error(logs: Path) -> None:
    with (
        pytest.warns(UserWarning, match="password"),
        pytest.raises(LaunchError, match=r"(?s)did not start.*It wrote:.*address"),
    ):
        launch(logs, port=0, host="203.0.113.1")


def test_two_tensorboards_in_one_environment_are_explained(
    logs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    metadata = tmp_path / "second_tensorboard-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: second-tensorboard\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text(
        "[tensorboard_plugins]\nprojector = tensorboard.plugins.projector.projector_plugin:ProjectorPlugin\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(LaunchError, match="Two packages bring the same TensorBoard plugin"):
        launch(logs, port=0)


def test_a_launch_that_takes_too_long_is_given_up_and_stopped(logs: Path) -> None:
    before = set(psutil.Process().children())  # and not theirs: a browser may be among them, which starts its own
    with pytest.raises(LaunchError, match=r"within 0\.01 seconds"):
        launch(logs, port=0, timeout_seconds=0.01)
    assert_all_end(list(set(psutil.Process().children()) - before))


# The end


def test_closing_leaves_no_process(logs: Path) -> None:
    running = launch(logs, port=0)
    processes = family(running._process.pid)
    running.close()
    running.close()
    assert running._process.returncode == 0
    assert_all_end(processes)


def test_waiting_tells_of_a_server_that_ends_by_itself(logs: Path) -> None:
    running = launch(logs, port=0)
    running._process.kill()
    with pytest.raises(LaunchError, match="ended by itself"):
        running.wait()


STARTER = """
import sys
from embedding_lab.board.launch import launch
board = launch(sys.argv[1], port=0)
try:
    print(board._process.pid, board.url, flush=True)  # an interrupt may come as soon as this is read
    board.wait()
except KeyboardInterrupt:
    print("interrupted", flush=True)
    board.wait()
"""


@contextmanager
def a_starter(logs: Path) -> Iterator[tuple[subprocess.Popen[str], int, str]]:
    """Another process that has launched a board: the process, the server's pid, the address."""
    command = [sys.executable, "-c", STARTER, str(logs)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as starter:
        try:
            assert starter.stdout is not None
            pid, url = starter.stdout.readline().split()
            yield starter, int(pid), url
        finally:
            starter.kill()


@pytest.mark.parametrize("how", ["kill", pytest.param("terminate", marks=pytest.mark.long)])
def test_a_killed_starter_leaves_no_orphan(logs: Path, how: str) -> None:
    with a_starter(logs) as (starter, pid, _):
        processes = family(pid)
        getattr(starter, how)()
        assert_all_end(processes)


@pytest.mark.skipif(sys.platform == "win32", reason="a POSIX process group")
def test_interrupting_a_cell_does_not_stop_the_board(logs: Path) -> None:
    with a_starter(logs) as (starter, _, url):
        os.killpg(starter.pid, signal.SIGINT)
        assert starter.stdout is not None
        assert starter.stdout.readline() == "interrupted\n"
        assert get(url)


# Behind a proxy, in a notebook


@contextmanager
def a_proxy(mount: str, target: Callable[[str], str], page: str = "") -> Iterator[str]:
    """A reverse proxy that shows `target(path)` for every path below `mount`, and a page at its root."""

    class Proxy(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.startswith(mount):
                try:
                    body, kind, status = self._pass_on()
                except urllib.error.HTTPError as refused:
                    body, kind, status = refused.read(), "text/plain", refused.code
            else:
                body, kind, status = page.encode(), "text/html", 200 if self.path == "/" else 404
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _pass_on(self) -> tuple[bytes, str, int]:
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            with opener.open(target(self.path), timeout=SECONDS) as answer:
                return answer.read(), answer.headers["Content-Type"], answer.status

        def log_message(self, *_: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


MOUNT = "/user/x/proxy/6006"


def test_it_works_behind_a_proxy_that_keeps_its_path(logs: Path) -> None:
    with launch(logs, port=0, path_prefix=f"{MOUNT}/") as running:
        assert running.url == f"http://127.0.0.1:{running.port}{MOUNT}/"
        with a_proxy(MOUNT, lambda path: f"http://127.0.0.1:{running.port}{path}") as address:
            assert b"<title>TensorBoard" in get(f"{address}{MOUNT}/")
            assert len(get_json(f"{address}{MOUNT}/data/runs")) == 3


def test_it_works_behind_a_proxy_that_takes_its_path_off(board: Board) -> None:
    with a_proxy(MOUNT, lambda path: board.url + path.removeprefix(f"{MOUNT}/")) as address:
        assert len(get_json(f"{address}{MOUNT}/data/runs")) == 3


@pytest.mark.long
@pytest.mark.browser
@pytest.mark.parametrize("kept", [True, False], ids=["path kept", "path taken off"])
def test_the_notebooks_frame_shows_the_projector_through_the_proxy(
    logs: Path, browser: Any, monkeypatch: pytest.MonkeyPatch, kept: bool
) -> None:
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/x/")
    with launch(logs, port=0, path_prefix=MOUNT if kept else "") as running:
        mount = MOUNT if kept else f"/user/x/proxy/{running.port}"
        root = f"http://127.0.0.1:{running.port}"
        notebook = f"<body>{running._repr_html_()}</body>"
        with a_proxy(mount, lambda path: root + (path if kept else path.removeprefix(mount)), notebook) as address:
            page = browser.new_page()
            page.set_default_timeout(1000 * SECONDS)
            page.goto(address)
            frame = page.frame_locator("iframe")
            frame.get_by_text("Projector", exact=False).first.wait_for()
            assert page.frames[1].url.startswith(f"{address}{mount}/")
            page.close()


ADDRESS = "http://127.0.0.1:6007/"


def test_the_frame_points_at_this_machine_where_nothing_else_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JUPYTERHUB_SERVICE_PREFIX", raising=False)
    assert frame_source(ADDRESS, 6007, "") == ADDRESS


def test_the_frame_goes_through_the_hubs_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/x/")
    assert frame_source(ADDRESS, 6007, "") == "/user/x/proxy/6007/"
    assert frame_source(ADDRESS, 6007, "/own/prefix") == "/own/prefix/"


def test_the_frame_goes_where_tensorboards_own_setting_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TENSORBOARD_PROXY_URL", "https://hub/x/%PORT%/")
    assert frame_source(ADDRESS, 6007, "") == "https://hub/x/6007/"


def test_colab_shows_the_port_by_its_own_call(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[object] = []
    output = types.SimpleNamespace(
        serve_kernel_port_as_iframe=lambda port, **how: shown.append((port, how["path"]))
    )
    colab = types.ModuleType("google.colab")
    colab.output = output  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "google.colab", colab)
    board._ipython_display_()
    assert shown == [(board.port, "/")]


def test_elsewhere_the_notebook_is_given_the_frame(board: Board) -> None:
    with pytest.raises(NotImplementedError):  # by which IPython turns to the next form
        board._ipython_display_()
    assert f'src="{board.dashboard_url}"' in board._repr_html_()
