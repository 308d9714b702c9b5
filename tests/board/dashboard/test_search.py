"""Samples are found by text, by regular expressions and by filters, and what cannot be read says where."""

from __future__ import annotations

import itertools
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedding_lab.board.dashboard.filter_language import WrongFilter, parse
from embedding_lab.board.wire import decode

N = np.arange(90)
LABEL = N % 4 - 1
WEIGHT = np.where(N % 7 == 0, np.nan, np.linspace(-1, 1, 90))
CLASSES = ["zero", "öne", "<b>two</b>"]
CONFIDENCE = np.linspace(0, 1, 90, dtype=np.float32)


def rows(page: Any, dense: Any, query: str, mode: str = "filter", **more: Any) -> list[int]:
    found: list[int] = page.arrays("search", **dense, mode=mode, query=query, **more).arrays["rows"].tolist()
    return found


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("label == zero", LABEL == 0),
        ("label = 'zero'", LABEL == 0),
        ("label != zero", (LABEL > 0)),
        ("not label == zero", LABEL != 0),
        ("label is missing", LABEL == -1),
        ("label is not missing", LABEL >= 0),
        ("label ~ TWO", LABEL == 2),
        ('label in (zero, "öne")', (LABEL == 0) | (LABEL == 1)),
        ("label not in [zero, öne]", (LABEL == 2) | (LABEL == -1)),
        ("confidence < 0.5", CONFIDENCE < 0.5),
        ("confidence >= .5 and confidence <= 6e-1", (CONFIDENCE >= 0.5) & (CONFIDENCE <= 0.6)),
        ("weight != 0", WEIGHT == WEIGHT),
        ("weight > -2 or label == zero", (WEIGHT > -2) | (LABEL == 0)),
        ("label == zero or label == öne and confidence < 0.1", (LABEL == 0) | ((LABEL == 1) & (CONFIDENCE < 0.1))),
        (
            "(label == zero or label == öne) and confidence < 0.1",
            ((LABEL == 0) | (LABEL == 1)) & (CONFIDENCE < 0.1),
        ),
        ("prediction == label", LABEL >= 0),
        ("prediction != label", LABEL > 9),
        ("correct == yes AND NOT split == train", (LABEL >= 0) & (N >= 60)),
        ("`my column` == b", N % 3 == 1),
        ("weight < confidence", WEIGHT < CONFIDENCE),
        ("flag == yes", N % 3 == 0),
        ("note == ''", N % 2 == 0),
        ("count == 13000039", N == 13),
        ("id == 'tiny/00007'", N == 7),
        ("id ~ 0004", (N // 10 == 4) | (N == 4)),
        ("id < 'tiny/00003'", N < 3),
    ],
)
def test_a_filter_finds_what_it_says(page: Any, dense: Any, query: str, expected: Any) -> None:
    assert rows(page, dense, query) == np.flatnonzero(expected).tolist()


def test_a_filter_sees_the_measures_of_the_map(page: Any, dense: Any) -> None:
    assert rows(page, dense, "kept_10 > 0.9", map="tsne-3d") == [row for row in range(90) if row / 89 > 0.9]
    assert "no column 'kept_10'" in page.error("search", **dense, mode="filter", query="kept_10 > 0.9")["happened"]


@pytest.mark.parametrize(
    ("query", "happened", "position"),
    [
        ("", "cannot be read", 0),
        ("label", "cannot be read", 5),
        ("label ==", "cannot be read", 8),
        ("label == zero and", "cannot be read", 17),
        ("label == zero label", "cannot be read", 14),
        ("nothing == 1", "no column 'nothing'", 0),
        ("label == three", "no value 'three'", 9),
        ("label < 3", "have no order", 8),
        ("weight == heavy", "compared with text", 10),
        ("weight == label", "cannot be compared", 10),
        ("label == 'zero", "cannot be read", 9),
        ("label in zero", "cannot be read", 9),
        ("__import__('os').system('ls')", "cannot be read", 16),
        ("label == zero; drop", "cannot be read", 13),
        ("(" * 60 + "label == zero" + ")" * 60, "cannot be read", 50),
        ("not " * 60 + "label == zero", "cannot be read", 200),
    ],
)
def test_a_filter_that_cannot_be_read_says_why_and_where(
    page: Any, dense: Any, query: str, happened: str, position: int
) -> None:
    answer = page.ask("search", **dense, mode="filter", query=query)
    assert answer.status_code == 400
    assert happened in answer.json["error"]["happened"]
    assert answer.json["error"]["position"] == position


