"""Reads arrays of numpy and columns of text, each from a file of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from embedding_lab.errors import BrokenFile, DataMissing

OBJECTS = "Python's objects, which may run code when they are loaded"
STACK = "Save vectors of one length as numpy.stack(vectors), and texts as numpy.array(texts, str)."


def read_array(path: Path) -> Any:
    """The array in a .npy file, mapped into memory rather than read.

    Raises:
        DataMissing: there is no such file.
        BrokenFile: it is not a .npy file of numbers or text, or it is cut short.
    """
    import numpy as np

    _must_exist(path)
    try:
        return np.lib.format.open_memmap(path, mode="r")
    except (OSError, ValueError, EOFError) as unreadable:
        objects = "Python objects" in str(unreadable)
        raise BrokenFile(
            f"{path} cannot be read as an array.",
            got=OBJECTS if objects else str(unreadable).rstrip("."),
            expected="a .npy file of numbers or text, whole",
            remedy=STACK if objects else "Write it with numpy.save(path, array).",
        ) from unreadable


def read_column(path: Path) -> Any:
    """One value per sample: the array in a .npy file, or the lines of a text file.

    Raises:
        DataMissing: there is no such file.
        BrokenFile: it is neither.
    """
    if path.suffix == ".npy":
        return read_array(path)
    _must_exist(path)
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as unreadable:
        raise BrokenFile(
            f"{path} is not a text file.",
            got=str(unreadable),
            expected="UTF-8 text with one value per line, or a .npy file",
        ) from unreadable


def _must_exist(path: Path) -> None:
    if not path.is_file():
        raise DataMissing(f"There is no file {str(path)!r}.", remedy="Check the path.")
