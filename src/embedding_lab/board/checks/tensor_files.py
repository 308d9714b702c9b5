"""Reads a tensor file as TensorBoard would, and says what it was meant to be where TensorBoard fails.

TensorBoard takes a file for text, numbers between tabs, as long as its lines can be read as UTF-8; only when
that fails does it read raw float32 and needs a shape. It knows no other form.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding_lab.embeddings.vectors import NO_ARRAY

LONGEST_LINE = 1 << 24
MOST_ROWS = 100_000
"""The page shows the first so many; numbers behind them are not looked at."""

Loader = Callable[[], NDArray[Any]]

NO_SHAPE = "raw numbers without a tensor_shape"
WRONG_SIZE = "a file whose size does not fit its tensor_shape"
TAKEN_FOR_TEXT = "raw numbers that begin like text"
ALL_ZERO = "raw numbers that are all zero"
RAGGED = "lines with different numbers of values"
NOT_NUMBERS = "text that is no table of numbers"
_FOREIGN_NUMBERS = (np.dtype("<f8"), np.dtype("<f2"))
_DELIMITERS = {",": "commas", ";": "semicolons", " ": "spaces"}


@dataclass(frozen=True, eq=False)
class Tensor:
    """A tensor file.

    Attributes:
        path: the file.
        shape: (rows, dims) as TensorBoard gets it; () where it fails, or gets no table.
        problem: what the file is instead, where TensorBoard fails on it; "" where it reads it.
        load: gives the vectors that were meant, shape (rows, dims); None where nobody can say.
        text: whether TensorBoard reads it as text.
    """

    path: Path
    shape: tuple[int, ...]
    problem: str = ""
    load: Loader | None = None
    text: bool = False


def read_tensor(path: Path, shape: tuple[int, ...]) -> Tensor:
    """Looks into a tensor file.

    Args:
        path: the file, which exists.
        shape: the tensor_shape of the list; () where it gives none.
    """
    try:
        with path.open("rb") as file:
            if file.read(6) == b"\x93NUMPY":
                return _numpy(path)
        first = _first_line(path)
        if first is None:
            return _raw(path, shape)
        return _text(path, first, shape)
    except (OSError, ValueError, MemoryError) as error:
        return Tensor(path, (), f"a file that cannot be read ({str(error)[:200]})")


def raw_values(path: Path, dtype: Any, dims: int) -> Loader:
    """Reads plain numbers row by row when asked to, mapped from disk."""
    return lambda: np.memmap(path, dtype, "r").reshape(-1, dims)


def _first_line(path: Path) -> str | None:
    """The first line that is not blank; None where it is no text, by which TensorBoard knows raw numbers."""
    with path.open("rb") as file:
        while line := file.readline(LONGEST_LINE):
            if line != b"\n":
                try:
                    return line.decode()
                except UnicodeDecodeError as error:
                    cut_through_a_letter = len(line) == LONGEST_LINE and error.end == len(line)
                    return "" if cut_through_a_letter else None
    return ""


def _numpy(path: Path) -> Tensor:
    try:
        values = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, *NO_ARRAY) as error:
        return Tensor(path, (), f"a NumPy file that cannot be read ({str(error)[:200]})")
    load = (lambda: values) if values.ndim == 2 and values.dtype.kind in "fiu" and values.size else None
    return Tensor(path, (), f"a NumPy file ({values.dtype}, shape {values.shape})", load)


def _raw(path: Path, shape: tuple[int, ...]) -> Tensor:
    size = path.stat().st_size
    if not shape:
        return Tensor(path, (), NO_SHAPE)
    count = math.prod(shape)
    if len(shape) == 2 and min(shape) > 0:
        if size == 4 * count:
            return Tensor(path, shape, load=raw_values(path, "<f4", shape[1]))
        single = raw_values(path, "<f4", shape[1])
        for dtype in _FOREIGN_NUMBERS:
            if size != dtype.itemsize * count:
                continue
            foreign = raw_values(path, dtype, shape[1])
            # Pairs of small float32 make a sensible float64; pairs of float16 make a sensible float32.
            if (dtype.itemsize < 4 or not _plausible(single)) and _plausible(foreign):
                return Tensor(path, (), f"raw {dtype.name} where float32 is read", foreign)
        whole = size % (4 * shape[1]) == 0 and size > 0
        return Tensor(path, (), WRONG_SIZE, single if whole else None)
    return Tensor(path, (), f"a tensor of shape {list(shape)}, where a table is needed")


def _plausible(load: Loader) -> bool:
    """Whether numbers read in a foreign form make sense: bytes read in the wrong form hardly ever do."""
    values = load()[:1000]
    sizes = np.abs(values[values != 0].astype(np.float64))
    return bool(np.isfinite(sizes).all() and (sizes < 1e9).all() and (sizes > 1e-30).all())


def _text(path: Path, first: str, shape: tuple[int, ...]) -> Tensor:
    if "\0" in first:  # no one writes that into a text
        if len(shape) == 2 and path.stat().st_size == 4 * math.prod(shape) > 0:
            load = raw_values(path, "<f4", shape[1])
            return Tensor(path, (), TAKEN_FOR_TEXT if load()[:MOST_ROWS].any() else ALL_ZERO, load)
        return Tensor(path, (), TAKEN_FOR_TEXT)
    if _numbers_in(first, "\t"):
        return _table(path)
    for delimiter, name in _DELIMITERS.items():
        if delimiter in first and _numbers_in(first, delimiter):
            return _foreign_text(path, f"numbers between {name}, not tabs", _text_loader(path, delimiter))
    lines = _lines(path, 2)
    for delimiter in ("\t", *_DELIMITERS):
        if len(lines) == 2 and _numbers_in(lines[1], delimiter):
            return _foreign_text(path, "numbers below a header", _text_loader(path, delimiter, header=True))
    return Tensor(path, (), NOT_NUMBERS)


def _foreign_text(path: Path, problem: str, load: Loader) -> Tensor:
    """A table in another form, where all of it is one."""
    try:
        load()
    except ValueError:
        return Tensor(path, (), NOT_NUMBERS)
    return Tensor(path, (), problem, load)


def _table(path: Path) -> Tensor:
    widths = set()
    rows = 0
    try:
        with path.open(encoding="utf-8", newline="\n") as lines:
            for line in lines:
                if line != "\n":
                    widths.add(line.count("\t") + 1)
                    rows += 1
    except UnicodeDecodeError:
        return Tensor(path, (), NOT_NUMBERS)
    if len(widths) != 1:
        return Tensor(path, (), RAGGED)
    load = _text_loader(path, "\t")
    try:
        load()
    except ValueError:
        return Tensor(path, (), NOT_NUMBERS)
    return Tensor(path, (rows, widths.pop()), load=load, text=True)


def _text_loader(path: Path, delimiter: str, *, header: bool = False) -> Loader:
    between = None if delimiter == " " else delimiter

    def load() -> NDArray[Any]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # no line at all is no reason to warn
            return np.loadtxt(
                path, np.float32, comments=None, delimiter=between, skiprows=int(header), ndmin=2, encoding="utf-8"
            )

    return load


def _numbers_in(line: str, delimiter: str) -> bool:
    try:
        return len([float(cell) for cell in line.strip("\r\n").strip(" ").split(delimiter)]) > 0
    except ValueError:
        return False


def _lines(path: Path, count: int) -> list[str]:
    with path.open("rb") as file:
        lines = (line.decode("utf-8", "replace") for line in iter(lambda: file.readline(LONGEST_LINE), b""))
        return [line for line, _ in zip((each for each in lines if each.strip()), range(count), strict=False)]
