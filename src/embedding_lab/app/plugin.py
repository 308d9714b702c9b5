"""TensorBoard's way in: the plugin that shows the dashboard as a tab."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from tensorboard.plugins import base_plugin

from embedding_lab.app.jobs import JobQueue
from embedding_lab.board.dashboard.application import STATIC, Dashboard
from embedding_lab.board.dashboard.logdir import LogDir
from embedding_lab.board.dashboard.nearest import Metric
from embedding_lab.board.finished_maps import list_maps
from embedding_lab.embeddings import Run
from embedding_lab.embeddings.places import absolute
from embedding_lab.embeddings.remote_files import remote_address

if TYPE_CHECKING:
    from embedding_lab.projection import FileIndex

NAME = "embedding_lab"


class EmbeddingLabPlugin(base_plugin.TBPlugin):  # type: ignore[misc]
    """The dashboard inside TensorBoard; found by the entry point `tensorboard_plugins`.

    TensorBoard makes it before it answers, and its own Projector reads its lists once. So that is the moment at
    which the Projector is given maps that were saved where nobody knew of it.
    """

    plugin_name = NAME

    def __init__(self, context: Any) -> None:
        self._dashboard = dashboard_of(context.logdir or ".")
        if context.logdir:
            if not remote_address(context.logdir):  # there the Projector reads nothing
                _list_all_maps(self._dashboard.library.logdir)
            self._dashboard.expect_page()

    def get_plugin_apps(self) -> dict[str, Any]:
        return {"/*": self._serve}

    def is_active(self) -> bool:
        """Always, where the page was built: an empty log directory is told how to be filled."""
        return (STATIC / "index.js").is_file()

    def frontend_metadata(self) -> Any:
        return base_plugin.FrontendMetadata(
            es_module_path="/index.js", tab_name="Embedding Lab", disable_reload=True
        )

    def _serve(self, environ: dict[str, Any], start_response: Any) -> Any:
        route = environ.get("PATH_INFO", "").partition(f"/plugin/{NAME}/")[2]
        return self._dashboard({**environ, "PATH_INFO": f"/{route}"}, start_response)


def dashboard_of(logdir: str | os.PathLike[str]) -> Dashboard:
    """The dashboard of a log directory, joined with what can compute."""
    folder = absolute(logdir)
    return Dashboard(folder, Computer(), JobQueue(folder))


def _list_all_maps(logdir: LogDir) -> None:
    """Lists what can be; whatever lies there, TensorBoard starts, and the doctor says what is wrong."""
    for run in logdir.runs.values():
        with contextlib.suppress(Exception):
            list_maps(run)


MOST_OPEN = 8
"""So many indexes stay open; opening one takes a moment."""


class Computer:
    """Joins the dashboard with what can compute."""

    def __init__(self) -> None:
        self._open: dict[str, FileIndex] = {}

    def first_map(self, vectors: Any) -> NDArray[np.float32]:
        from embedding_lab.projection.pca import points_of

        return points_of(vectors, 3)

    def index(
        self, run: Run, layer: str, step: int | None, vectors: Any, generation: str, metric: Metric
    ) -> FileIndex | None:
        found = run.index(layer, step, metric, vectors=generation)
        if found is None:
            return None
        opened = self._open.get(found.generation)
        if opened is None:
            from embedding_lab.projection.file_index import FileIndex

            opened = FileIndex(vectors, found.files, found.how, threads=1)
            self._open = dict([*self._open.items(), (found.generation, opened)][-MOST_OPEN:])
        return opened
