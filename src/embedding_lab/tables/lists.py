"""Reads texts that say a list of numbers: as JSON has them, and as Python and numpy print them."""

from __future__ import annotations

import json
import re
from typing import Any

import pyarrow as pa

from embedding_lab.errors import InputError

IN_BRACKETS = re.compile(r"\s*(?:array\()?[\[(](.*?)[\])](?:, dtype=\w+\))?\)?\s*", re.DOTALL)
SHORTENED = "..."


def list_in(cell: str | None, bare: bool = False) -> Any:
    """The list that a cell such as "[0.1, 0.2]" or "[0.1 0.2]" says; None where it says anything else.

    Args:
        cell: the text.
        bare: whether numbers with spaces or commas between them, without brackets, are a list too.
    """
    found = json_list_in(cell)
    return _printed(cell or "", bare) if found is None else found


def json_list_in(cell: str | None) -> Any:
    """The list that a cell says in JSON; None where it says anything else."""
    try:
        found = json.loads(cell or "null")
    except ValueError:
        return None
    return found if isinstance(found, list) else None


def lists_in(column: pa.Array, name: str) -> pa.Array:
    """The lists that texts say, one for each; None where a text is missing.

    Raises:
        InputError: a text says no list.
    """
    texts = column.to_pylist()
    lists = [list_in(text, bare=True) for text in texts]
    for text, each in zip(texts, lists, strict=True):
        if text and each is None:
            cut = SHORTENED in text and IN_BRACKETS.fullmatch(text)
            raise no_vectors(name, f"the text {text!r:.60}", remedy=NOT_WHOLE if cut else "")
    return pa.array(lists)


def no_vectors(name: str, got: str, remedy: str = "") -> InputError:
    """The error for a column that cannot be the vectors."""
    return InputError(
        f"The column {name!r} holds no vectors.",
        got=got,
        expected='numbers, lists of numbers of one length, or texts such as "[0.1, 0.2]"',
        remedy=remedy,
    )


NOT_WHOLE = "Numpy leaves out the middle of long arrays where it prints them: write array.tolist() instead."


def _printed(text: str, bare: bool) -> list[float] | None:
    """The numbers of an array of numpy or a tuple as Python prints them."""
    found = IN_BRACKETS.fullmatch(text)
    numbers = found[1] if found else text if bare else ""
    words = numbers.strip().removesuffix(",").split("," if "," in numbers else None)
    try:
        return [float(word) for word in words] if found or len(words) > 1 else None
    except ValueError:
        return None
