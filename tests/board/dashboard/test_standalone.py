"""The dashboard on a port of its own: where others can reach it, only with the token."""

from __future__ import annotations

import http.cookiejar
import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tensorboard.plugins import base_plugin
from werkzeug.test import Client

import embedding_lab as lab
from embedding_lab.app.plugin import Computer, EmbeddingLabPlugin
from embedding_lab.board.dashboard.application import Dashboard
from embedding_lab.board.dashboard.standalone import Standalone
from embedding_lab.errors import InputError


@pytest.fixture
def dashboard(own_logdir: Path, tmp_path: Path) -> Dashboard:
    static = tmp_path / "static"
    static.mkdir()
    (static / "index.html").write_text("<!doctype html><title>Embedding Lab</title>", "utf-8")
    (static / "index.js").write_text("export function render() {}", "utf-8")
    (tmp_path / "secret.txt").write_text("secret", "utf-8")
    return Dashboard(own_logdir, Computer(), static=static)


def browser() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
    )


def refused(call: Any) -> tuple[int, dict[str, str]]:
    with pytest.raises(urllib.error.HTTPError) as caught:
        call()
    with caught.value:
        return caught.value.code, json.load(caught.value)["error"]


def test_it_serves_the_page_and_its_routes_at_the_same_relative_names(dashboard: Dashboard) -> None:
    with Standalone(dashboard, port=0, path_prefix="/lab/x/") as running:
        assert running.url == f"http://127.0.0.1:{running.port}/lab/x/"
        with browser().open(running.url) as page:
            assert b"Embedding Lab" in page.read()
            assert "default-src 'self'" in page.headers["Content-Security-Policy"]
        with browser().open(f"{running.url}index.js") as script:
            assert script.headers["Content-Type"].startswith("text/javascript")
        overview = json.load(browser().open(f"{running.url}overview"))
        assert overview["writable"]
        with browser().open(running.url.rstrip("/")) as redirected:
            assert redirected.url == running.url


def test_nothing_outside_the_pages_folder_is_served(dashboard: Dashboard) -> None:
    from werkzeug.test import Client

    for path in ("/../secret.txt", "/..%2fsecret.txt", "//etc/passwd", "/%00", "/static/../../secret.txt"):
        answer = Client(dashboard).get(path)
        assert answer.status_code == 404
        assert answer.json["error"]["happened"].startswith("There is nothing at")


def test_on_another_address_it_lets_nobody_in_without_the_token(dashboard: Dashboard) -> None:
    with Standalone(dashboard, host="0.0.0.0", port=0) as running:
        address, _, token = running.url.partition("?token=")
        assert len(token) > 20
        for path in ("", "overview", "index.js", "?token=wrong", "?token=w%C3%B6"):
            code, said = refused(lambda path=path: browser().open(f"{address}{path}"))
            assert code == 403
            assert "asks for its token" in said["happened"]
        someone = browser()
        with someone.open(running.url) as page:
            assert page.url == address
        overview = json.load(someone.open(f"{address}overview"))
        assert overview["writable"]
        asked = {"run": "sub/first", "name": "mine", "ids": ["tiny/00000"]}
        request = urllib.request.Request(
            f"{address}selections",
            json.dumps(asked).encode(),
            {"Content-Type": "application/json", "X-Embedding-Lab-Token": overview["token"]},
        )
        assert json.load(someone.open(request)) == {"name": "mine", "count": 1}


def test_a_taken_port_gives_way_to_the_next(dashboard: Dashboard) -> None:
    with Standalone(dashboard, port=0) as first, Standalone(dashboard, port=first.port) as second:
        assert second.port != first.port
        assert json.load(browser().open(f"{second.url}overview"))["runs"]


def test_what_is_no_port_is_refused(dashboard: Dashboard) -> None:
    with pytest.raises(InputError, match="not a port"):
        Standalone(dashboard, port=70_000)


@contextmanager
def page_loaded(logdir: Path, static: Path) -> Iterator[Client]:
    client = Client(Dashboard(logdir, Computer(), static=static))
    assert client.get("/index.js").status_code == 200
    yield client


@contextmanager
def started_alone(logdir: Path, static: Path) -> Iterator[Client]:
    dashboard = Dashboard(logdir, Computer(), static=static)
    with Standalone(dashboard, port=0):
        yield Client(dashboard)


@contextmanager
def started_in_tensorboard(logdir: Path, static: Path) -> Iterator[Client]:
    yield Client(EmbeddingLabPlugin(base_plugin.TBContext(logdir=str(logdir))).get_plugin_apps()["/*"])


@pytest.mark.parametrize(
    ("begins", "prefix"),
    [(page_loaded, ""), (started_alone, ""), (started_in_tensorboard, "/data/plugin/embedding_lab")],
)
def test_the_first_map_is_computed_when_a_server_starts_or_a_page_loads_before_it_is_asked_for_and_only_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, begins: Any, prefix: str
) -> None:
    begun = threading.Event()
    counted: list[int] = []
    compute = Computer.first_map

    def counting(self: Computer, vectors: Any) -> Any:
        counted.append(len(vectors))
        begun.set()
        return compute(self, vectors)

    monkeypatch.setattr(Computer, "first_map", counting)
    lab.log_embeddings(tmp_path / "logs" / "older", np.eye(4), layer="mine")
    lab.log_embeddings(tmp_path / "logs" / "run", np.eye(5), layer="mine")
    (tmp_path / "index.js").write_text("export function render() {}", "utf-8")
    with begins(tmp_path / "logs", tmp_path) as client:
        assert begun.wait(60)
        asked = {"run": "run", "layer": "mine", "map": "pca-3d"}
        assert client.get(f"{prefix}/points", query_string=asked).status_code == 200
        assert counted == [5]
