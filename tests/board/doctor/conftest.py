"""Log directories to fall ill: event files, lists of tensors and what they name, written as others write them."""

from __future__ import annotations

import gzip
import io
import json
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from embedding_lab.board.checks.finding import Finding
from embedding_lab.board.checks.machine import Machine
from embedding_lab.board.doctor import CHECK_FAILED, Diagnosis, examine

HERE = Path(__file__).parent
SECONDS = 60.0
POINTS, DIMS = 20, 4


class Desk:
    """Writes runs below a log directory, and asks the doctor about it."""

    POINTS, DIMS, HERE = POINTS, DIMS, HERE

    def __init__(self, root: Path) -> None:
        self.root = root

    def run(self, name: str = "run") -> Path:
        """A run with a scalar."""
        folder = self.root / name
        self.events(folder / "events.out.tfevents.1.host", self.scalar(0, 1.0))
        return folder

    def events(self, path: Path, *events: Any) -> bytes:
        """An event file."""
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.summary.writer.record_writer import RecordWriter

        path.parent.mkdir(parents=True, exist_ok=True)
        content = io.BytesIO()
        writer = RecordWriter(content)
        begun = min((event.wall_time for event in events), default=1.0)
        for event in (Event(wall_time=begun, file_version="brain.Event:2"), *events):
            writer.write(event.SerializeToString())
        path.write_bytes(content.getvalue())
        return content.getvalue()

    def scalar(self, step: int, value: float, tag: str = "loss", time: float | None = None) -> Any:
        """An event with a scalar."""
        from tensorboard.compat.proto.event_pb2 import Event

        event = Event(wall_time=1000.0 + step if time is None else time, step=step)
        event.summary.value.add(tag=tag, simple_value=value)
        return event

    def points(self, rows: int = POINTS, dims: int = DIMS) -> Any:
        """Vectors that every view shows rightly: of length 1, their mean zero."""
        some = np.random.default_rng(0).normal(size=(rows // 2, dims))
        some *= 0.9999 / np.linalg.norm(some, axis=1, keepdims=True)
        return np.concatenate([some, -some]).astype(np.float32)

    def raw(self, folder: Path, values: Any = None, name: str = "points.f32") -> str:
        """A raw tensor; its path for the list."""
        folder.mkdir(parents=True, exist_ok=True)
        np.ascontiguousarray(self.points() if values is None else values).tofile(folder / name)
        return name

    def labels(self, folder: Path, lines: list[str] | None = None, name: str = "labels.tsv") -> str:
        """A table of samples; its path for the list."""
        text = "".join(f"{line}\n" for line in lines or [f"class {row % 3}" for row in range(POINTS)])
        (folder / name).write_text(text, encoding="utf-8")
        return name

    def sheet(
        self, folder: Path, columns: int = 5, rows: int = 5, cell: int = 8, name: str = "sheet.png"
    ) -> dict[str, Any]:
        """A sheet of thumbnails, each of a grey of its own; what the list says of it."""
        greys = np.arange(columns * rows).reshape(rows, columns) % 250 + 1
        Image.fromarray(greys.repeat(cell, 0).repeat(cell, 1).astype(np.uint8)).save(folder / name)
        return {"image_path": name, "single_image_dim": [cell, cell]}

    def list(self, folder: Path, *entries: dict[str, Any], **config: Any) -> Path:
        """A list of tensors. Left out, the tensor is called "points" and its shape is that of `points()`."""
        from google.protobuf import json_format, text_format
        from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig

        folder.mkdir(parents=True, exist_ok=True)
        said = [{"tensor_name": "points", "tensor_shape": [POINTS, DIMS], **entry} for entry in entries]
        parsed = json_format.ParseDict({"embeddings": said, **config}, ProjectorConfig())
        path = folder / "projector_config.pbtxt"
        path.write_text(text_format.MessageToString(parsed), encoding="utf-8")
        return path

    def examine(self, *, fix: bool = False, tensorflow: bool = False) -> Diagnosis:
        """What the doctor says, on a machine on which all is well; no check may fail."""
        diagnosis = examine(self.root, well(tensorflow), fix=fix)
        assert not [each for each in diagnosis.findings if each.name == CHECK_FAILED], str(diagnosis)
        return diagnosis

    def found(self, name: str, **how: Any) -> Finding:
        """The only finding of this name."""
        diagnosis = self.examine(**how)
        (finding,) = [each for each in diagnosis.findings if each.name == name]
        return finding

    def names(self, **how: Any) -> set[str]:
        """The names of all findings."""
        return {each.name for each in self.examine(**how).findings}


def well(tensorflow: bool = False) -> Machine:
    """A machine without a fault, with a plugin for profiles."""
    from embedding_lab.board.checks.machine import Package

    return Machine((Package("xprof", "2.22.0", (), ("profile",), Path("/nowhere")),), (), tensorflow)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A fresh log directory."""
    (tmp_path / "logs").mkdir()
    return Desk(tmp_path / "logs")


@pytest.fixture(scope="session")
def new_desk() -> type[Desk]:
    """For log directories that several tests share."""
    return Desk


@pytest.fixture(scope="module", autouse=True)
def every_tensorboard_is_quick(quick_tensorboard: None) -> None:
    """None of these needs TensorFlow in TensorBoard."""


class Asked:
    """TensorBoard's own answers about a log directory."""

    def __init__(self, url: str) -> None:
        self.url = url

    def __call__(self, path: str, **query: Any) -> bytes:
        """The body of an answer; an HTTPError where it is an error."""
        address = f"{self.url}data/{path}?{urllib.parse.urlencode(query)}"
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(address, timeout=SECONDS) as answer:
            body = bytes(answer.read())
        return gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body

    def json(self, path: str, **query: Any) -> Any:
        return json.loads(self(path, **query))

    def status(self, path: str, **query: Any) -> int:
        """The status of an answer."""
        try:
            self(path, **query)
        except urllib.error.HTTPError as error:
            return error.code
        return 200


@pytest.fixture(scope="session")
def asked() -> type[Asked]:
    return Asked
