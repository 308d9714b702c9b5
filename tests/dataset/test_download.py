"""Downloads, tried against a real server on loopback: a file arrives whole and right, or not at all."""

from __future__ import annotations

import hashlib
import http.server
import os
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from embedding_lab.dataset.download import fetch
from embedding_lab.dataset.published import PublishedFile
from embedding_lab.errors import DataMissing, StorageError

CONTENT = os.urandom(300_000)
NAME = "t10k-images-idx3-ubyte.gz"


@dataclass
class Mirror:
    """A server that answers as it is told to."""

    answer: str = "file"
    asked: list[str] = field(default_factory=list)
    enough: threading.Event = field(default_factory=threading.Event)
    address: str = ""


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    told = Mirror()

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told.asked.append(self.path)
            if told.answer == "not found":
                self.send_error(404)
                return
            if told.answer == "silence":
                told.enough.wait(30)
                return
            content = CONTENT[:-1] + b"?" if told.answer == "wrong content" else CONTENT
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if told.answer == "file" or told.answer == "wrong content":
                self.wfile.write(content)
                return
            self.wfile.write(content[:100_000])
            if told.answer == "silence in the middle":
                self.wfile.flush()
                told.enough.wait(30)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    told.address = f"http://127.0.0.1:{server.server_port}/"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield told
    told.enough.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def dead_address() -> Iterator[str]:
    """An address at which nobody listens, and nobody can begin to."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}/"


@pytest.fixture
def wanted() -> PublishedFile:
    return PublishedFile("test", "images", archive=hashlib.sha256(CONTENT).hexdigest(), content="sha256:-")


def test_a_file_arrives_and_progress_tells_of_it(
    mirror: Mirror, wanted: PublishedFile, tmp_path: Path, bare_machine: Path
) -> None:
    told: list[tuple[str, int, int | None]] = []
    folder = tmp_path / "cache" / "mnist"
    fetch([wanted], [mirror.address], folder, progress=lambda *each: told.append(each))
    assert (folder / NAME).read_bytes() == CONTENT
    assert [path.name for path in folder.iterdir()] == [NAME]
    assert told[-1] == (f"download {NAME} bytes", len(CONTENT), len(CONTENT))
    assert [done for _, done, _ in told[:-1]] == sorted(done for _, done, _ in told[:-1])


def test_what_is_there_and_right_is_not_fetched_again(
    mirror: Mirror, wanted: PublishedFile, tmp_path: Path, bare_machine: Path
) -> None:
    (tmp_path / NAME).write_bytes(CONTENT)
    fetch([wanted], [mirror.address], tmp_path)
    assert mirror.asked == []


def test_what_is_there_and_broken_is_replaced(
    mirror: Mirror, wanted: PublishedFile, tmp_path: Path, bare_machine: Path
) -> None:
    (tmp_path / NAME).write_bytes(CONTENT[:1000])
    fetch([wanted], [mirror.address], tmp_path)
    assert (tmp_path / NAME).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("wrong content", "does not bear the published checksum"),
        ("not found", "answered 404"),
        ("silence", "did not answer in time"),
        ("silence in the middle", "did not answer in time"),
        ("cut", "broke off in the middle"),
    ],
)
def test_a_failed_download_leaves_nothing_and_says_why(
    answer: str, said: str, mirror: Mirror, wanted: PublishedFile, tmp_path: Path, bare_machine: Path
) -> None:
    mirror.answer = answer
    folder = tmp_path / "cache"
    patience = 0.3 if "silence" in answer else 60.0
    with pytest.raises(DataMissing, match=said) as caught:
        fetch([wanted], [mirror.address], folder, answer_seconds=patience)
    assert NAME in str(caught.value)
    assert mirror.address in str(caught.value)
    assert list(folder.iterdir()) == []


def test_nobody_listening_is_said_so(
    dead_address: str, wanted: PublishedFile, tmp_path: Path, bare_machine: Path
) -> None:
    with pytest.raises(DataMissing, match="could not be reached"):
        fetch([wanted], [dead_address], tmp_path / "cache")


def test_the_next_mirror_is_asked_for_what_the_last_could_not_give(
    mirror: Mirror, dead_address: str, wanted: PublishedFile, tmp_path: Path, bare_machine: Path
) -> None:
    fetch([wanted], [dead_address, mirror.address], tmp_path)
    assert (tmp_path / NAME).read_bytes() == CONTENT


def test_a_failed_repair_keeps_the_old_file_out_of_use_only_by_its_checksum(
    mirror: Mirror, wanted: PublishedFile, tmp_path: Path, bare_machine: Path
) -> None:
    mirror.answer = "cut"
    (tmp_path / NAME).write_bytes(b"old")
    with pytest.raises(DataMissing):
        fetch([wanted], [mirror.address], tmp_path)
    assert [path.read_bytes() for path in tmp_path.glob("t10k*")] == [b"old"]


def test_a_folder_that_cannot_be_written_is_the_disks_fault(
    mirror: Mirror, wanted: PublishedFile, tmp_path: Path, bare_machine: Path
) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    with pytest.raises(StorageError):
        fetch([wanted], [mirror.address], tmp_path / "cache" / "mnist")


def test_a_refusal_of_the_disk_is_not_blamed_on_the_mirror(
    mirror: Mirror, wanted: PublishedFile, tmp_path: Path, bare_machine: Path
) -> None:
    (tmp_path / NAME).mkdir()  # a folder stands where the file should
    with pytest.raises(StorageError, match=NAME):
        fetch([wanted], [mirror.address], tmp_path)
