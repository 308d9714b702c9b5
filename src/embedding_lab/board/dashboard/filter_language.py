"""The filter language of the search field: `label == 4 and confidence < 0.5`; text comes in, a tree goes out.

    expression  = conjunction ("or" conjunction)*
    conjunction = negation ("and" negation)*
    negation    = "not" negation | "(" expression ")" | comparison
    comparison  = column ("==" | "!=" | "<" | "<=" | ">" | ">=" | "~") value
                | column ["not"] "in" "(" value ("," value)* ")"
                | column "is" ["not"] "missing"
    column      = a bare word, or a name between backticks
    value       = a number, a bare word, text between quotes, or a name between backticks

`~` means contains, whatever the case. A bare word on the right is a column where there is one of that name and
the column on the left has no such value; a name between backticks is always a column.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from embedding_lab.errors import InputError

DEEPEST = 50
MOST_WORDS = 1000
COMPARISONS = ("==", "!=", "<=", ">=", "<", ">", "~", "=")
_TOKEN = re.compile(
    r"""\s*(?:
        (?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?(?![\w.]))
      | (?P<word>[^\W]\w*(?:[.\-/]\w+)*)
      | (?P<text>"[^"]*"|'[^']*')
      | (?P<column>`[^`]+`)
      | (?P<sign>==|!=|<=|>=|[<>~=(),\[\]])
    )""",
    re.VERBOSE,
)
_RESERVED = ("and", "or", "not", "in", "is")


class WrongFilter(InputError):
    """A filter that cannot be read, with the position where it ends to make sense."""

    def __init__(
        self, happened: str, position: int, *, got: str = "", expected: str = "", remedy: str = ""
    ) -> None:
        super().__init__(happened, got=got, expected=expected, remedy=remedy)
        self.position = position


@dataclass(frozen=True)
class Value:
    """What a column is compared with: its text as it was written, and whether it can only be a column or a text."""

    text: str
    form: Literal["number", "word", "text", "column"]
    position: int


@dataclass(frozen=True)
class Comparison:
    """A column compared with one value, or for "in" with several."""

    column: Value
    sign: str
    values: tuple[Value, ...]


@dataclass(frozen=True)
class Missing:
    """Whether a column has no value."""

    column: Value


@dataclass(frozen=True)
class Not:
    """What does not hold."""

    inner: Expression


@dataclass(frozen=True)
class Both:
    """All that must hold ("and"), or one of which must ("or")."""

    word: Literal["and", "or"]
    parts: tuple[Expression, ...]


Expression = Comparison | Missing | Not | Both


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    position: int


def parse(text: str) -> Expression:
    """The tree of a filter.

    Raises:
        WrongFilter: it is none; the position says where.
    """
    return _Parser(list(_tokens(text)), len(text)).whole()


def _tokens(text: str) -> Iterator[_Token]:
    position, end = 0, len(text.rstrip())
    for count in range(MOST_WORDS + 1):
        if position >= end:
            return
        match = _TOKEN.match(text, position)
        if match is None or count == MOST_WORDS:
            start = position + len(text[position:]) - len(text[position:].lstrip())
            raise WrongFilter(
                "The filter cannot be read." if match is None else "The filter is too long.",
                start,
                got=text[start : start + 20],
                remedy="Put text between quotes, and column names with other signs between backticks.",
            )
        kind = str(match.lastgroup)
        yield _Token(kind, match[kind], match.start(kind))
        position = match.end()


class _Parser:
    """Reads tokens from left to right."""

    def __init__(self, tokens: list[_Token], end: int) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0
        self._end = end

    def whole(self) -> Expression:
        expression = self._expression()
        if self._now is not None:
            raise self._wrong("and, or, or the end")
        return expression

    def _expression(self) -> Expression:
        return self._joined("or", lambda: self._joined("and", self._negation))

    def _joined(self, word: Literal["and", "or"], part: object) -> Expression:
        assert callable(part)
        parts = [part()]
        while self._takes(word):
            parts.append(part())
        return parts[0] if len(parts) == 1 else Both(word, tuple(parts))

    def _negation(self) -> Expression:
        self._depth += 1
        if self._depth > DEEPEST:
            raise self._wrong(f"at most {DEEPEST} levels of brackets")
        try:
            if self._takes("not"):
                return Not(self._negation())
            if self._takes("("):
                inner = self._expression()
                self._must(")")
                return inner
            return self._comparison()
        finally:
            self._depth -= 1

    def _comparison(self) -> Expression:
        column = self._value("a column", ("word", "column", "number"))
        if self._takes("is"):
            negated = self._takes("not")
            self._must("missing")
            return Not(Missing(column)) if negated else Missing(column)
        negated = self._takes("not")
        if self._takes("in"):
            within = Comparison(column, "in", self._list())
            return Not(within) if negated else within
        token = self._now
        if negated or token is None or token.text not in COMPARISONS:
            raise self._wrong("in" if negated else f"one of {' '.join(COMPARISONS[:-1])}, in, is")
        self._at += 1
        value = self._value("a value", ("word", "column", "number", "text"))
        return Comparison(column, "==" if token.text == "=" else token.text, (value,))

    def _list(self) -> tuple[Value, ...]:
        closing = ")" if self._takes("(") else "]"
        if closing == "]":
            self._must("[")
        values = [self._value("a value", ("word", "number", "text"))]
        while self._takes(","):
            values.append(self._value("a value", ("word", "number", "text")))
        self._must(closing)
        return tuple(values)

    @property
    def _now(self) -> _Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _takes(self, text: str) -> bool:
        """Steps over a word or sign, if it is the next one."""
        token = self._now
        if token is None or token.kind not in ("word", "sign") or token.text.lower() != text:
            return False
        self._at += 1
        return True

    def _must(self, text: str) -> None:
        if not self._takes(text):
            raise self._wrong(text)

    def _value(self, what: str, kinds: tuple[str, ...]) -> Value:
        token = self._now
        if token is None or token.kind not in kinds or (token.kind == "word" and token.text.lower() in _RESERVED):
            raise self._wrong(what)
        self._at += 1
        form = token.kind
        text = token.text[1:-1] if form in ("text", "column") else token.text
        return Value(text, form, token.position)  # type: ignore[arg-type]

    def _wrong(self, expected: str) -> WrongFilter:
        token = self._now
        return WrongFilter(
            "The filter cannot be read.",
            token.position if token else self._end,
            got=f"{token.text[:40]!r} at position {token.position + 1}" if token else "the end",
            expected=expected,
            remedy="For example: label == 4 and confidence < 0.5",
        )
