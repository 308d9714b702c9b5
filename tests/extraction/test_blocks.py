"""Blocks of samples: whole batches, more of them while they go by quickly, each sample once and in order."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedding_lab.errors import ShapeMismatch
from embedding_lab.extraction import blocks
from embedding_lab.extraction.blocks import BLOCK_BYTES, LARGEST_BLOCK, computed
from embedding_lab.extraction.source import Activations, ForwardPass

NUMBERS = np.arange(200_000.0, dtype=np.float32)[:, np.newaxis]


def passing(run: Callable[[np.ndarray], Activations], batch_size: int, at_once: int) -> ForwardPass:
    return ForwardPass({"layer": None}, run, "none", batch_size, fingerprint=None, at_once=at_once)


def doubled(batch: np.ndarray) -> Activations:
    return {"layer": 2 * batch}, batch


def sizes(forward: ForwardPass, samples: Any) -> list[int]:
    with computed(forward, samples) as found:
        return [len(block) for block, _ in found]


@given(rows=st.integers(1, 3_000), batch_size=st.integers(1, 1_000), at_once=st.integers(0, 3))
def test_each_sample_comes_once_and_in_order_in_batches_that_suit_the_model(
    rows: int, batch_size: int, at_once: int
) -> None:
    batches: list[int] = []

    def run(batch: np.ndarray) -> Activations:
        batches.append(len(batch))
        return doubled(batch)

    with computed(passing(run, batch_size, at_once), NUMBERS[:rows]) as found:
        samples, vectors, numbers = zip(
            *((block, given["layer"], last) for block, (given, last) in found), strict=True
        )
    assert (np.concatenate(samples) == NUMBERS[:rows]).all()
    assert (np.concatenate(vectors) == 2 * NUMBERS[:rows]).all()
    assert (np.concatenate(numbers) == NUMBERS[:rows]).all()
    assert sorted(batches, reverse=True)[: rows // batch_size] == [batch_size] * (rows // batch_size)


@pytest.mark.parametrize("at_once", [0, 1, 2])
def test_blocks_grow_while_they_go_by_quickly(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK_SECONDS", float("inf"))
    found = sizes(passing(doubled, 64, at_once), NUMBERS)
    assert found[0] == 64
    assert max(found) == LARGEST_BLOCK
    assert len(found) < len(NUMBERS) / 64 / 20


@pytest.mark.parametrize("at_once", [0, 1, 2])
def test_blocks_that_take_long_stay_one_batch(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK_SECONDS", 0.0)
    assert set(sizes(passing(doubled, 64, at_once), NUMBERS)) == {64}


def test_blocks_of_wide_outputs_stay_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK_SECONDS", float("inf"))
    width = BLOCK_BYTES // 4 // 1000

    def wide(batch: np.ndarray) -> Activations:
        return {"layer": np.zeros((len(batch), width), np.float32)}, None

    assert max(sizes(passing(wide, 100, 0), NUMBERS[:5_000])) == 800


def test_a_pass_that_needs_all_cores_waits_until_the_block_before_is_written() -> None:
    begun: list[int] = []

    def run(batch: np.ndarray) -> Activations:
        begun.append(int(batch[0, 0]))
        return {"layer": batch}, None

    with computed(passing(run, 1, at_once=0), NUMBERS[:50]) as found:
        for block, _ in found:
            assert begun == list(range(int(block[-1, 0]) + 1))
    assert len(begun) == 50


@pytest.mark.parametrize("at_once", [0, 1, 2])
def test_blocks_whose_computing_takes_long_stay_one_batch_even_where_several_are_done_at_once(
    at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = itertools.count(step=0.001)
    monkeypatch.setattr(blocks, "time", SimpleNamespace(perf_counter=lambda: next(now)))

    def slow(batch: np.ndarray) -> Activations:
        for _ in range(60):
            next(now)
        return doubled(batch)

    assert set(sizes(passing(slow, 10, at_once), NUMBERS[:1_500])) == {10}


def test_samples_that_are_read_ahead_by_others_come_batch_by_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK_SECONDS", float("inf"))

    class Loaded:
        def __len__(self) -> int:
            return 100

        def in_batches(self, rows: int) -> Iterator[np.ndarray]:
            yield from np.split(NUMBERS[:100], range(rows, 100, rows))

    assert sizes(passing(doubled, 30, 1), Loaded()) == [30, 30, 30, 10]


def test_samples_that_end_before_their_length_says_end_the_blocks() -> None:
    class Short:
        def __len__(self) -> int:
            return 100

        def __getitem__(self, rows: slice) -> np.ndarray:
            return NUMBERS[:60][rows]

    assert sum(sizes(passing(doubled, 32, 0), Short())) == 60


@pytest.mark.parametrize("at_once", [0, 2])
def test_a_batch_inside_a_block_that_the_memory_has_no_room_for_is_halved(
    at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "BLOCK_SECONDS", float("inf"))

    def full_later(batch: np.ndarray) -> Activations:
        if batch[0, 0] >= 10_000 and len(batch) > 20:
            raise MemoryError
        return doubled(batch)

    with (
        pytest.warns(UserWarning, match="The memory did not suffice"),
        computed(passing(full_later, 64, at_once), NUMBERS[:20_000]) as found,
    ):
        assert (np.concatenate([given["layer"] for _, (given, _) in found]) == 2 * NUMBERS[:20_000]).all()


def test_batches_of_a_block_that_differ_in_width_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK_SECONDS", float("inf"))

    def wider(batch: np.ndarray) -> Activations:
        return {"layer": np.zeros((len(batch), 2 if batch[0, 0] < 1_000 else 3), np.float32)}, None

    with pytest.raises(ShapeMismatch, match="Layer 'layer' does not give vectors of one width"):
        sizes(passing(wider, 100, 0), NUMBERS[:2_000])
