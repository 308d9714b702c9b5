"""Copies on this machine of what lies in object stores, within bounds."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

from embedding_lab.embeddings.files import PARTIAL, STALE_SECONDS, discard
from embedding_lab.errors import InputError

BOUND_VARIABLE = "EMBEDDING_LAB_CACHE_GB"
BOUND_GB = 20.0
"""So much is kept, unless the variable says otherwise."""


def copies_folder() -> Path:
    """Where copies are kept."""
    import pooch

    return Path(pooch.os_cache("embedding-lab")) / "remote"


def keep_within_bounds(newest: Path) -> None:
    """Takes the longest unused copies away until all are within the bound; the newest stays, however large.

    Raises:
        InputError: the variable holds no number.
    """
    most = _bound_bytes()
    whole = []
    for folder, _, names in os.walk(copies_folder()):
        for path in (Path(folder, name) for name in names):
            with contextlib.suppress(OSError):
                about = path.stat()
                if not path.name.endswith(PARTIAL):
                    whole.append((about.st_mtime, about.st_size, path))
                elif time.time() - about.st_mtime > STALE_SECONDS:  # its writer was killed
                    discard(path)
    total = sum(size for _, size, _ in whole)
    for _, size, path in sorted(whole):
        if total > most and path != newest:
            discard(path)
            total -= size


def _bound_bytes() -> int:
    said = os.environ.get(BOUND_VARIABLE) or str(BOUND_GB)
    try:
        return int(float(said) * 1e9)
    except (ValueError, OverflowError) as error:
        raise InputError(f"{BOUND_VARIABLE} is no size.", got=said, expected="gigabytes, such as 20") from error
