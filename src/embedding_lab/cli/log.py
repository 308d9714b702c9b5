"""`embedding-lab log`: the user's own vectors, from a file of any kind, for the lab and for the Projector."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from embedding_lab.cli.examined import show_examined
from embedding_lab.cli.options import Debug, Json, LogDir, RunName, Step
from embedding_lab.cli.progress import shown_progress
from embedding_lab.cli.written import written


def log(
    file: Annotated[
        Path,
        typer.Argument(
            help="Vectors, one row per sample: .npy, .npz, .safetensors, .parquet, .arrow, .feather, .csv, .tsv, "
            ".json, .jsonl, .ndjson, words' .vec, .txt, .w2v, .glove or .bin, packed too (.gz, .bz2, .xz, .zst); "
            "or a log directory that others filled for the Projector."
        ),
    ],
    vectors: Annotated[
        str | None,
        typer.Option("--vectors", help="The columns or array that are the vectors, with commas between."),
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option("--labels", help="A label per sample: a column of FILE, a .npy file, or lines of text."),
    ] = None,
    ids: Annotated[
        str | None,
        typer.Option("--ids", help="A unique name per sample: as for --labels."),
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option(
            "--images", help="A picture per sample: a .npy file (n, height, width[, channels]), or lines of paths."
        ),
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
    from embedding_lab.app.logged_files import log_file
    from embedding_lab.embeddings import open_run, run_folder
    from embedding_lab.embeddings.gallery import as_pictures
    from embedding_lab.tables import Choice, bare_stem, read_column

    in_files = {"labels": labels, "ids": ids}
    elsewhere = {part: read_column(Path(name)) for part, name in in_files.items() if name and _is_file(name)}
    choice = Choice(
        vectors=() if vectors is None else [name.strip() for name in vectors.split(",")],
        labels=None if "labels" in elsewhere else labels,
        ids=None if "ids" in elsewhere else ids,
    )
    with run_folder(logdir, run, bare_stem(file)) as into, shown_progress() as progress:
        names, export = log_file(
            into,
            file,
            layer=layer,
            step=step,
            choice=choice,
            images=None if images is None else as_pictures(read_column(images), folder=images.parent),
            progress=progress,
            **elsewhere,
        )
    opened = open_run(into)
    show_examined(*written(into, [opened.embeddings(name, step) for name in names], export.notes), logdir, as_json)


def _is_file(name: str) -> bool:
    """Whether a file is meant, rather than a column: it is there, or its name ends as those that are read do."""
    return Path(name).is_file() or Path(name).suffix in (".npy", ".txt", ".tsv", ".csv")
