"""Which samples fulfil a filter, column by column and without a loop over samples."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from embedding_lab.board.dashboard.columns import MISSING, Category, Number, Text, Values
from embedding_lab.board.dashboard.filter_language import (
    Both,
    Comparison,
    Expression,
    Missing,
    Not,
    Value,
    WrongFilter,
)

Mask = NDArray[np.bool_]
ColumnsOf = Callable[[str], Values]

_SIGNS: Mapping[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class Filter:
    """A filter over the columns of a sample set.

    Args:
        names: the columns there are.
        values: reads one of them.
    """

    def __init__(self, names: list[str], values: ColumnsOf) -> None:
        self._names = names
        self._values = values

    def mask(self, expression: Expression) -> Mask:
        """Whether each sample fulfils it, bool, shape (n,). What is missing fulfils no comparison.

        Raises:
            WrongFilter: a column does not exist or cannot be compared so.
        """
        if isinstance(expression, Both):
            whole = self.mask(expression.parts[0])
            for part in expression.parts[1:]:
                whole = whole & self.mask(part) if expression.word == "and" else whole | self.mask(part)
            return whole
        if isinstance(expression, Not):
            return ~self.mask(expression.inner)
        if isinstance(expression, Missing):
            return missing(self._column(expression.column))
        return self._compared(expression)

    def _column(self, named: Value) -> Values:
        if named.text not in self._names:
            raise WrongFilter(
                f"There is no column {named.text!r}.",
                named.position,
                expected=f"one of {', '.join(self._names[:30])}",
            )
        return self._values(named.text)

    def _compared(self, comparison: Comparison) -> Mask:
        column, sign = self._column(comparison.column), comparison.sign
        if sign == "in":
            masks = [self._with_value(column, "==", value) for value in comparison.values]
            return np.asarray(np.logical_or.reduce(masks))
        value = comparison.values[0]
        if value.form == "column" or (value.form == "word" and self._means_column(column, value)):
            return self._with_column(column, sign, self._column(value), value)
        return self._with_value(column, sign, value)

    def _means_column(self, column: Values, value: Value) -> bool:
        if value.text not in self._names:
            return False
        return not (isinstance(column, Category) and value.text in column.names)

    def _with_value(self, column: Values, sign: str, value: Value) -> Mask:
        if sign == "~":
            return contains(column, value.text)
        if isinstance(column, Category):
            return self._category(column, sign, value)
        if isinstance(column, Number):
            number = _number(value)
            with np.errstate(invalid="ignore"):
                return np.asarray(_SIGNS[sign](column.values, number) & ~np.isnan(column.values))
        kept = {"==": pc.equal, "!=": pc.not_equal, "<": pc.less, "<=": pc.less_equal, ">": pc.greater}
        return _filled(kept.get(sign, pc.greater_equal)(column.texts, value.text))

    def _category(self, column: Category, sign: str, value: Value) -> Mask:
        """Categories by their names; by their numbers where all of them are numbers."""
        if sign in ("==", "!="):
            if value.text not in column.names:
                raise WrongFilter(
                    f"There is no value {value.text!r} in this column.",
                    value.position,
                    expected=f"one of {', '.join(column.names[:30])}",
                )
            holds = np.array([_SIGNS[sign](name, value.text) for name in column.names], bool)
        else:
            number = _number(value)
            holds = np.array([_SIGNS[sign](each, number) for each in _numbers_of(column, value)], bool)
        return _by_code(column, holds)

    def _with_column(self, column: Values, sign: str, other: Values, value: Value) -> Mask:
        if sign == "~":
            raise WrongFilter("A column cannot contain a column.", value.position, expected="text between quotes")
        if isinstance(column, Number) and isinstance(other, Number):
            with np.errstate(invalid="ignore"):
                both = ~(np.isnan(column.values) | np.isnan(other.values))
                return np.asarray(_SIGNS[sign](column.values, other.values) & both)
        if isinstance(column, Category) and isinstance(other, Category):
            if sign not in ("==", "!="):
                left = np.append(_numbers_of(column, value), np.nan)[np.minimum(column.codes, len(column.names))]
                right = np.append(_numbers_of(other, value), np.nan)[np.minimum(other.codes, len(other.names))]
                return np.asarray(_SIGNS[sign](left, right))
            place = {name: code for code, name in enumerate(column.names)}
            table = np.full(MISSING + 1, -1, np.int32)  # what the left column does not know is equal to nothing
            table[: len(other.names)] = [place.get(name, -1) for name in other.names]
            both = ~(missing(column) | missing(other))
            return np.asarray(_SIGNS[sign](column.codes.astype(np.int32), table[other.codes])) & both
        raise WrongFilter(
            "These columns cannot be compared.", value.position, expected="two of numbers, or two of categories"
        )


def contains(column: Values, text: str) -> Mask:
    """Where a column's text contains some text, whatever the case."""
    if isinstance(column, Number):
        return np.zeros(len(column.values), bool)
    if isinstance(column, Category):
        return _by_code(column, np.array([text.casefold() in name.casefold() for name in column.names], bool))
    return _filled(pc.match_substring(column.texts, text, ignore_case=True))


def missing(column: Values) -> Mask:
    """Where a column has no value."""
    if isinstance(column, Category):
        return np.asarray(column.codes == MISSING)
    if isinstance(column, Number):
        return np.asarray(np.isnan(column.values))
    return np.asarray(pc.is_null(column.texts))


def by_names(column: Category | Text, holds: Callable[[pa.Array], pa.Array]) -> Mask:
    """Where something holds of a column's text, asked once for each different one."""
    if isinstance(column, Text):
        return _filled(holds(column.texts))
    return _by_code(column, _filled(holds(pa.array(column.names, pa.string()))))


def _by_code(column: Category, holds: Mask) -> Mask:
    table = np.zeros(MISSING + 1, bool)
    table[: len(holds)] = holds
    return np.asarray(table[column.codes])


def _filled(held: pa.Array) -> Mask:
    return np.asarray(pc.fill_null(held, False))


def _number(value: Value) -> float:
    try:
        return float(value.text)
    except ValueError:
        raise WrongFilter(
            "A column of numbers is compared with text.", value.position, got=repr(value.text), expected="a number"
        ) from None


def _numbers_of(column: Category, value: Value) -> list[float]:
    try:
        return [float(name) for name in column.names]
    except ValueError:
        raise WrongFilter(
            "The values of this column have no order.",
            value.position,
            got=f"text such as {column.names[0]!r}",
            expected="==, !=, ~ or in",
        ) from None
