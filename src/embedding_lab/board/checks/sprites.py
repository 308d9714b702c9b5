"""Checks of the Projector's sheets of thumbnails: too large for the page, or with pictures at the wrong points."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from embedding_lab.board.checks.entry_mends import entry_mend, put_thumbnails, take_file_out
from embedding_lab.board.checks.finding import Finding, Mend
from embedding_lab.board.checks.logdir import LogDir
from embedding_lab.board.checks.meant import points_of_entries
from embedding_lab.board.checks.mender import Mender
from embedding_lab.board.checks.projector_files import Entry
from embedding_lab.board.checks.sheets import MOST_PIXELS, grid_of, picture_size
from embedding_lab.board.thumbnails import SHEET_PIXELS


def check_sprites(logdir: LogDir) -> Iterator[Finding]:
    """Sheets of thumbnails that the page refuses, waits for, or reads in the wrong order."""
    for entry, points in points_of_entries(logdir):
        path = entry.meant("sprite")
        if path is not None:
            yield from _judged(entry, path, points)


def _judged(entry: Entry, path: Path, points: int) -> Iterator[Finding]:
    size = picture_size(path)
    if size is None:
        yield _finding(
            "sprite-unreadable",
            entry,
            "its sheet of thumbnails is no picture, so the page waits at 'Fetching sprite image…' for ever",
            path,
            "",
            "Write it again, or take it out of the list.",
            take_file_out(entry, "sprite"),
        )
        return
    width, height = size
    cell = tuple(entry.proto.sprite.single_image_dim)
    grid = grid_of(size, cell)
    if grid is None:
        yield _finding(
            "sprite-dimensions",
            entry,
            "its sheet of thumbnails cannot be cut into pictures",
            path,
            f"{width} × {height} pixels, single_image_dim {list(cell)}",
            "Name the width and height of one thumbnail; --fix takes the sheet out of the list.",
            take_file_out(entry, "sprite"),
        )
        return
    columns, rows = grid
    got = f"{width} × {height} pixels, {columns} × {rows} pictures for {points:,} points"
    mend = _retiler(entry, path, points) if width * height <= MOST_PIXELS else None
    if columns * rows < min(points, SHEET_PIXELS**2):
        yield _finding(
            "sprite-too-few",
            entry,
            "its sheet has fewer pictures than there are points, so the last points have none or a wrong one",
            path,
            got,
            "Write a sheet with one picture per point; --fix leaves the last points without one.",
            mend,
        )
    elif max(size) > SHEET_PIXELS:
        yield _finding(
            "sprite-too-large",
            entry,
            f"its sheet is larger than {SHEET_PIXELS:,} pixels, so the page refuses it and stays unusable",
            path,
            got,
            f"Put smaller pictures on a square sheet of at most {SHEET_PIXELS:,} pixels.",
            mend,
        )
    elif columns != rows:
        yield _finding(
            "sprite-not-square",
            entry,
            "its sheet has not as many rows as columns, so the pictures belong to the wrong points",
            path,
            got,
            "Put the pictures on a square sheet.",
            mend,
        )


def _finding(name: str, entry: Entry, what: str, path: Path, got: str, remedy: str, mend: Mend | None) -> Finding:
    return Finding(
        name,
        "error",
        "Projector",
        f"{entry.name!r}: {what}.",
        run=entry.file.run,
        file=path,
        got=got,
        rule=f"as many rows as columns, filled row by row, at most {SHEET_PIXELS:,} pixels a side",
        remedy=remedy,
        mend=mend,
    )


def _retiler(entry: Entry, path: Path, points: int) -> Mend:
    def change(mender: Mender, new: Any) -> None:
        put_thumbnails(mender, entry, new, path, range(points))

    return entry_mend(entry, "put its thumbnails on a square sheet", change)
