"""Finds names for columns where those they have are taken."""

from __future__ import annotations

from collections.abc import Collection

GIVEN = "_given"


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
