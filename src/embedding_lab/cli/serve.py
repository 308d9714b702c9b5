"""`embedding-lab serve`: opens a log folder in TensorBoard."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from embedding_lab.cli.options import Browser, Debug, Host, Json, PathPrefix, Port
from embedding_lab.cli.output import show
from embedding_lab.cli.serving import keep_open, wants_browser


def serve(
    logdir: Annotated[Path, typer.Argument(help="Folder that holds the runs.")],
    port: Port = 6006,
    host: Host = "127.0.0.1",
    path_prefix: PathPrefix = "",
    browser: Browser = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Open a log folder in TensorBoard, until Ctrl-C."""
    from embedding_lab.board.launch import launch

    with launch(
        logdir, port=port, host=host, path_prefix=path_prefix, open_browser=wants_browser(browser)
    ) as board:
        show({"url": board.url, "port": board.port, "logdir": board.logdir}, f"TensorBoard: {board.url}", as_json)
        keep_open(board)