def refusal(text: str) -> WrongFilter | None:
    try:
        parse(text)
    except WrongFilter as error:
        return error
    return None


@given(st.text(max_size=60))
def test_any_text_is_a_filter_or_is_refused(text: str) -> None:
    refused = refusal(text)
    assert refused is None or 0 <= refused.position <= len(text)


@given(
    st.lists(st.sampled_from([*"()<>=~,[]", "==", "and", "or", "not", "in", "is", "missing", "label", "1", "'a'"]))
)
def test_any_words_are_a_filter_or_are_refused(words: list[str]) -> None:
    text = " ".join(words)
    refused = refusal(text)
    assert refused is None or 0 <= refused.position <= len(text)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("ÖNE", LABEL == 1),
        ("<b>", LABEL == 2),
        ("tiny/00008", (N == 8)),
        ("note 8", (N // 10 == 8) & (N % 2 == 1)),
        ("13000039", N == 13),
        ("nowhere", N < 0),
        ("", N < 0),
    ],
)
def test_text_is_found_in_all_columns_whatever_the_case(page: Any, dense: Any, query: str, expected: Any) -> None:
    assert rows(page, dense, query, "text") == np.flatnonzero(expected).tolist()


def test_a_regular_expression_is_found_in_all_columns(page: Any, dense: Any) -> None:
    assert rows(page, dense, r"^tiny/0000[3-5]$", "regex") == [3, 4, 5]
    assert rows(page, dense, r"note \d$", "regex") == [1, 3, 5, 7, 9]


def test_a_regular_expression_is_found_in_numbers_as_a_whole(page: Any, dense: Any) -> None:
    weights = [each["values"]["weight"] for each in page.json("samples", **dense, rows="0,1,2")]
    wanted = next(each for each in weights if each is not None)
    found = rows(page, dense, rf"{re.escape(str(wanted))}|no number", "regex")
    assert weights.index(wanted) in found
    told = page.json("samples", **dense, rows=",".join(map(str, found)))
    assert all(wanted in each["values"].values() for each in told)


def test_a_regular_expression_that_would_take_for_ever_does_not(page: Any, dense: Any) -> None:
    assert rows(page, dense, r"(t+i*)+(n|ny)*$x", "regex") == []


@pytest.mark.parametrize(
    ("query", "got"), [("note (", "position 6"), ("[z-a]", "bad character range"), (r"(?=a)", "")]
)
def test_a_regular_expression_that_is_none_says_why(page: Any, dense: Any, query: str, got: str) -> None:
    assert got in page.error("search", **dense, mode="regex", query=query)["got"]


@pytest.mark.parametrize("by", ["weight", "count", "label", "note", "id", "kept_10"])
@pytest.mark.parametrize("direction", ["ascending", "descending"])
def test_rows_are_sorted_by_any_column_and_those_without_a_value_come_last(
    page: Any, dense: Any, by: str, direction: str
) -> None:
    asked = {"set": dense, "map": "tsne-3d", "rows": list(range(0, 90, 2)), "by": by, "direction": direction}
    rows = decode(page.post("sort", asked).data).arrays["rows"].tolist()
    assert sorted(rows) == asked["rows"]
    told = page.json("samples", **dense, map="tsne-3d", rows=",".join(map(str, rows)))
    found = [each["id"] if by == "id" else each["values"][by] for each in told]
    there = [CLASSES.index(value) if by == "label" else value for value in found if value is not None]
    assert found[len(there) :] == [None] * (len(found) - len(there))
    assert there == sorted(there, reverse=direction == "descending")
    pairs = itertools.pairwise(zip(found, rows, strict=True))
    assert all(one < other for (left, one), (right, other) in pairs if left == right)  # equal ones keep their order
