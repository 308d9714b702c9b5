"""Writes the table of samples as the stock Projector reads it, with what would trip it taken out.

The page's rules: the first line is a header only if it holds a tab; blank lines are dropped; a text that
looks like a number becomes one ("007" turns into 7); an empty cell breaks its search; the column to label and
search by is the first one that is not all numbers; a column of text with more than 50 different values cannot
be coloured by.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding_lab.embeddings import Dataset, Outputs

MOST_COLOURS = 50
NOT_LABELLED = "not labelled"
NOTHING = "(none)"
BEGINS_NUMBER = frozenset("+-.I0123456789")

_BREAKS = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,14}")
"""Whole numbers as the page writes them too, which ids mostly are: known without reckoning."""

_NUMBER = re.compile(
    r"[+-]?(\d+\.?\d*([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?|Infinity)|0[xX][\da-fA-F]+|0[bB][01]+|0[oO][0-7]+",
    re.ASCII,
)


@dataclass(frozen=True, eq=False)
class Table:
    """The table of samples.

    Attributes:
        columns: cells by column name, each one line of text that is not empty, n of them; two columns or more.
        notes: what a user should know.
    """

    columns: dict[str, list[str]]
    notes: tuple[str, ...] = ()

    def tsv(self) -> bytes:
        """The table as the page reads it: a header and n lines, in UTF-8."""
        lines = ["\t".join(self.columns), *map("\t".join, zip(*self.columns.values(), strict=True))]
        return ("\n".join(lines) + "\n").encode("utf-8", errors="replace")


def sample_table(data: Dataset, outputs: Outputs | None = None, rows: NDArray[np.intp] | None = None) -> Table:
    """The table of a dataset's samples and of what a model said of them.

    Args:
        data: the samples; their samples are not read.
        outputs: what the model said, row by row.
        rows: the positions that are shown, ascending; None for all.
    """
    shown = slice(None) if rows is None else rows
    columns = _classes(data, outputs, shown)
    if outputs is not None:
        columns["confidence"] = _numbers(outputs.confidence[shown])
        if outputs.loss is not None:
            columns["loss"] = _numbers(outputs.loss[shown])
    if data.splits is not None:
        columns["split"] = _words("split", data.splits[shown])
    for name, values in data.columns.items():
        columns[_free_name(name, columns)] = _cells(name, np.asarray(values)[shown])
    columns["id"] = _words("id", data.ids[shown])
    notes = _number_many_classes(columns, data, outputs, shown)
    if len(columns) == 1:  # the page would take the header of a single column for a sample
        columns["row"] = [str(row) for row in (range(len(data)) if rows is None else rows)]
    return Table(columns, notes)


def _classes(data: Dataset, outputs: Outputs | None, shown: Any) -> dict[str, list[str]]:
    """The columns that speak of classes, all in the same words."""
    columns: dict[str, list[str]] = {}
    texts = data.label_texts_of(shown)
    labels = None if texts is None else _one_line(texts)
    predictions = None if outputs is None else _one_line(_class_texts(data, outputs.prediction[shown]))
    if any(_NUMBER.fullmatch(text) for text in {*(labels or ()), *(predictions or ())}):
        # as numbers they would not be what the page labels and searches by
        labels, predictions = _prefixed("class", labels), _prefixed("class", predictions)
    if labels is not None:
        columns["label"] = [label or NOT_LABELLED for label in labels]
    if predictions is not None:
        columns["prediction"] = [prediction or NOTHING for prediction in predictions]
    if labels is not None and predictions is not None:
        pairs = zip(labels, predictions, strict=True)
        columns["correct"] = [
            NOT_LABELLED if not label else "yes" if label == predicted else "no" for label, predicted in pairs
        ]
    return columns


def _class_texts(data: Dataset, numbers: NDArray[np.int64]) -> list[str]:
    names = data.class_names or ()
    return [names[number] if 0 <= number < len(names) else str(number) for number in numbers.tolist()]


def _number_many_classes(
    columns: dict[str, list[str]], data: Dataset, outputs: Outputs | None, shown: Any
) -> tuple[str, ...]:
    """Beside text with too many values to be coloured by, its number, which the page colours as a gradient."""
    numbers = {
        "label": None if data.labels is None else data.labels[shown],
        "prediction": None if outputs is None else outputs.prediction[shown],
    }
    notes = []
    for name, values in numbers.items():
        if name in columns and values is not None and len(set(columns[name])) > MOST_COLOURS:
            numbered = _free_name(f"{name} number", columns)
            columns[numbered] = [str(value) for value in values.tolist()]
            notes.append(
                f"The page colours by no text column with more than {MOST_COLOURS} values, and {name} has "
                f"{len(set(columns[name]))}: colour by {numbered!r} instead."
            )
    return tuple(notes)


def _cells(name: str, values: NDArray[Any]) -> list[str]:
    if values.dtype.kind == "S":
        values = np.char.decode(values, "utf-8", "replace")
    if values.ndim > 1:  # lists of one length
        return _words(name, [row.tolist() for row in values])
    if values.dtype.kind in "Mm":  # dates and times
        values = values.astype(np.str_)
    if values.dtype.kind == "O" and all(value is None or isinstance(value, float) for value in values.tolist()):
        values = values.astype(np.float64)
    return _numbers(values) if values.dtype.kind == "f" else _words(name, values)


def _numbers(values: NDArray[Any]) -> list[str]:
    """Numbers, short; one that is missing stays out, which the page colours black."""
    return [f"{value:.6g}" if np.isfinite(value) else "" for value in values.tolist()]


def _words(name: str, values: Iterable[Any]) -> list[str]:
    """One line of text each; all get the column's name in front where the page would change one."""
    texts = _one_line(values)
    if any(_changed_by_page(text) for text in set(texts) if text[:1] in BEGINS_NUMBER):
        texts = _prefixed(_one_line([name])[0], texts)
    return [text or NOTHING for text in texts]


def _changed_by_page(text: str) -> bool:
    """Whether a text looks like a number that the page would write otherwise: "007", "1e3", twenty digits."""
    if _WHOLE.fullmatch(text) or not _NUMBER.fullmatch(text):
        return False
    try:
        number = float(text)
    except ValueError:  # hexadecimal and its like
        return True
    plain = number == 0 or 1e-6 <= abs(number) < 1e21
    return not plain or np.format_float_positional(number + 0.0, trim="-") != text


def _one_line(values: Iterable[Any]) -> list[str]:
    if isinstance(values, np.ndarray) and values.dtype.kind == "U":
        texts: list[str] = values.tolist()
    else:
        plain = values.tolist() if isinstance(values, np.ndarray) else values
        texts = ["" if value is None else str(value) for value in plain]
    together = "".join(texts)
    if " " not in together and together.isprintable():  # the one space that is printable is this one
        return texts
    return [_BREAKS.sub(" ", text).strip() for text in texts]


def _prefixed(word: str, texts: Sequence[str] | None) -> Any:
    return None if texts is None else [text and f"{word} {text}" for text in texts]


def _free_name(name: str, taken: Iterable[str]) -> str:
    """The name as a header: one line, not empty, not taken, and no name that JavaScript keeps for itself."""
    reserved = {"id", *taken}
    free = _one_line([name])[0] or "column"
    if free == "__proto__":
        free = "proto"
    while free in reserved:
        free = f"{free} (column)"
    return free
