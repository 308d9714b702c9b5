"""What was read or computed is kept as long as there is room, and made once, however many ask."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from embedding_lab.board.dashboard.cache import Cache


def test_what_was_asked_for_last_is_kept_within_the_limit_of_memory() -> None:
    cache, made = Cache(limit_bytes=100), list[str]()

    def ask(key: str, size: int) -> str:
        return cache.get(key, lambda: made.append(key) or key, lambda _: size)  # type: ignore[func-returns-value]

    assert [ask("a", 40), ask("b", 40), ask("a", 40)] == ["a", "b", "a"]
    assert made == ["a", "b"]
    ask("c", 40)  # in place of b, which nobody asked for since
    assert cache.size_bytes <= 100
    ask("a", 40)
    ask("b", 40)
    assert made == ["a", "b", "c", "b"]
    assert ask("larger than all", 101) == "larger than all"
    assert cache.size_bytes <= 100
    assert made.count("a") == 1


def test_what_many_ask_for_at_once_is_made_once_and_an_error_is_not_kept() -> None:
    cache, together = Cache(), threading.Barrier(4)
    made: list[int] = []

    def ask(_: int) -> int:
        together.wait()
        return cache.get("it", lambda: made.append(1) or 7, lambda _: 8)  # type: ignore[func-returns-value]

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(ask, range(4))) == [7] * 4
    assert made == [1]

    def refuse() -> int:
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        cache.get("other", refuse, lambda _: 8)
    assert cache.get("other", lambda: 3, lambda _: 8) == 3
