"""What is known of every sample, column by column, in one of three forms: categories, numbers or text."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from embedding_lab.board.dashboard.cache import Cache

MOST_CATEGORIES = 65_534
"""A u16 code holds so many, and one for what is missing."""

MOST_TEXTS = 4096
"""Text with more different values is no category: nobody tells so many colours apart."""

FEW_TEXTS = 50
"""Up to so many different values are categories however few samples there are."""

MISSING = 0xFFFF
BINS = 50

Source = Literal["sample", "output", "note", "map"]


@dataclass(frozen=True, eq=False)
class Category:
    """Codes u16 of shape (n,), positions in `names`; 0xFFFF where a sample has none."""

    codes: NDArray[np.uint16]
    names: tuple[str, ...]
    kind: Literal["category"] = "category"

    @property
    def size_bytes(self) -> int:
        return self.codes.nbytes + 100 * len(self.names)


@dataclass(frozen=True, eq=False)
class Number:
    """Values float32 or float64 of shape (n,); NaN where a sample has none. Times are seconds since 1970."""

    values: NDArray[np.floating[Any]]
    kind: Literal["number"] = "number"

    @property
    def size_bytes(self) -> int:
        return self.values.nbytes


@dataclass(frozen=True, eq=False)
class Text:
    """Texts as an Arrow array of n; null where a sample has none."""

    texts: pa.Array
    kind: Literal["text"] = "text"

    @property
    def size_bytes(self) -> int:
        return int(self.texts.nbytes)


Values = Category | Number | Text


@dataclass(frozen=True, eq=False)
class Column:
    """A column that is read when it is first needed.

    Attributes:
        name: what it is called.
        source: whether it belongs to the samples, to what the model or people said of them, or to a map.
        key: says of which file and generation it is.
        read: reads it whole, in the order of the rows.
        media: "audio" or "image" where it names files that the page can show; None where it does not.
    """

    name: str
    source: Source
    key: Hashable
    read: Callable[[], Values]
    media: str | None = None

    @property
    def generation(self) -> str:
        """Changes with the values; the page keeps a column by it."""
        return hashlib.sha256(repr(self.key).encode(errors="surrogatepass")).hexdigest()[:16]

    def values(self, cache: Cache) -> Values:
        """The column, read once."""
        return cache.get(("column", self.key, self.name), self.read, lambda values: values.size_bytes)

    def description(self, cache: Cache) -> dict[str, Any]:
        """What the page knows of the column before it asks for it, made once."""

        def make() -> dict[str, Any]:
            said = described(self.values(cache))
            said |= {} if self.media is None else {"media": self.media}
            return {"name": self.name, "source": self.source, "generation": self.generation, **said}

        return cache.get(("description", self.key, self.name), make, lambda made: 1000 + len(repr(made)))


def described(values: Values) -> dict[str, Any]:
    """A column's kind, and its categories with their counts or its range with a histogram."""
    if isinstance(values, Category):
        counts = np.bincount(values.codes, minlength=MISSING + 1)
        return {
            "kind": "category",
            "categories": list(values.names),
            "counts": counts[: len(values.names)].tolist(),
            "missing": int(counts[MISSING]),
        }
    if isinstance(values, Text):
        return {"kind": "text", "missing": int(values.texts.null_count)}
    finite = values.values[np.isfinite(values.values)]
    facts: dict[str, Any] = {"kind": "number", "missing": len(values.values) - len(finite)}
    if len(finite):
        low, high = float(finite.min()), float(finite.max())
        counts, edges = np.histogram(finite.astype(np.float64), BINS, (low, high) if low < high else None)
        facts |= {"min": low, "max": high, "histogram": {"edges": edges.tolist(), "counts": counts.tolist()}}
    else:
        facts |= {"min": None, "max": None, "histogram": None}
    return facts


def from_classes(numbers: NDArray[np.int64], names: Sequence[str] | None) -> Values:
    """Class numbers as categories by the names of the classes; below 0 there is none."""
    highest = int(numbers.max(initial=-1))
    known = list(names or ())
    if max(highest + 1, len(known)) > MOST_CATEGORIES:
        return Number(np.where(numbers < 0, np.nan, numbers.astype(np.float64)))
    known += [str(number) for number in range(len(known), highest + 1)]
    return Category(np.where(numbers < 0, MISSING, numbers).astype(np.uint16), tuple(known))


def from_arrow(column: pa.ChunkedArray) -> Values:
    """A column of a table as the page can use it."""
    column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    kind = column.type
    if pa.types.is_boolean(kind):
        codes = pc.fill_null(column.cast(pa.uint16()), MISSING)
        return Category(np.asarray(codes), ("no", "yes"))
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return Number(_numbers(column))
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return Number(_numbers(column.cast(pa.timestamp("us")).cast(pa.int64())) / 1e6)
    return from_texts(column if _is_text(kind) else _as_texts(column))


def from_texts(texts: pa.Array) -> Category | Text:
    """Texts as categories where there are few different ones; those that end in numbers in their order."""
    encoded = texts.dictionary_encode()
    different = len(encoded.dictionary)
    if different > MOST_TEXTS or (different > FEW_TEXTS and different > len(texts) // 2):
        return Text(texts)
    names = [str(name) for name in encoded.dictionary.to_pylist()]
    order = sorted(range(different), key=lambda at: _as_people_sort(names[at]))
    place = np.empty(different + 1, np.uint16)
    place[order], place[-1] = np.arange(different), MISSING
    codes = np.asarray(pc.fill_null(encoded.indices, different))
    return Category(place[codes], tuple(names[at] for at in order))


def _as_people_sort(text: str) -> list[tuple[bool, int, str]]:
    return [
        (not part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in re.split(r"(\d{1,18})", text)
    ]


def _numbers(column: pa.Array) -> NDArray[np.floating[Any]]:
    """Numbers as floats that hold them; half the memory where single precision was stored."""
    narrow = pa.types.is_float32(column.type) or pa.types.is_float16(column.type)
    small = pa.types.is_integer(column.type) and column.type.bit_width <= 16
    values = column.to_numpy(zero_copy_only=False)
    return np.asarray(values, np.float32 if narrow or small else np.float64)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _as_texts(column: pa.Array) -> pa.Array:
    return pa.array([None if value is None else str(value) for value in column.to_pylist()], pa.string())
