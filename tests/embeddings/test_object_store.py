"""A log directory in a real S3 store on this machine: written, read, mapped, examined, shown, and on bad days."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import embedding_lab as lab
from contracts.files_contract import FilesContract
from embedding_lab.embeddings import remote_files
from embedding_lab.embeddings.files import Files
from embedding_lab.embeddings.remote_files import RemoteFiles
from embedding_lab.errors import StorageError

WHY = 'no S3 store: pip install "embedding-lab[remote]" "moto[server]"'
pytest.importorskip("s3fs", reason=WHY)
moto_server = pytest.importorskip("moto.server", reason=WHY)
pytestmark = [
    pytest.mark.long,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning"),  # boto's own
]

VECTORS = np.random.default_rng(0).normal(size=(300, 6)).astype(np.float32)
LABELS = np.arange(300) % 3

SLOW_DOWN = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
EXPIRED = b"<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>"

Misbehaviour = Callable[[str, str], "tuple[int, bytes] | str | None"]
"""Method and path of a request → an answer in place of the store's, "drop" to hang up, or None."""


class Between(ThreadingHTTPServer):
    """Stands between a client and the store, and misbehaves as it is told."""

    daemon_threads = True
    misbehave: Misbehaviour = staticmethod(lambda method, path: None)

    def __init__(self, store: int) -> None:
        super().__init__(("127.0.0.1", 0), Passing)
        self.store = store


