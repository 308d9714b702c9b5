"""Threads that stay together for a whole run and share out the rows of compiled loops."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from numba import njit

from embedding_lab.projection.threads import usable

compiled = njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
"""How every hot loop is compiled: once per machine, free of the interpreter, sums in any order, no NaN
expected."""


class Crew:
    """So many threads, given ranges of rows.

    A step of t-SNE lasts milliseconds, so the threads live as long as the run. A loop must compute each row
    (or each numbered piece) independently of how the rows are shared out; then one thread and many give the
    same bytes.
    """

    def __init__(self, threads: int, pool: ThreadPoolExecutor | None) -> None:
        self.threads = threads
        self._pool = pool

    def share(self, loop: Callable[..., None], count: int, *args: Any, pieces: int = 0) -> None:
        """Calls `loop(first, last, *args)` over all of range(count).

        Args:
            loop: a compiled function that works on rows first to last - 1.
            count: the number of rows.
            args: handed on to every call.
            pieces: how many calls; 0 for one per thread, or four where there are several threads, since rows
                are not equally dear.
        """
        if self._pool is None:
            loop(0, count, *args)
            return
        pieces = min(pieces or 4 * self.threads, count)
        edges = [count * piece // pieces for piece in range(pieces + 1)]
        waiting = [self._pool.submit(loop, first, last, *args) for first, last in itertools.pairwise(edges)]
        for each in waiting:
            each.result()


@contextmanager
def crew_of(threads: int | None) -> Iterator[Crew]:
    """A crew for the length of a block; None means one thread for each core."""
    count = usable(threads)
    if count == 1:
        yield Crew(1, None)
        return
    with ThreadPoolExecutor(count, thread_name_prefix="map") as pool:
        yield Crew(count, pool)
