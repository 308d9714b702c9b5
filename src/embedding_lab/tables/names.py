"""Finds names for columns where those they have are taken, or where they have none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from itertools import count

GIVEN = "_given"
NAMELESS = "unnamed"


def free_name(name: str, taken: Collection[str], others: Collection[str] = ()) -> str:
    """The name where it is not taken, else with "_given" at its end as often as it takes.

    Args:
        name: the name a column has.
        taken: names it must not have.
        others: the names of the columns beside it, which it must not get.
    """
    free = name
    while free in taken or (free != name and free in others):
        free += GIVEN
    return free


def distinct(names: Sequence[str]) -> list[str]:
    """The names, each only once: all that repeat get a number, "a_1", "a_2", …; "unnamed" where there is none."""
    called = [name or NAMELESS for name in names]
    times = Counter(called)
    numbered = {name: _numbered(name, times) for name, often in times.items() if often > 1}
    return [next(numbered[name]) if name in numbered else name for name in called]


def _numbered(name: str, taken: Collection[str]) -> Iterator[str]:
    return (each for number in count(1) if (each := f"{name}_{number}") not in taken)
