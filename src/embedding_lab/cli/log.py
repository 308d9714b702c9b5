"""`embedding-lab log`: the user's own vectors, for the lab and for the Projector."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from embedding_lab.cli.examined import show_examined
from embedding_lab.cli.options import Debug, Json, LogDir, RunName, Step
from embedding_lab.cli.progress import shown_progress
from embedding_lab.cli.written import written


def log(
    file: Annotated[Path, typer.Argument(help="A .npy file of vectors, one row per sample.")],
    labels: Annotated[
        Path | None,
        typer.Option("--labels", help="A label per sample: a .npy file, or text with one on each line."),
    ] = None,
    ids: Annotated[
        Path | None,
        typer.Option("--ids", help="A unique name per sample: a .npy file, or text with one on each line."),
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option("--images", help="A picture per sample: a .npy file, uint8 (n, height, width[, 3])."),
    ] = None,
    layer: Annotated[
        str | None, typer.Option("--layer", help="A name for the vectors; default the file's.")
    ] = None,
    logdir: LogDir = Path("logs"),
    run: RunName = None,
    step: Step = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Log vectors of your own."""
    from embedding_lab.app.loggers import log_embeddings
    from embedding_lab.cli.arrays import read_array, read_column
    from embedding_lab.embeddings import open_run, run_folder

    vectors = read_array(file)
    name = layer or file.stem
    with run_folder(logdir, run, file.stem) as into, shown_progress() as progress:
        export = log_embeddings(
            into,
            vectors,
            layer=name,
            step=step,
            labels=None if labels is None else read_column(labels),
            ids=None if ids is None else read_column(ids),
            images=None if images is None else read_array(images),
            progress=progress,
        )
    show_examined(*written(into, [open_run(into).embeddings(name, step)], export.notes), logdir, as_json)
