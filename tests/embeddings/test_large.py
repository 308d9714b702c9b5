"""What is too large to be held lies in a file that goes with it."""

from __future__ import annotations

import mmap
from typing import Any

import numpy as np
import pytest

from embedding_lab.embeddings import large
from embedding_lab.embeddings.dataset import numbered_ids


def _held_by(array: Any) -> Any:
    while getattr(array, "base", None) is not None:
        array = array.base
    return array


def test_a_large_array_is_mapped_and_a_small_one_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large, "HELD_BYTES", 1000)
    small, much = large.temporary_array((10, 10), np.float32), large.temporary_array((10, 26), np.float32)
    assert isinstance(_held_by(much), mmap.mmap)
    assert not isinstance(_held_by(small), mmap.mmap)
    assert not much.any()
    assert not small.any()


def test_ids_of_millions_are_mapped_and_read_as_others(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = numbered_ids("row", 1200)
    monkeypatch.setattr(large, "HELD_BYTES", 1000)
    mapped = numbered_ids("row", 1200)
    assert isinstance(_held_by(mapped), mmap.mmap)
    np.testing.assert_array_equal(mapped, plain)
