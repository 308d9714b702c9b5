"""`embedding-lab export`: a run as one file to send to a colleague, or for another tool."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from embedding_lab.cli.options import Debug, Json
from embedding_lab.cli.output import show
from embedding_lab.errors import one_of

if TYPE_CHECKING:
    from embedding_lab.board.stock_projector import ProjectorExport

FORMATS = ("html", "parquet", "npz", "tsv", "projector")


def export(
    run: Annotated[Path, typer.Argument(help="A run's folder, or a log directory: then its newest run.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="The file or folder to write; default the run's name.")
    ] = None,
    form: Annotated[
        str,
        typer.Option(
            "--format",
            help="html: our page with the run in it, opened from disk. parquet, npz, tsv: a table of samples, maps "
            "and vectors. projector: a folder that any TensorBoard shows, without us.",
        ),
    ] = "html",
    layers: Annotated[
        str | None, typer.Option("--layer", "--layers", help="Names with commas between; default all.")
    ] = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Write a run, its maps and pictures as one HTML file that opens anywhere, or its samples as a table."""
    if form not in FORMATS:
        raise one_of("Format", form, FORMATS)
    from embedding_lab.app.exported_tables import export_projector, export_table
    from embedding_lab.app.exports import export_html
    from embedding_lab.embeddings import newest_run

    chosen = newest_run(run.absolute())
    names = None if layers is None else [name.strip() for name in layers.split(",")]
    path = out or Path(f"{chosen.name}-projector" if form == "projector" else f"{chosen.name}.{form}")
    shown: ProjectorExport | None = None
    if form == "html":
        export_html(chosen, path, names)
    elif form == "projector":
        shown = export_projector(chosen, path, names)
    else:
        export_table(chosen, path, form, names)
    size = path.stat().st_size if shown is None else shown.size_bytes
    notes = () if shown is None else shown.notes
    opened = " Open it in a browser." if form == "html" else ""
    show(
        {"file": path, "bytes": size, "notes": notes},
        "\n".join((*notes, f"{path}: {size:,} bytes.{opened}")),
        as_json,
    )
