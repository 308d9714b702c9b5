"""Blocks of samples with what a model gives for them: read, computed, and handed on in order.

A batch is as large as suits the model, a block as large as suits whoever writes it. Small batches stay in the
caches of a processor; small blocks cost more than their rows, since each wakes threads and calls a dozen functions.
"""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from numpy.typing import NDArray

from embedding_lab.embeddings.own_form import batch_of
from embedding_lab.extraction.fitting import Fitting
from embedding_lab.extraction.source import Activations, ForwardPass

AHEAD = 4
"""Blocks that wait besides those being computed, while an earlier one is written, which may take longer."""

LARGEST_BLOCK = 8192
"""Rows; larger ones gain nothing."""

BLOCK_BYTES = 8 << 20
"""What the samples of a block and all that is computed for them take at most, unless one batch takes more."""

BLOCK_SECONDS = 0.05
"""Blocks that take longer, alone or in the row of all, do not grow: somebody watches how far it is, and may want to
interrupt it."""

MANY = 32
"""Batches for which a forward pass that takes longer to begin pays off, of large models as of small ones."""

Block = tuple[NDArray[Any], Activations]
"""Samples, shape (b, ...), and what the model gives for them."""

Timed = tuple[Activations, float]
"""What the model gives for a block, and how many seconds that took."""

Run = Callable[[NDArray[Any]], Timed]
InOrder = Iterator[tuple[NDArray[Any], Timed]]
"""Samples with what the model gives for them."""


class Blocks:
    """Samples in blocks of whole batches: one at first, and twice as many while they go by quickly.

    Samples that are read ahead by others, as by the workers of a DataLoader, come batch by batch.

    Args:
        samples: array-like, shape (n, ...).
        batch_size: samples per batch.
    """

    def __init__(self, samples: Any, batch_size: int) -> None:
        self._samples = samples
        self._rows = batch_size
        self._since = time.perf_counter()

    def __iter__(self) -> Iterator[NDArray[Any]]:
        in_batches = getattr(self._samples, "in_batches", None)
        if in_batches is not None:
            yield from in_batches(self._rows)
            return
        start = 0
        while start < len(self._samples):
            rows = self._rows
            yield batch_of(self._samples, slice(start, start + rows))
            start += rows

    def went_by(self, block: Block, seconds: float) -> None:
        """Says that a block was read, computed in so many seconds, and used."""
        samples, (vectors, numbers) = block
        now = time.perf_counter()
        quick = max(now - self._since, seconds) < BLOCK_SECONDS
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
    blocks = Blocks(samples, forward.batch_size)
    many = len(samples) >= MANY * forward.batch_size
    run = _timed(Fitting((forward.run_many if many else None) or forward.run, forward.batch_size))
    with _in_turn(run, blocks) if forward.at_once == 0 else _in_threads(run, forward.at_once, blocks) as in_order:
        yield _noted(in_order, blocks)


def _timed(run: Callable[[NDArray[Any]], Activations]) -> Run:
    def timed(samples: NDArray[Any]) -> Timed:
        begun = time.perf_counter()
        given = run(samples)
        return given, time.perf_counter() - begun

    return timed


def _noted(in_order: InOrder, blocks: Blocks) -> Iterator[Block]:
    for samples, (given, seconds) in in_order:
        yield samples, given
        blocks.went_by((samples, given), seconds)


@contextlib.contextmanager
def _in_turn(run: Run, blocks: Blocks) -> Iterator[InOrder]:
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
def _in_threads(run: Run, at_once: int, blocks: Blocks) -> Iterator[InOrder]:
    threads = ThreadPoolExecutor(at_once, "embedding-lab-forward")
    pending: deque[tuple[NDArray[Any], Future[Timed]]] = deque()

    def first() -> tuple[NDArray[Any], Timed]:
        block, result = pending.popleft()
        return block, result.result()

    def in_order() -> InOrder:
        for block in blocks:
            pending.append((block, threads.submit(run, block)))
            if len(pending) == at_once + AHEAD:
                yield first()
        while pending:
            yield first()

    try:
        yield in_order()
    finally:
        threads.shutdown(cancel_futures=True)
