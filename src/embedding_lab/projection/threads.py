"""How many threads work, and how independent pieces of work are given to them.

Pieces run in Python threads on compiled code that lets go of the interpreter, not in OpenMP or numba's own
pool: faiss, scikit-learn, PyTorch and TensorFlow each bring an OpenMP of their own, and two of them in one
parallel region can hang or crash a process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import TypeVar

import faiss
from threadpoolctl import threadpool_limits

from embedding_lab.cores import cores
from embedding_lab.errors import InputError

Piece = TypeVar("Piece")


def usable(threads: int | None) -> int:
    """The number of threads to use: as asked, or one for each core this process may run on.

    Raises:
        InputError: fewer than one.
    """
    if threads is not None:
        if threads < 1:
            raise InputError(
                "Work needs a thread.", got=f"threads={threads}", expected="1 or more, or None for all"
            )
        return int(threads)
    return cores()


@contextmanager
def faiss_threads(threads: int) -> Iterator[None]:
    """Lets faiss use so many threads when called from this thread."""
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(threads)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)


def each(work: Callable[[Piece], int], pieces: Iterable[Piece], threads: int, done: Callable[[int], None]) -> None:
    """Does every piece of work, each on one thread with one BLAS thread of its own.

    What a piece computes must not depend on the others; then the result does not depend on the threads.

    Args:
        work: does one piece and says how much that was.
        pieces: the pieces, taken one by one.
        threads: how many run at once.
        done: told after every piece how much it was. When it raises, or on an interrupt, no more are begun.
    """
    with threadpool_limits(1, user_api="blas"):
        if threads == 1:
            for piece in pieces:
                done(work(piece))
            return
        running: set[Future[int]] = set()
        with ThreadPoolExecutor(threads) as pool:
            try:
                for piece in pieces:
                    running.add(pool.submit(work, piece))
                    if len(running) >= 2 * threads:
                        running = _settled(running, done)
                while running:
                    running = _settled(running, done)
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                raise


def _settled(running: set[Future[int]], done: Callable[[int], None]) -> set[Future[int]]:
    ready, rest = wait(running, return_when=FIRST_COMPLETED)
    for future in ready:
        done(future.result())
    return rest
