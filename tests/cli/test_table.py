"""Tables keep their columns straight and cut nothing."""

from __future__ import annotations

import pytest

from embedding_lab.cli.table import size_text, table


def test_words_stand_left_and_numbers_right() -> None:
    rows = [["embed_layer", 16, 10_000], ["a", None, 7]]
    assert table(["layer", "dims", "samples"], rows).splitlines() == [
        "layer        dims  samples",
        "embed_layer    16   10,000",
        "a                        7",
    ]


def test_no_rows_leave_the_headers() -> None:
    assert table(["layer", "dims"], []) == "layer  dims"


@pytest.mark.parametrize(
    ("size_bytes", "text"), [(640, "0.6 kB"), (28_480, "28.5 kB"), (1_000_000, "1.0 MB"), (31_360_000, "31.4 MB")]
)
def test_sizes_are_said_in_thousands_or_millions(size_bytes: int, text: str) -> None:
    assert size_text(size_bytes) == text
