"""Blocks of samples with what a model gives for them: read, computed, and handed on in order.

A batch is as large as suits the model, a block as large as suits whoever writes it. Small batches stay in the
caches of a processor; small blocks cost more than their rows, since each wakes threads and calls a dozen functions.
"""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding_lab.extraction.fitting import Fitting
from embedding_lab.extraction.source import Activations, ForwardPass

AHEAD = 4
"""Blocks that wait besides those being computed, while an earlier one is written, which may take longer."""

LARGEST_BLOCK = 8192
"""Rows; larger ones gain nothing."""

BLOCK_BYTES = 8 << 20
"""What the samples of a block and all that is computed for them take at most, unless one batch takes more."""

BLOCK_SECONDS = 0.05
"""Blocks that take longer do not grow: somebody watches how far it is, and may want to interrupt it."""

KEPT_BYTES = 31 << 20
"""Just below the largest block of memory that glibc ever keeps when it is freed."""

Block = tuple[NDArray[Any], Activations]
"""Samples, shape (b, ...), and what the model gives for them."""


class Blocks:
    """Samples in blocks of whole batches: one at first, and twice as many while they go by quickly.

    Args:
        samples: array-like, shape (n, ...).
        batch_size: samples per batch.
    """

    def __init__(self, samples: Any, batch_size: int) -> None:
        self._samples = samples
        self._rows = batch_size
        self._since = time.perf_counter()

    def __iter__(self) -> Iterator[NDArray[Any]]:
        in_batches = getattr(self._samples, "in_batches", None)  # reads ahead, as the workers of a DataLoader do
        if in_batches is not None:
            yield from in_batches(self._rows)
            return
        start = 0
        while start < len(self._samples):
            block = np.asarray(self._samples[start : start + self._rows])
            yield block
            start += len(block)

    def went_by(self, block: Block) -> None:
        """Says that a block was read, computed and used."""
        samples, (vectors, numbers) = block
        now = time.perf_counter()
        quick = now - self._since < BLOCK_SECONDS
        self._since = now
        taken = sum(each.nbytes for each in (samples, numbers, *vectors.values()) if each is not None)
        small = 2 * taken <= BLOCK_BYTES and 2 * self._rows <= LARGEST_BLOCK
        of_this_size = len(samples) == self._rows  # neither begun when blocks were smaller, nor the last
        if quick and small and of_this_size:
            self._rows *= 2


@contextlib.contextmanager
def computed(forward: ForwardPass, samples: Any) -> Iterator[Iterator[Block]]:
    """The samples in blocks with what the model gives for them, computed in threads ahead of whoever takes them.

    Where no thread may be in the model meanwhile, they are computed when they are taken, and only read ahead.

    Args:
        forward: the model.
        samples: array-like, shape (n, ...).
    """
    _keep_freed_memory()
    blocks = Blocks(samples, forward.batch_size)
    with _in_turn(forward, blocks) if forward.at_once == 0 else _in_threads(forward, blocks) as in_order:
        yield _noted(in_order, blocks)


def _noted(in_order: Iterator[Block], blocks: Blocks) -> Iterator[Block]:
    for block in in_order:
        yield block
        blocks.went_by(block)


@contextlib.contextmanager
def _in_turn(forward: ForwardPass, blocks: Blocks) -> Iterator[Iterator[Block]]:
    run = Fitting(forward.run, forward.batch_size)
    with ThreadPoolExecutor(1, "embedding-lab-reader") as thread:
        yield ((block, run(block)) for block in _read_ahead(blocks, thread))


def _read_ahead(blocks: Blocks, thread: ThreadPoolExecutor) -> Iterator[NDArray[Any]]:
    """Blocks in order, the next one read while the one before is used."""
    left = iter(blocks)
    coming = thread.submit(next, left, None)
    while (block := coming.result()) is not None:
        coming = thread.submit(next, left, None)
        yield block


@contextlib.contextmanager
def _in_threads(forward: ForwardPass, blocks: Blocks) -> Iterator[Iterator[Block]]:
    run = Fitting(forward.run, forward.batch_size)
    threads = ThreadPoolExecutor(forward.at_once, "embedding-lab-forward")
    pending: deque[tuple[NDArray[Any], Future[Activations]]] = deque()

    def first() -> Block:
        block, result = pending.popleft()
        return block, result.result()

    def in_order() -> Iterator[Block]:
        for block in blocks:
            pending.append((block, threads.submit(run, block)))
            if len(pending) == forward.at_once + AHEAD:
                yield first()
        while pending:
            yield first()

    try:
        yield in_order()
    finally:
        threads.shutdown(cancel_futures=True)


def _keep_freed_memory() -> None:
    """Has glibc keep what a batch frees for the next one; else PyTorch takes twice as long for small pictures.

    It gives large blocks back to the system, which clears each page before it hands it out again. What it takes for
    large grows with the largest that was freed; untouched, this one costs nothing.
    """
    np.empty(KEPT_BYTES, np.uint8)
