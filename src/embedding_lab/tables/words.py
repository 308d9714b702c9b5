"""Reads vectors of words as word2vec and GloVe write them: as text, and word2vec's binary form."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from embedding_lab.embeddings.files import storage_errors
from embedding_lab.errors import BrokenFile
from embedding_lab.tables.found import Found
from embedding_lab.tables.spool import Spool
from embedding_lab.tables.text_form import WHOLE, is_number

ROWS = 4096
LONGEST_WORD = 10_000
LOOKED_AT = 100
"""So many lines tell whether they begin with words."""


def read_words(path: Path, spool: Spool) -> Found:
    """The words of a file and their vectors.

    Args:
        path: ".bin" holds word2vec's binary form, all else text: "word 0.1 0.2 …", with or without a first line
            that says how many words and dimensions there are; or numbers alone.
        spool: takes the vectors.

    Raises:
        BrokenFile: it is neither, or it is cut short.
        StorageError: the disk refuses.
    """
    words: list[str] = []
    with storage_errors(path), path.open("rb") as file:
        try:
            for names, block in (_binary if path.suffix.lower() == ".bin" else _text)(file):
                words += names
                spool.append(block)
        except (ValueError, EOFError) as error:
            raise BrokenFile(
                f"{path} cannot be read as vectors of words.",
                got=f"{str(error)[:200]} after {len(words):,} words",
                expected="a word and its numbers on each line, or word2vec's binary form in a .bin file",
                remedy="Where commas or semicolons stand between, let its name end in .csv.",
            ) from error
    vectors = spool.vectors()
    if not words:
        return Found(
            vectors,
            said=(f"The file holds numbers alone: {vectors.shape[1]:,} in each of {len(vectors):,} lines.",),
        )
    said = f"The vectors are those of {len(words):,} words: {vectors.shape[1]:,} numbers each."
    if len(set(words)) < len(words):
        return Found(vectors, columns={"word": words}, said=(said, "Words repeat, so they are a column, no ids."))
    return Found(vectors, ids=words, said=(said, "The ids are the words."))


def _text(file: BinaryIO) -> Iterator[tuple[list[str], NDArray[Any]]]:
    first = file.readline()
    count = None
    if len(first.split()) == 2 and all(each.isdigit() for each in first.split()):
        count, dims = map(int, first.split())
        begin = file.tell()
        separator = _separator(file.readline())
    else:
        separator, begin = _separator(first), 0
        dims = len(first.decode("utf-8", "replace").rstrip().split(separator)) - 1
    file.seek(begin)
    if dims == 0:
        raise ValueError(f"no numbers behind {first[:40]!r}")
    if count is None and _holds_no_words(file, separator):
        yield from _numbers(file)
        return
    read = 0
    while lines := list(islice(file, ROWS)):
        # one separator stands between numbers, but words may hold some: GloVe's have ". . ."
        rows = [line.decode("utf-8", "replace").rstrip().rsplit(separator, dims) for line in lines if line.strip()]
        for row in rows:
            if len(row) != dims + 1:
                raise ValueError(f"{len(row) - 1} numbers behind {row[0]!r:.40} in place of {dims}")
        yield [row[0] for row in rows], np.array([row[1:] for row in rows], np.float32)
        read += len(rows)
    if count is not None and read < count:
        raise EOFError(f"the end of the file; its first line says {count:,} words")


def _separator(line: bytes) -> str:
    return "\t" if b"\t" in line else " "


def _holds_no_words(file: BinaryIO, separator: str) -> bool:
    """Whether lines begin with numbers as the rest of them are, as numpy.savetxt has it; whole ones are ids."""
    begin = file.tell()
    lines = [line.decode("utf-8", "replace").strip() for line in islice(file, LOOKED_AT)]
    file.seek(begin)
    firsts = [line.split(separator)[0] for line in lines if line]
    return all(map(is_number, firsts)) and not all(map(WHOLE.fullmatch, firsts))


def _numbers(file: BinaryIO) -> Iterator[tuple[list[str], NDArray[Any]]]:
    while lines := list(islice(file, ROWS)):
        rows = [line.split() for line in lines if line.strip()]
        if any(len(row) != len(rows[0]) for row in rows):
            raise ValueError("lines of different lengths")
        yield [], np.array(rows, np.float32)


def _binary(file: BinaryIO) -> Iterator[tuple[list[str], NDArray[Any]]]:
    first = file.readline(LONGEST_WORD).split()
    if len(first) != 2 or not all(each.isdigit() for each in first):
        raise ValueError("a first line that does not say how many words and numbers there are")
    count, dims = map(int, first)
    for begin in range(0, count, ROWS):
        rows = min(ROWS, count - begin)
        names, block = [], np.empty((rows, dims), np.float32)
        for row in range(rows):
            names.append(_word(file))
            numbers = file.read(4 * dims)
            if len(numbers) < 4 * dims:
                raise EOFError("the end of the file")
            block[row] = np.frombuffer(numbers, "<f4")
        yield names, block


def _word(file: BinaryIO) -> str:
    letters = bytearray()
    while (letter := file.read(1)) != b" ":
        if not letter or len(letters) > LONGEST_WORD:
            raise EOFError("the end of the file" if not letter else "a word without an end")
        if letter != b"\n":  # some writers end each vector with one
            letters += letter
    return letters.decode("utf-8", "replace")
