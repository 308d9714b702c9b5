"""What TensorBoard's Projector does with what it is given, in numpy, and its real server in this process."""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

SPHERIZED_FROM = 50
Floats = NDArray[np.floating[Any]]


class ThePage:
    """The page's own arithmetic, after its TypeScript (data.ts, knn.ts, vector.ts and the sprites' shader)."""

    def __init__(self, values: Floats, *, spherize: bool | None = None) -> None:
        self.values = np.asarray(values, np.float32)
        if spherize if spherize is not None else values.shape[1] >= SPHERIZED_FROM:
            centred = self.values - self.values.mean(axis=0)
            lengths = np.linalg.norm(centred, axis=1, keepdims=True)
            self.values = np.divide(centred, lengths, out=centred, where=lengths > 0)

    def pca(self) -> tuple[Floats, Floats]:
        """Positions on ten components, and the share of the variance each is said to describe."""
        values = self.values.astype(np.float64)
        directions, spread, _ = np.linalg.svd(values.T @ values / len(values))
        return values @ directions[:, :10], spread / spread.sum()

    def nearest(self, row: int, count: int, metric: str) -> list[int]:
        """The list of nearest points of one point."""
        values = self.values.astype(np.float64)
        if metric == "euclidean":
            distances = np.linalg.norm(values - values[row], axis=1)
        else:
            squares = (values**2).sum(axis=1)
            distances = 1 - values @ values[row] / np.sqrt(squares * squares[row])
        assert not np.isnan(distances).any()
        order = np.argsort(distances, kind="stable")
        return [int(each) for each in order if each != row][:count]

    def graph(self, count: int) -> tuple[list[NDArray[np.intp]], list[Floats]]:
        """The neighbours t-SNE and UMAP work with, and their distances; negative ones are dropped."""
        distances = 1 - self.values @ self.values.T
        rows, lengths = [], []
        for row, each in enumerate(distances):
            order = np.argsort(each, kind="stable")
            kept = order[(each[order] >= 0) & (order != row)][:count]
            rows.append(kept)
            lengths.append(each[kept])
        return rows, lengths


def sprite_cell(
    index: int, columns: int, division: Callable[[np.float32, np.float32], np.float32]
) -> tuple[int, int]:
    """(row, column) of a thumbnail as the shader finds it, in float32 with the card's own division."""
    number, across = np.float32(index), np.float32(columns)
    row = np.floor(division(number, across))
    return int(row), int(number - across * row)


@dataclass(frozen=True)
class Metadata:
    """The table as the page parses it (data-provider.ts): numbers are numbers, missing cells None."""

    columns: list[str]
    rows: list[dict[str, Any]]

    @classmethod
    def parse(cls, text: str) -> Metadata:
        lines = [line for line in text.split("\n") if line.strip()]
        assert "\t" in lines[0], "a first line without a tab is no header"
        columns = lines[0].split("\t")
        rows = []
        for line in lines[1:]:
            cells = line.split("\t")
            assert len(cells) == len(columns)
            rows.append({name: _javascript(cell) for name, cell in zip(columns, cells, strict=True)})
        return cls(columns, rows)

    @property
    def first_text_column(self) -> str:
        """What the page labels and searches by."""
        for name in self.columns:
            if any(isinstance(row[name], str) for row in self.rows):
                return name
        return self.columns[0]


def _javascript(cell: str) -> float | str | None:
    if cell == "":
        return None
    try:
        if cell.lower().lstrip("+-")[:1] in {"i", "n"} or "_" in cell:
            raise ValueError
        return float(cell)
    except ValueError:
        return float("inf") if cell.strip("+-") == "Infinity" else cell


class Server:
    """TensorBoard's Projector plugin, asked as its page asks it."""

    def __init__(self, logdir: Path) -> None:
        from tensorboard.backend.event_processing import data_provider, plugin_event_multiplexer
        from tensorboard.compat import tensorflow_stub
        from tensorboard.plugins import base_plugin
        from tensorboard.plugins.projector import projector_plugin
        from werkzeug.test import Client
        from werkzeug.wrappers import Response

        projector_plugin.tf = tensorflow_stub  # as on a machine without TensorFlow, and without its nine seconds
        multiplexer = plugin_event_multiplexer.EventMultiplexer()
        multiplexer.AddRunsFromDirectory(str(logdir))
        multiplexer.Reload()
        provider = data_provider.MultiplexerDataProvider(multiplexer, str(logdir))
        plugin = projector_plugin.ProjectorPlugin(base_plugin.TBContext(logdir=str(logdir), data_provider=provider))
        apps = plugin.get_plugin_apps()

        def application(environ: dict[str, Any], start_response: Any) -> Any:
            return apps[environ["PATH_INFO"]](environ, start_response)

        self.client = Client(application, Response)

    def get(self, address: str) -> bytes:
        """An address as the page writes it, quoted as a browser does: no more than it must."""
        path, _, query = address.partition("?")
        quoted = urllib.parse.quote(query.split("#")[0], safe="".join(map(chr, range(0x21, 0x7F))).replace('"', ""))
        response = self.client.get(path, query_string=quoted)
        assert response.status_code == 200, response.get_data(as_text=True)
        return response.get_data()

    @property
    def runs(self) -> list[str]:
        return list(json.loads(self.get("/runs")))

    def tensors(self, run: str) -> dict[str, Mapping[str, Any]]:
        """The list of tensors by name, as the page shows it: two rows and two dimensions or more."""
        listed = json.loads(self.get(f"/info?run={run}"))["embeddings"]
        return {each["tensorName"]: each for each in listed if min(each["tensorShape"]) > 1}

    def values(self, run: str, name: str) -> NDArray[np.float32]:
        shape = self.tensors(run)[name]["tensorShape"]
        return np.frombuffer(self.get(f"/tensor?run={run}&name={name}&num_rows=100000"), "<f4").reshape(
            -1, shape[1]
        )

    def metadata(self, run: str, name: str) -> Metadata:
        return Metadata.parse(self.get(f"/metadata?run={run}&name={name}&num_rows=100000").decode())

    def sheet(self, run: str, name: str) -> Image.Image:
        import io

        return Image.open(io.BytesIO(self.get(f"/sprite_image?run={run}&name={name}")))


@pytest.fixture(scope="session")
def serve() -> type[Server]:
    return Server


@pytest.fixture(scope="session")
def the_page() -> type[ThePage]:
    return ThePage


@pytest.fixture(scope="session")
def find_sprite() -> Any:
    return sprite_cell


@pytest.fixture(scope="session")
def parse_metadata() -> Callable[[str], Metadata]:
    return Metadata.parse
