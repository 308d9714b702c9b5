"""Tables keep their columns straight and cut nothing."""

from __future__ import annotations

from embedding_lab.cli.table import table


def test_words_stand_left_and_numbers_right() -> None:
    rows = [["embed_layer", 16, 10_000], ["a", None, 7]]
    assert table(["layer", "dims", "samples"], rows).splitlines() == [
        "layer        dims  samples",
        "embed_layer    16   10,000",
        "a                        7",
    ]


def test_no_rows_leave_the_headers() -> None:
    assert table(["layer", "dims"], []) == "layer  dims"
