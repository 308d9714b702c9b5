"""`embedding-lab export`: a run as one file to send to a colleague."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from embedding_lab.cli.options import Debug, Json
from embedding_lab.cli.output import show
from embedding_lab.errors import InputError


def export(
    run: Annotated[Path, typer.Argument(help="A run's folder, or a log directory: then its newest run.")],
    out: Annotated[Path | None, typer.Option("--out", help="The file to write; default the run's name.")] = None,
    form: Annotated[
        str, typer.Option("--format", help="html: our page with the run in it, opened from disk.")
    ] = "html",
    layers: Annotated[
        str | None, typer.Option("--layer", "--layers", help="Names with commas between; default all.")
    ] = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Write a run, its maps and pictures as one HTML file that opens anywhere, without a server."""
    if form != "html":
        raise InputError("The format is unknown.", got=repr(form), expected="html")
    from embedding_lab.app.exports import export_html
    from embedding_lab.embeddings import newest_run

    chosen = newest_run(run.absolute())
    path = out or Path(f"{chosen.name}.html")
    names = None if layers is None else [name.strip() for name in layers.split(",")]
    size = export_html(chosen, path, names)
    show({"file": path, "bytes": size}, f"{path}: {size:,} bytes. Open it in a browser.", as_json)
