"""Keeps what was costly to read or compute, up to a limit of memory; each thing is made once, however many ask."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")

LIMIT_BYTES = 512 << 20


class Cache:
    """The things used last, by key. What is larger than the limit is handed on and not kept.

    Args:
        limit_bytes: how much may be kept in all.
    """

    def __init__(self, limit_bytes: int = LIMIT_BYTES) -> None:
        self.limit_bytes = limit_bytes
        self.size_bytes = 0
        self._kept: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._making: dict[Hashable, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], T], size: Callable[[T], int]) -> T:
        """What is kept under a key; made where there is nothing yet.

        Args:
            key: says what it is and of which generation.
            make: makes it; what it raises goes on to whoever asks, and nothing is kept.
            size: how many bytes it takes.
        """
        found = self._find(key)
        if found is not None:
            return found[0]  # type: ignore[no-any-return]
        with self._lock:
            turn = self._making.setdefault(key, threading.Lock())
        with turn:
            found = self._find(key)
            if found is not None:
                return found[0]  # type: ignore[no-any-return]
            try:
                made = make()
                self._keep(key, made, size(made))
            finally:
                with self._lock:
                    self._making.pop(key, None)
        return made

    def _find(self, key: Hashable) -> tuple[Any, int] | None:
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
            return found

    def _keep(self, key: Hashable, made: Any, size: int) -> None:
        with self._lock:
            if size > self.limit_bytes:
                return
            self._kept[key] = made, size
            self.size_bytes += size
            while self.size_bytes > self.limit_bytes:
                _, (_, dropped) = self._kept.popitem(last=False)
                self.size_bytes -= dropped
