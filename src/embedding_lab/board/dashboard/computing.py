"""What the dashboard asks of whoever can compute; `app/` hands it in, since this room knows no other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class Computing(Protocol):
    """Maps and neighbours, made while the page waits."""

    def first_map(self, vectors: Any) -> NDArray[np.float32]:
        """A map that is there in seconds, for vectors that have none: their first principal components.

        Args:
            vectors: float32, shape (n, dims).

        Returns:
            Points, float32, shape (n, 3).
        """
        ...


class Jobs(Protocol):
    """Work that takes longer than a request: new maps, made by processes of their own."""

    def list(self) -> list[Mapping[str, Any]]:
        """All jobs, oldest first, as the page is told of them."""
        ...

    def start(self, asked: Mapping[str, Any]) -> str:
        """Begins a job and returns its id.

        Raises:
            InputError: the method or a parameter cannot be used, or there are too many jobs.
        """
        ...

    def cancel(self, job: str) -> None:
        """Ends a job.

        Raises:
            UnknownName: there is none of this id.
        """
        ...
