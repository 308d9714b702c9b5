"""Finds names for columns where those they have are taken, or where they have none."""

from __future__ import annotations

from collections.abc import Collection, Sequence
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
    """Names without spaces around them, each only once: "a", "a_2", …; "unnamed" where there is none.

    Args:
        names: as a file has them; numpy writes "# " before the first.
    """
    plain = [name.removeprefix("#").strip() if not at else name.strip() for at, name in enumerate(names)]
    found: dict[str, None] = {}
    for name in plain:
        base = name or NAMELESS
        wanted = (base if number == 1 else f"{base}_{number}" for number in count(1))
        found[next(each for each in wanted if each not in found)] = None
    return list(found)