class Passing(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        planned = self.server.misbehave(self.command, self.path)
        if planned == "drop":
            self.close_connection = True
            self.connection.close()
            return
        if planned is None:
            store = http.client.HTTPConnection("127.0.0.1", self.server.store, timeout=60)
            store.request(self.command, self.path, body, dict(self.headers))
            answer = store.getresponse()
            status, headers, content = answer.status, answer.getheaders(), answer.read()
        else:
            (status, content), headers = planned, [("Content-Type", "application/xml")]
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in {"content-length", "transfer-encoding", "connection", "server", "date"}:
                self.send_header(name, value)
        length = {name.lower(): value for name, value in headers}.get("content-length")
        self.send_header("Content-Length", length if self.command == "HEAD" and length else str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = answer  # noqa: N815

    def log_message(self, *said: Any) -> None:
        """Says nothing."""


@pytest.fixture(scope="module")
def store() -> Iterator[Between]:
    real = moto_server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    real.start()
    between = Between(real.get_host_and_port()[1])
    threading.Thread(target=between.serve_forever, daemon=True).start()
    yield between
    between.shutdown()
    between.server_close()
    real.stop()


@pytest.fixture
def bucket(store: Between, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """The address of a bucket of its own."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "someone",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{store.server_port}",
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }.items():
        monkeypatch.setenv(name, value)
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()  # one made before knows the address of another store
    name = "".join(each for each in tmp_path.name.lower().replace("_", "-") if each.isalnum() or each == "-")
    s3fs.S3FileSystem().mkdir(name.strip("-"))
    return f"s3://{name.strip('-')}"


@contextmanager
def misbehaving(store: Between, how: Misbehaviour) -> Iterator[None]:
    store.misbehave = how
    try:
        yield
    finally:
        store.misbehave = lambda method, path: None


class TestS3(FilesContract):
    @pytest.fixture
    def files(self, bucket: str) -> Files:
        return RemoteFiles(f"{bucket}/logs/run")

    @pytest.fixture
    def again(self, files: RemoteFiles) -> Files:
        return RemoteFiles(files.root)


def test_a_run_is_written_read_mapped_and_examined(bucket: str) -> None:
    lab.log_embeddings(f"{bucket}/logs/run", VECTORS, layer="mine", labels=LABELS)
    run = lab.open_run(f"{bucket}/logs/run")
    np.testing.assert_array_equal(run.embeddings("mine").vectors, VECTORS)
    assert run.name == "run"

    (made,) = lab.project_run(f"{bucket}/logs/run", "pca", dims=2).maps
    assert run.map("mine", made.name).points.shape == (300, 2)

    run.annotate(run.embeddings("mine").ids[0], label="1", reason="by eye")
    run.annotate(run.embeddings("mine").ids[1], tag="odd")
    assert [each.get("tag") for each in run.annotations] == [None, "odd"]
    assert [each.name for each in lab.doctor(f"{bucket}/logs").findings] == ["logdir-remote"]


def test_shards_that_are_computed_apart_lie_there_as_one_run(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("embedding_lab.extraction.sharded.FEWEST_ROWS", 100)
    samples = VECTORS.copy()
    samples[150] = np.nan
    with pytest.warns(UserWarning, match="1 of 300 samples left out: 'samples/00150'"):
        lab.extract(lambda batch: batch * 2, samples, "output", out=f"{bucket}/logs/run", on_error="skip")
    read = lab.open_run(f"{bucket}/logs/run").embeddings("output")
    np.testing.assert_array_equal(read.vectors[:], np.delete(VECTORS, 150, axis=0) * 2)
    import s3fs

    names = s3fs.S3FileSystem().find(bucket)
    assert sum(each.endswith(".npy") for each in names) == 3
    assert not any("unfinished" in each for each in names)


def test_the_doctor_finds_an_object_that_has_changed(bucket: str) -> None:
    lab.log_embeddings(f"{bucket}/logs/run", VECTORS, layer="mine")
    import s3fs

    fs = s3fs.S3FileSystem()
    (vectors,) = [each for each in fs.find(bucket) if each.endswith(".npy")]
    content = fs.cat_file(vectors)
    fs.pipe_file(vectors, content[:-4] + b"else")
    shutil.rmtree(os.environ["XDG_CACHE_HOME"])
    (_, finding) = lab.doctor(f"{bucket}/logs").findings
    assert finding.name == "own-file-broken"
    assert finding.run == "run"


def test_the_lab_s_own_page_shows_it(bucket: str) -> None:
    from werkzeug.test import Client

    from embedding_lab.app.plugin import dashboard_of

    lab.log_embeddings(f"{bucket}/logs/one", VECTORS, layer="mine", labels=LABELS)
    lab.log_embeddings(f"{bucket}/logs/deep/two", VECTORS, layer="mine")
    client = Client(dashboard_of(f"{bucket}/logs"))
    told = client.get("/overview").get_json()
    assert [each["name"] for each in told["runs"]] == ["deep/two", "one"]
    answer = client.get("/points?run=one&layer=mine&step=static&map=pca-3d&from=0&count=300")
    assert answer.status_code == 200


def test_tensorboard_is_not_started_on_what_it_cannot_read(bucket: str) -> None:
    with pytest.raises(lab.errors.LaunchError, match="--standalone"):
        lab.launch(f"{bucket}/logs")


def test_a_store_that_asks_to_slow_down_and_hangs_up_is_asked_again(store: Between, bucket: str) -> None:
    asked: dict[tuple[str, str], int] = {}

    def at_first(method: str, path: str) -> tuple[int, bytes] | str | None:
        times = asked[method, path] = asked.get((method, path), 0) + 1
        return (503, SLOW_DOWN) if times == 1 else "drop" if times == 2 else None

    with misbehaving(store, at_first):
        lab.log_embeddings(f"{bucket}/logs/run", VECTORS, layer="mine")
        np.testing.assert_array_equal(lab.open_run(f"{bucket}/logs/run").embeddings("mine").vectors, VECTORS)
    assert max(asked.values()) >= 3


def test_credentials_that_have_expired_are_named_and_what_was_complete_stays(store: Between, bucket: str) -> None:
    lab.log_embeddings(f"{bucket}/logs/run", VECTORS, layer="mine", step=1)
    with (
        misbehaving(store, lambda method, path: (400, EXPIRED) if method == "PUT" else None),
        pytest.raises(StorageError, match=r"refuses.*expired.*Renew"),
    ):
        lab.log_embeddings(f"{bucket}/logs/run", VECTORS, layer="mine", step=2)
    assert lab.open_run(f"{bucket}/logs/run").steps("mine") == [1]


def test_a_list_that_is_late_shows_what_was_there_before(
    store: Between, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_files, "FRESH_SECONDS", 0.0)  # ours is asked for each time
    lab.log_embeddings(f"{bucket}/logs/run", VECTORS, layer="mine", step=1)
    with urllib.request.urlopen(
        f"http://127.0.0.1:{store.server_port}/{bucket[5:]}?list-type=2&prefix=logs/run/plugins/embedding_lab/"
    ) as answer:
        late = answer.read()
    lab.log_embeddings(f"{bucket}/logs/run", VECTORS[::-1].copy(), layer="mine", step=2)
    with misbehaving(store, lambda method, path: (200, late) if "list-type=2" in path else None):
        run = lab.open_run(f"{bucket}/logs/run")
        assert run.steps("mine") == [1]
        np.testing.assert_array_equal(run.embeddings("mine").vectors, VECTORS)
    assert lab.open_run(f"{bucket}/logs/run").steps("mine") == [1, 2]


def test_the_command_line_takes_addresses(bucket: str, tmp_path: Path) -> None:
    np.save(tmp_path / "mine.npy", VECTORS)

    def said(*words: str) -> Any:
        command = [sys.executable, "-m", "embedding_lab", *words, "--json"]
        return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    run = said("log", f"{tmp_path}/mine.npy", "--logdir", f"{bucket}/logs", "--run", "run")["run"]
    assert run == f"{bucket}/logs/run"
    said("project", run, "--method", "pca")
    assert lab.open_run(run).maps("mine") == ["pca-3d"]
