"""Watches how much memory the process holds while something runs."""

from __future__ import annotations

import threading

import psutil

SECONDS_BETWEEN_LOOKS = 0.01


class MemoryWatch:
    """Looks at the process's resident memory until it is told to stop.

    Attributes:
        before_bytes: what the process held at the start.
        peak_bytes: the most it held at any look since.
    """

    def __init__(self) -> None:
        self._process = psutil.Process()
        self.before_bytes = self.peak_bytes = self._held()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="memory watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Takes a last look and ends; a second call does nothing."""
        if not self._over.is_set():
            self._over.set()
            self._thread.join()
            self._look()

    def _watch(self) -> None:
        while not self._over.wait(SECONDS_BETWEEN_LOOKS):
            self._look()

    def _look(self) -> None:
        self.peak_bytes = max(self.peak_bytes, self._held())

    def _held(self) -> int:
        return int(self._process.memory_info().rss)
