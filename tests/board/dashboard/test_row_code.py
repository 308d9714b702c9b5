"""Sets of rows as text: what the page writes, the server reads, and the other way; one set of examples for both."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedding_lab.board.dashboard.row_code import decode_rows, encode_rows, longest_code

EXAMPLES = {"": [], "AA": [0], "BQ": [5], "AAEBAQ": [0, 1, 2, 3], "__9_": [2_097_151], "f4ABrAI": [127, 255, 555]}
"""In frontend/tests/state.test.ts too."""


@pytest.mark.parametrize(("text", "rows"), EXAMPLES.items())
def test_rows_have_one_text_on_the_page_and_on_the_server(text: str, rows: list[int]) -> None:
    assert encode_rows(rows) == text
    assert decode_rows(text).tolist() == rows


@given(st.sets(st.integers(0, (1 << 32) - 1)))
def test_any_rows_come_back_ascending(rows: set[int]) -> None:
    assert decode_rows(encode_rows(list(rows))).tolist() == sorted(rows)


@given(st.integers(1, 3000), st.data())
def test_no_rows_take_more_than_was_reckoned_with(total: int, data: st.DataObject) -> None:
    rows = data.draw(st.sets(st.integers(0, total - 1)))
    assert len(encode_rows(list(rows))) <= longest_code(total)


@pytest.mark.parametrize("text", ["***", "gA", "AAA", "gICAgICA", "____________", "A", "é"])
def test_a_text_that_is_none_is_refused(page: Any, dense: Any, text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode_rows(text)
    answer = page.post("trust", {"set": dense, "rows": text})
    assert answer.status_code == 400
    assert answer.json["error"]["happened"] == "'rows' is no set of rows."


def test_a_million_rows_take_less_than_two_megabytes() -> None:
    rows = np.random.default_rng(0).permutation(3_000_000)[:1_000_000]
    assert len(encode_rows(rows)) < 2e6
    assert len(encode_rows(np.arange(1_000_000))) < 2e6
