"""The route of sounds and pictures in columns: the file of one sample, as it was logged."""

from __future__ import annotations

from embedding_lab.board.dashboard.answers import Answer, tag_of
from embedding_lab.board.dashboard.asked import Asked
from embedding_lab.board.dashboard.library import Library
from embedding_lab.board.dashboard.places import set_of
from embedding_lab.errors import DataMissing, one_of


def media(library: Library, asked: Asked) -> Answer:
    """The file that a column holds of a sample: a sound or a picture, told by its first bytes, and nothing else."""
    found = set_of(library, asked)
    name = asked.text("name")
    if name not in found.media:
        raise one_of("Column of sounds or pictures", name, found.media)
    column, row = found.media[name], asked.number("row", 0, found.rows - 1)
    file = column.file(row)
    if file is None:
        raise DataMissing(f"Row {row} has nothing in the column {name[:80]!r}.")
    return Answer(lambda: file[0], file[1], tag_of(found.key, column.generation, name, row))
