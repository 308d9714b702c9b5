"""The table of samples: whatever is in it, the page reads the rows it was given."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedding_lab.board.metadata import sample_table
from embedding_lab.embeddings import Dataset, Outputs, as_dataset


def shown(parse: Any, data: Dataset, outputs: Outputs | None = None, rows: Any = None) -> Any:
    return parse(sample_table(data, outputs, rows).tsv().decode())


def dataset(count: int = 4, **parts: Any) -> Dataset:
    return as_dataset(np.zeros((count, 2)), **parts)


def test_what_a_model_said_stands_beside_the_label(parse_metadata: Any) -> None:
    outputs = Outputs(
        np.array([0, 1, 1, 0]),
        np.array([0.9, 0.8, 0.7, 0.6], np.float32),
        np.array([0.1, 0.2, 2, np.nan], np.float32),
    )
    data = dataset(
        labels=[0, 1, 0, -1], class_names=["cat", "dog"], splits="test", columns={"weight": [1, 2, 3, 4]}
    )
    table = shown(parse_metadata, data, outputs)
    assert table.columns == ["label", "prediction", "correct", "confidence", "loss", "split", "weight", "id"]
    assert table.rows[2] == {
        "label": "cat", "prediction": "dog", "correct": "no", "confidence": 0.7, "loss": 2.0, "split": "test",
        "weight": 3.0, "id": "samples/00002",
    }  # fmt: skip
    assert [row["correct"] for row in table.rows] == ["yes", "yes", "no", "not labelled"]
    assert table.rows[3]["label"] == "not labelled"


def test_without_anything_but_ids_there_is_a_second_column_for_the_header(parse_metadata: Any) -> None:
    table = shown(parse_metadata, dataset())
    assert table.columns == ["id", "row"]
    assert len(table.rows) == 4


def test_labels_that_are_numbers_are_what_the_page_labels_and_searches_by(parse_metadata: Any) -> None:
    outputs = Outputs(np.array([7, 2, 1, 3]), np.ones(4, np.float32))
    table = shown(parse_metadata, dataset(labels=[7, 2, 1, 0]), outputs)
    assert table.first_text_column == "label"
    assert table.rows[0]["label"] == table.rows[0]["prediction"] == "class 7"
    assert table.rows[3]["correct"] == "no"


@pytest.mark.parametrize("classes", [50, 51, 200])
def test_more_classes_than_the_page_has_colours_can_be_coloured_by_number(
    parse_metadata: Any, classes: int
) -> None:
    names = [f"sort {number}" for number in range(classes)]
    data = dataset(classes * 2, labels=list(range(classes)) * 2, class_names=names)
    made = sample_table(data)
    table = parse_metadata(made.tsv().decode())
    if classes <= 50:
        assert "label number" not in table.columns
        assert not made.notes
    else:
        assert [row["label number"] for row in table.rows[:3]] == [0.0, 1.0, 2.0]
        assert "colour by 'label number'" in made.notes[0]


@pytest.mark.parametrize(
    ("given_text", "read"),
    [
        ("two\tcells", "two cells"),
        ("two\nlines", "two lines"),
        ("carriage\r\nreturn", "carriage return"),
        ("line\u2028separator\x85next", "line separator next"),
        ("  around ", "around"),
        ("", "(none)"),
        (" \t ", "(none)"),
        ("naïve · 日本語 · 🦊", "naïve · 日本語 · 🦊"),
        ("half a \ud800 pair", "half a ? pair"),
        ("007", "note 007"),
        ("1e3", "note 1e3"),
        ("0x10", "note 0x10"),
        ("12345678901234567890", "note 12345678901234567890"),
        ("Infinity", "note Infinity"),
        ("-0", "note -0"),
        ("nan", "nan"),
        ("12", 12.0),
        ("-0.5", -0.5),
        ("0.123456789", 0.123456789),
    ],
)
def test_a_text_arrives_as_one_line_that_the_page_does_not_change(
    parse_metadata: Any, given_text: str, read: str | float
) -> None:
    table = shown(parse_metadata, dataset(2, columns={"note": [given_text, "text"]}))
    assert table.rows[0]["note"] == read
    assert len(table.rows) == 2


@given(
    texts=st.lists(st.text(max_size=8), min_size=2, max_size=12),
    header=st.text(max_size=6),
    labels=st.integers(-1, 60),
)
@settings(deadline=None)
def test_any_text_gives_as_many_rows_as_samples_and_no_empty_cell(
    parse_metadata: Any, texts: list[str], header: str, labels: int
) -> None:
    data = dataset(
        len(texts),
        ids=[f"{text}{number}" for number, text in enumerate(texts)],
        labels=[labels] * len(texts),
        columns={header: texts, "label": texts},
    )
    table = shown(parse_metadata, data)
    assert len(table.rows) == len(texts)
    assert len(set(table.columns)) == len(table.columns) == 4
    for row in table.rows:
        for name, value in row.items():
            assert name.strip()
            assert value is not None


def test_numbers_stay_numbers_and_missing_ones_stay_out(parse_metadata: Any) -> None:
    columns: dict[str, Any] = {
        "float": np.array([0.25, np.nan, np.inf]),
        "mixed": np.array([0.5, None, 1e-9], dtype=object),
        "int": np.array([1, -2, 3]),
        "bool": np.array([True, False, True]),
        "date": np.array([datetime.date(2026, 1, day) for day in (1, 2, 3)], dtype="datetime64[ns]"),
        "bytes": np.array([b"ab", "ö".encode(), b"\xff"]),
    }
    rows = shown(parse_metadata, dataset(3, columns=columns)).rows
    assert [row["float"] for row in rows] == [0.25, None, None]
    assert [row["mixed"] for row in rows] == [0.5, None, 1e-9]
    assert [row["int"] for row in rows] == [1, -2, 3]
    assert [row["bool"] for row in rows] == ["True", "False", "True"]
    assert rows[0]["date"].startswith("2026-01-01")
    assert [row["bytes"] for row in rows] == ["ab", "ö", "\ufffd"]


def test_a_users_column_never_hides_one_of_ours(parse_metadata: Any) -> None:
    data = dataset(2, labels=[0, 1], columns={"id": ["a", "b"], "label": ["c", "d"], "__proto__": ["e", "f"]})
    table = shown(parse_metadata, data)
    assert table.columns == ["label", "id (column)", "label (column)", "proto", "id"]


def test_only_the_shown_rows_are_in_it(parse_metadata: Any) -> None:
    outputs = Outputs(np.arange(6) % 2, np.linspace(0, 1, 6, dtype=np.float32))
    data = dataset(6, labels=[0, 1] * 3, columns={"weight": np.arange(6)})
    table = shown(parse_metadata, data, outputs, np.array([1, 4]))
    assert [row["weight"] for row in table.rows] == [1, 4]
    assert [row["id"] for row in table.rows] == ["samples/00001", "samples/00004"]
    assert [row["confidence"] for row in table.rows] == pytest.approx([0.2, 0.8])
    assert [row["row"] for row in shown(parse_metadata, dataset(6), None, np.array([1, 4])).rows] == [1, 4]
