"""`embedding-lab serve`: opens a log folder in TensorBoard."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from embedding_lab.cli.options import Browser, Debug, Host, Json, PathPrefix, Port
from embedding_lab.cli.serving import keep_open, wants_browser


def serve(
    logdir: Annotated[Path, typer.Argument(help="Folder that holds the runs.")],
    port: Port = 6006,
    host: Host = "127.0.0.1",
    path_prefix: PathPrefix = "",
    standalone: Annotated[
        bool, typer.Option("--standalone", help="Our page alone, without TensorBoard around it.")
    ] = False,
    browser: Browser = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Open a log folder in TensorBoard, until Ctrl-C."""
    if standalone:
        _serve_alone(logdir, port, host, path_prefix, wants_browser(browser), as_json)
        return
    from embedding_lab.board.launch import launch

    with launch(
        logdir, port=port, host=host, path_prefix=path_prefix, open_browser=wants_browser(browser)
    ) as board:
        told = {
            "url": board.url,
            "dashboard_url": board.dashboard_url,
            "port": board.port,
            "logdir": board.logdir,
        }
        keep_open(board, told, f"TensorBoard: {board.dashboard_url}", as_json)


def _serve_alone(logdir: Path, port: int, host: str, path_prefix: str, browser: bool, as_json: bool) -> None:
    import webbrowser

    from embedding_lab.app.plugin import dashboard_of
    from embedding_lab.board.dashboard.standalone import Standalone
    from embedding_lab.board.launch import log_folder

    folder = log_folder(logdir)
    with Standalone(dashboard_of(folder), host, port, path_prefix) as board:
        if browser:
            webbrowser.open(board.url)
        told = {"url": board.url, "port": board.port, "logdir": folder}
        keep_open(board, told, f"Embedding Lab: {board.url}", as_json)
