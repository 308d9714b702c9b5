"""A log directory with one of everything, and the dashboard's server asked as its page asks it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from werkzeug.test import Client, TestResponse

from embedding_lab.app.plugin import Computer
from embedding_lab.board.dashboard.application import Dashboard
from embedding_lab.board.dashboard.row_code import encode_rows
from embedding_lab.board.wire import Message, decode
from embedding_lab.embeddings import EmbeddingSet, Outputs, Projection, Run, as_dataset, create_run, open_run

ROWS = 90


class Page:
    """The dashboard's server, asked over WSGI."""

    def __init__(self, logdir: Path, jobs: Any = None) -> None:
        self.dashboard = Dashboard(logdir, Computer(), jobs)
        self.client = Client(self.dashboard)

    def ask(self, route: str, **given: Any) -> TestResponse:
        return self.client.get(f"/{route}", query_string=given)

    def json(self, route: str, **given: Any) -> Any:
        answer = self.ask(route, **given)
        assert answer.status_code == 200, answer.text
        return answer.json

    def arrays(self, route: str, **given: Any) -> Message:
        answer = self.ask(route, **given)
        assert answer.status_code == 200, answer.text
        return decode(answer.data)

    def error(self, route: str, **given: Any) -> dict[str, str]:
        """What the server says of a request that it refuses; it always says something."""
        answer = self.ask(route, **given)
        assert 400 <= answer.status_code < 500, answer.text
        said: dict[str, str] = answer.get_json()["error"]
        assert said["happened"].endswith(".")
        return said

    def post(self, route: str, given: Any, **headers: str) -> TestResponse:
        """What the server says of a request whose rows, a list here, the page codes."""
        if isinstance(given, dict) and isinstance(given.get("rows"), list):
            given = {**given, "rows": encode_rows(given["rows"])}
        token = self.json("overview")["token"] or ""
        return self.client.post(f"/{route}", json=given, headers={"X-Embedding-Lab-Token": token, **headers})


def write_run(logdir: Path) -> Run:
    """A run `sub/first` with layer "block/Dense" at steps 1 and 2, "input", two maps, outputs and pictures."""
    random = np.random.default_rng(0)
    labels = np.arange(ROWS) % 4 - 1
    data = as_dataset(
        random.integers(0, 256, (ROWS, 10, 6), np.uint8),
        name="tiny",
        labels=labels,
        class_names=["zero", "öne", "<b>two</b>"],
        splits=np.where(np.arange(ROWS) < 60, "train", "test"),
        columns={
            "weight": np.where(np.arange(ROWS) % 7 == 0, np.nan, np.linspace(-1, 1, ROWS)),
            "count": np.arange(ROWS) * 1_000_003,
            "note": np.array([f"note {number}" if number % 2 else "" for number in range(ROWS)]),
            "flag": np.arange(ROWS) % 3 == 0,
            "my column": np.array(["a", "b", "c"] * 30),
        },
    )
    run = create_run(logdir / "sub" / "first")
    outputs = Outputs(
        prediction=np.maximum(labels, 0),
        confidence=np.linspace(0, 1, ROWS, dtype=np.float32),
        loss=np.linspace(0, 3, ROWS, dtype=np.float32),
    )
    for step in (1, 2):
        vectors = random.normal(size=(ROWS, 5)).astype(np.float32)
        run.save_embeddings(EmbeddingSet(vectors, data, "block/Dense", step=step, epoch=step, outputs=outputs))
    run.save_embeddings(EmbeddingSet(data.samples.reshape(ROWS, -1), data, "input"))
    points = random.normal(size=(ROWS, 3)).astype(np.float32)
    run.save_map(
        "block/Dense",
        2,
        "tsne-3d",
        Projection(
            points,
            data.ids,
            "tsne",
            {"perplexity": 5.0},
            0,
            quality={"kept_10": 0.5},
            per_sample={"kept_10": np.linspace(0, 1, ROWS, dtype=np.float32)},
        ),
    )
    some = points[:, :2].copy()
    some[::3] = np.nan
    run.save_map("block/Dense", 2, "umap-2d", Projection(some, data.ids, "umap", {}, 0))
    run.save_pictures(data)
    return run


@pytest.fixture(scope="session")
def kept_logdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The log directory that all tests read, and none changes."""
    logdir = tmp_path_factory.mktemp("dashboard") / "logs"
    write_run(logdir)
    return logdir


@pytest.fixture(scope="session")
def page(kept_logdir: Path) -> Page:
    return Page(kept_logdir)


@pytest.fixture(scope="session")
def run(kept_logdir: Path) -> Run:
    return open_run(kept_logdir / "sub" / "first")


@pytest.fixture
def own_logdir(kept_logdir: Path, tmp_path: Path) -> Path:
    """A copy of the log directory that a test may change."""
    return Path(shutil.copytree(kept_logdir, tmp_path / "logs"))


@pytest.fixture
def own_run(own_logdir: Path) -> Run:
    return open_run(own_logdir / "sub" / "first")


@pytest.fixture
def own_page(own_logdir: Path) -> Page:
    return Page(own_logdir)


@pytest.fixture(scope="session")
def ask_page() -> type[Page]:
    return Page


@pytest.fixture(scope="session")
def dense() -> dict[str, Any]:
    """The parameters that name a sample set with everything."""
    return {"run": "sub/first", "layer": "block/Dense", "step": 2}
