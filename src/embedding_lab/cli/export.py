"""`embedding-lab export`: a run as one file to send to a colleague, or for another tool."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from embedding_lab.cli.options import Debug, Json
from embedding_lab.cli.output import show
from embedding_lab.errors import InputError, one_of

if TYPE_CHECKING:
    from embedding_lab.board.dashboard.embedded import Steps
    from embedding_lab.board.stock_projector import ProjectorExport

FORMATS = ("html", "parquet", "npz", "tsv", "projector")


def export(
    run: Annotated[
        Path,
        typer.Argument(
            help="A run's folder, or a log directory: then its newest run. Where none is ours, what others wrote "
            "for the Projector."
        ),
    ],
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
    steps: Annotated[
        str | None,
        typer.Option(
            "--step",
            "--steps",
            help="Of html: numbers with commas between, all, or newest; default all where they hold few samples.",
        ),
    ] = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Write a run, its maps and pictures as one HTML file that opens anywhere, or its samples as a table."""
    if form not in FORMATS:
        raise one_of("Format", form, FORMATS)
    from embedding_lab.app.adopted import run_at
    from embedding_lab.app.exported_tables import export_projector, export_table
    from embedding_lab.app.exports import export_html
    from embedding_lab.embeddings.places import absolute

    if steps is not None and form != "html":
        raise InputError(
            "Only html holds other steps than the newest.", got=f"--format {form}", remedy="Leave --step away."
        )
    names = None if layers is None else [name.strip() for name in layers.split(",")]
    shown: ProjectorExport | None = None
    notes: tuple[str, ...] = ()
    with run_at(absolute(run)) as chosen:
        path = out or Path(f"{chosen.name}-projector" if form == "projector" else f"{chosen.name}.{form}")
        if form == "html":
            notes = export_html(chosen, path, names, _steps(steps))
        elif form == "projector":
            shown = export_projector(chosen, path, names)
            notes = tuple(shown.notes)
        else:
            export_table(chosen, path, form, names)
    size = path.stat().st_size if shown is None else shown.size_bytes
    opened = " Open it in a browser." if form == "html" else ""
    show(
        {"file": path, "bytes": size, "notes": notes},
        "\n".join((*notes, f"{path}: {size:,} bytes.{opened}")),
        as_json,
    )


def _steps(text: str | None) -> Steps:
    """The steps that --step names."""
    if text is None:
        return None
    if text in ("all", "newest"):
        return "all" if text == "all" else "newest"
    numbers = [part.strip() for part in text.split(",")]
    if not all(number.isascii() and number.isdecimal() for number in numbers):
        raise InputError("These are no steps.", got=text, expected="numbers with commas between, all, or newest")
    return [int(number) for number in numbers]
