"""Writes what viewers need beside the vectors: the stock Projector's files, and the pictures of the dashboard."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from embedding_lab.board.stock_projector import ProjectorExport, write_stock_projector
from embedding_lab.embeddings import EmbeddingSet, create_run
from embedding_lab.embeddings.remote_files import remote_address
from embedding_lab.progress import Progress, silent

NOT_THERE = (
    "TensorBoard's own Projector reads nothing from an object store, so nothing was written for it; "
    "`embedding-lab serve --standalone` shows this run."
)


def write_for_viewers(run: Path, sets: Iterable[EmbeddingSet], *, progress: Progress = silent) -> ProjectorExport:
    """Writes what the viewers need beside the vectors; arguments, result and errors as `write_stock_projector`."""
    shown = list(sets)
    into = create_run(run)
    datasets = {id(each.dataset): each.dataset for each in shown}.values()
    said = [sentence for data in datasets for sentence in into.save_media(data)]
    of_tables = {into.save_dataset(data): data for data in datasets if data.pictures}
    with contextlib.ExitStack() as meanwhile:
        for data in of_tables.values():
            meanwhile.enter_context(into.saving_pictures(data))
        if remote_address(run):
            export = ProjectorExport(run, (), (NOT_THERE,), ())
        else:
            export = write_stock_projector(run, shown, progress=progress)
    said += [sentence for data in datasets for sentence in getattr(data.shown, "said", ())]
    return replace(export, notes=(*export.notes, *said))
