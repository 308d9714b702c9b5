"""Several things that are published together: all their files in place first, then one manifest after the other."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Protocol, TypeVar

AT_ONCE = 8
"""Files put in place at the same time: a disk syncs several, and a store takes several, in the time of one."""


class Writer(Protocol):
    """A context manager that publishes what was written, or discards it by an error."""

    def place(self) -> None:
        """Puts the files in place; no reader sees them before they are published."""
        ...

    def __enter__(self) -> Any: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


AnyWriter = TypeVar("AnyWriter", bound=Writer)


class Together(contextlib.ExitStack):
    """Writers that publish together when it is left; where one is refused before that, none does."""

    def __init__(self) -> None:
        super().__init__()
        self._writers: list[Writer] = []

    def enter_writer(self, writer: AnyWriter) -> AnyWriter:
        """Enters a writer, which is left with all others."""
        self._writers.append(writer)
        self.enter_context(writer)
        return writer

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        if kind is not None:
            return super().__exit__(kind, error, trace)
        with contextlib.ExitStack() as until_published:
            until_published.push(super().__exit__)
            threads = ThreadPoolExecutor(AT_ONCE, "embedding-lab-writers")
            try:
                for placed in [threads.submit(each.place) for each in self._writers]:
                    placed.result()
            finally:
                threads.shutdown(cancel_futures=True)
        return None
