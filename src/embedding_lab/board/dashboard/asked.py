"""What a request asks for, checked before anything is done: every wrong value gets an answer that says why."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from werkzeug.wrappers import Request

from embedding_lab.board.dashboard.row_code import decode_rows, longest_code
from embedding_lab.errors import InputError

LONGEST_TEXT = 2000
LARGEST_BODY_BYTES = 64 << 20
"""The ids of two million samples; rows take far less."""

STATIC = "static"


class Asked:
    """The parameters of a request: of its address, or of its JSON body.

    Args:
        request: the request, read no further than the limits.
    """

    def __init__(self, request: Request) -> None:
        self.request = request
        self._given: Mapping[str, Any] = body_of(request) if request.method == "POST" else request.args.to_dict()

    def has(self, name: str) -> bool:
        """Whether a parameter is given."""
        return self._given.get(name) is not None

    def text(self, name: str, default: str | None = None, *, longest: int = LONGEST_TEXT) -> str:
        """A parameter that is text.

        Raises:
            InputError: it is missing, too long, or no text.
        """
        given = self._given.get(name, default)
        if given is None:
            raise InputError(f"The request names no {name!r}.", expected=f"a parameter {name!r}")
        if not isinstance(given, str) or "\0" in given:
            raise InputError(f"{name!r} is no text.", got=_short(given), expected="text")
        if len(given) > longest:
            raise InputError(
                f"{name!r} is too long.", got=f"{len(given):,} characters", expected=f"{longest:,} at most"
            )
        return given

    def optional_text(self, name: str) -> str | None:
        """A parameter that is text; None where it is missing or empty."""
        return self.text(name, "") or None

    def one_of(self, name: str, choices: tuple[str, ...], default: str | None = None) -> str:
        """A parameter that is one of a few words.

        Raises:
            InputError: it is another word.
        """
        given = self.text(name, default)
        if given not in choices:
            raise InputError(f"{name!r} is not known.", got=_short(given), expected=f"one of {', '.join(choices)}")
        return given

    def number(self, name: str, low: int, high: int, default: int | None = None) -> int:
        """A parameter that is a whole number.

        Args:
            name: the parameter.
            low: the smallest value.
            high: the largest value.
            default: where it is missing.

        Raises:
            InputError: it is no whole number, or out of range.
        """
        given = self._given.get(name, default)
        number = whole_number(given)
        if number is None or not low <= number <= high:
            raise InputError(
                f"{name!r} is out of range.", got=_short(given), expected=f"a whole number from {low:,} to {high:,}"
            )
        return number

    def real(self, name: str) -> float:
        """A parameter that is any finite number, as it came.

        Raises:
            InputError: it is none.
        """
        given = self._given.get(name)
        if isinstance(given, bool) or not isinstance(given, int | float) or not math.isfinite(given):
            raise InputError(f"{name!r} is no number.", got=_short(given), expected="a number")
        return given

    def step(self) -> int | None:
        """The step that the request names: a number, or "static" or none where nothing changes."""
        given = self._given.get("step")
        if given in (None, "", STATIC):
            return None
        number = whole_number(given)
        if number is None or not 0 <= number < 1 << 63:
            raise InputError("The step is no step.", got=_short(given), expected=f"a whole number or {STATIC!r}")
        return number

    def few_rows(self, name: str, total: int, most: int) -> list[int]:
        """A parameter that is a few row numbers between commas.

        Raises:
            InputError: it holds something else, too many, or rows that do not exist.
        """
        given = self.text(name, longest=20 * most).split(",", most + 1)
        if len(given) > most:
            raise InputError(f"There are too many {name}.", got=f"more than {most:,}", expected=f"{most:,} at most")
        rows = [whole_number(each) for each in given]
        for row, text in zip(rows, given, strict=True):
            if row is None or not 0 <= row < total:
                raise InputError(
                    "A row does not exist.", got=_short(text), expected=f"whole numbers from 0 to {total - 1:,}"
                )
        return [row for row in rows if row is not None]

    def rows(self, name: str, total: int, most: int | None = None) -> NDArray[np.int64]:
        """A parameter that is any number of rows, as `row_code.py` writes them: ascending, each once.

        Raises:
            InputError: it is something else, holds none or too many, or rows that do not exist.
        """
        text = self.text(name, longest=longest_code(total))
        try:
            rows = decode_rows(text)
        except ValueError as error:
            raise InputError(
                f"{name!r} is no set of rows.",
                got=f"{_short(text)}: {error}",
                expected="row numbers as the page codes them",
            ) from error
        if not len(rows) or rows[-1] >= total:
            got = f"row {rows[-1]:,}" if len(rows) else "none"
            raise InputError("These rows do not exist.", got=got, expected=f"rows from 0 to {total - 1:,}")
        if most is not None and len(rows) > most:
            raise InputError(f"There are too many {name}.", got=f"{len(rows):,}", expected=f"{most:,} at most")
        return rows

    def texts(self, name: str, most: int) -> list[str]:
        """A parameter that is a list of texts.

        Raises:
            InputError: it holds something else, or too many.
        """
        given = self._given.get(name)
        if not isinstance(given, list) or not all(isinstance(each, str) for each in given):
            raise InputError(f"{name!r} is no list of texts.", got=_short(given), expected="a list of texts")
        if len(given) > most:
            raise InputError(f"There are too many {name}.", got=f"{len(given):,}", expected=f"{most:,} at most")
        return given

    def part(self, name: str) -> Asked:
        """A parameter that is an object with parameters of its own."""
        given = self._given.get(name)
        if not isinstance(given, dict):
            raise InputError(f"{name!r} is no object.", got=_short(given), expected="an object")
        part = object.__new__(Asked)
        part.request, part._given = self.request, given
        return part

    def plain(self, name: str) -> dict[str, Any]:
        """A parameter that is an object, as it is; an empty one where it is missing."""
        given = self._given.get(name)
        if given is None:
            return {}
        if not isinstance(given, dict):
            raise InputError(f"{name!r} is no object.", got=_short(given), expected="an object")
        return given


def body_of(request: Request) -> Mapping[str, Any]:
    """The JSON object in a request's body.

    Raises:
        InputError: it is too large, or something else.
    """
    if (request.content_length or 0) > LARGEST_BODY_BYTES:
        raise InputError(
            "The request is too large.", got=f"{request.content_length:,} bytes", expected=f"{LARGEST_BODY_BYTES:,}"
        )
    try:
        body = json.loads(request.get_data(cache=False))
    except (ValueError, RecursionError) as error:
        raise InputError("The request is no JSON.", got=str(error), expected="a JSON object") from error
    if not isinstance(body, dict):
        raise InputError("The request is no JSON object.", got=type(body).__name__, expected="an object")
    return body


def whole_number(given: Any) -> int | None:
    """A whole number from JSON or from an address; None where it is none."""
    if isinstance(given, bool):
        return None
    if isinstance(given, int):
        return given
    if isinstance(given, float):
        return int(given) if math.isfinite(given) and given == int(given) else None
    if isinstance(given, str) and given.isascii() and given.removeprefix("-").isdecimal() and len(given) < 20:
        return int(given)
    return None


def _short(given: Any) -> str:
    return "nothing" if given is None else repr(given)[:80]
