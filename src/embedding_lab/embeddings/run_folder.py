"""The folder that a new run gets in a log directory: a name of its own, which nobody else takes."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

from embedding_lab.embeddings.files import storage_errors
from embedding_lab.embeddings.remote_files import remote_address


@contextlib.contextmanager
def run_folder(logdir: str | os.PathLike[str], run: str | None, name: str) -> Iterator[Path]:
    """The folder of the run that was named; of a new run, <logdir>/<name>-<date>-<time>, where none was.

    A new one is made at once so that nobody else takes it: a second start is a second run, also within the same
    second. If it is still empty at the end, it goes again with those above it that were made for it: what fails
    before it writes leaves nothing behind.

    Args:
        logdir: the log directory.
        run: the name that was asked for.
        name: what a new run is named by.

    Raises:
        StorageError: the folder cannot be made.
    """
    if run:
        yield Path(logdir) / run
        return
    if remote_address(logdir):  # a store has no folders that could be taken, or that are left empty
        yield Path(logdir) / _plain_name(name, unique=True)
        return
    made = _make_new_folder(Path(logdir), name)
    try:
        yield made[0]
    finally:
        with contextlib.suppress(OSError):  # the first that holds something ends it
            for folder in made:
                folder.rmdir()


def _make_new_folder(logdir: Path, name: str) -> list[Path]:
    """The folder, and those above it that had to be made too, the innermost first."""
    plain = _plain_name(name)
    for number in itertools.count(1):
        path = logdir / (plain if number == 1 else f"{plain}-{number}")
        made = [path, *(above for above in path.parents if not above.exists())]
        with storage_errors(path), contextlib.suppress(FileExistsError):
            path.mkdir(parents=True)
            break
    return made


def _plain_name(name: str, *, unique: bool = False) -> str:
    ending = f"-{secrets.token_hex(2)}" if unique else ""
    return f"{re.sub(r'[^A-Za-z0-9_.-]+', '-', name)}-{time.strftime('%Y%m%d-%H%M%S')}{ending}"
