"""How long work tells the outside how far it is, without knowing who listens."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """A listener: called with the stage's name, how much is done, and of how much in all.

    `total` is None where the end is not known. The unit is the stage's own (samples, bytes, epochs)
    and stands in its name, for instance "extract samples". `note` is a figure to show beside it, such as "KL 2.1".
    """

    def __call__(self, stage: str, done: int, total: int | None, note: str = "", /) -> None: ...


def silent(stage: str, done: int, total: int | None, note: str = "", /) -> None:
    """Listens to nothing: the default everywhere outside the command line."""
