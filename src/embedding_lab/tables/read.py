"""Opens a file of vectors by what its name says it is."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from embedding_lab.errors import DataMissing, InputError
from embedding_lab.tables.arrays import read_array
from embedding_lab.tables.batches import READERS, USUAL_DELIMITERS, parts_of, read_batches, told_of
from embedding_lab.tables.found import Choice, Found
from embedding_lab.tables.packed import PACKED, unpacked
from embedding_lab.tables.roles import found_in
from embedding_lab.tables.spool import Spool
from embedding_lab.tables.tensors import read_npz, read_safetensors
from embedding_lab.tables.words import read_words

TABLES = (*READERS, *USUAL_DELIMITERS)
CHOOSABLE = {".npz": ("vectors", "labels", "ids"), ".safetensors": ("vectors",)} | dict.fromkeys(
    TABLES, ("vectors", "labels", "ids")
)
"""What of a file of a kind can be named; all other kinds hold the vectors alone."""

WORDS = (".vec", ".txt", ".w2v", ".glove", ".bin")
SUFFIXES = (".npy", ".npz", ".safetensors", *TABLES, *WORDS)


@contextlib.contextmanager
def open_vectors(path: Path, choice: Choice) -> Iterator[Found]:
    """What a file of vectors holds; what is memory-mapped goes when the block ends.

    Args:
        path: a file that ends in one of `SUFFIXES`, or in one of these and one of `PACKED`; or a folder with the
            parts of a table.
        choice: names of its parts that the user gives.

    Raises:
        DataMissing: there is no such file, or no table in the folder.
        BrokenFile: it is not what its name says.
        InputError and its kinds: nothing in it, or too much, may be vectors, or it has no parts to be named.
        StorageError: the disk refuses.
    """
    if path.is_dir():
        parts = parts_of(path)
        if not parts:
            raise DataMissing(
                f"There is no table in the folder {str(path)!r}.",
                expected="the parts of one table, as Parquet, Arrow or JSON",
                remedy="Name the file itself.",
            )
        with Spool() as spool:
            yield _table(parts, choice, spool, path)
        return
    bare = path.with_suffix("") if path.suffix.lower() in PACKED else path
    suffix = bare.suffix.lower()
    if not path.is_file():
        raise DataMissing(f"There is no file {str(path)!r}.", remedy="Check the path.")
    if suffix not in SUFFIXES:
        raise InputError(
            f"{path} is of a kind that is not known.",
            expected=f"a file in {', '.join(SUFFIXES)}, which may be packed as {', '.join(PACKED)}",
            remedy="Read it in Python, and hand the vectors to lab.log_embeddings.",
        )
    _refuse_needless(bare, choice)
    with Spool() as spool, unpacked(path) as file:
        if suffix == ".npy":
            yield Found(read_array(file))
        elif suffix == ".npz":
            yield read_npz(file, choice)
        elif suffix == ".safetensors":
            yield read_safetensors(file, choice, spool)
        elif suffix in WORDS:
            yield read_words(file, spool)
        else:
            yield _table([file], choice, spool, path.parent)


def _refuse_needless(path: Path, choice: Choice) -> None:
    """A name of a part is never passed over: it may be a mistyped path too."""
    for part, name in (("vectors", ",".join(choice.vectors)), ("labels", choice.labels), ("ids", choice.ids)):
        if name and part not in CHOOSABLE.get(path.suffix.lower(), ()):
            raise InputError(
                f"{path} holds nothing beside the vectors that could be called {name!r}.",
                got=f"--{part} {name}, which is no file either",
                expected="a column where FILE is a table, or the path of a file with one value per sample",
                remedy="Check the path, or leave the option out.",
            )


def _table(parts: Sequence[Path], choice: Choice, spool: Spool, folder: Path) -> Found:
    """The content of a table; whatever its columns hold, what cannot be read is told with the file's name."""
    path = parts[0]
    said: list[str] = []
    with told_of(path if len(parts) == 1 else folder, path.suffix):
        found = found_in(read_batches(*parts, said=said), choice, spool, folder)
        return replace(found, said=(*said, *found.said))
