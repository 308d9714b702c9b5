"""Where runs lie: below a folder of this machine, or below an address of an object store that a path stands for."""

from __future__ import annotations

import os
from pathlib import Path

from embedding_lab.embeddings.files import Files, LocalFiles, storage_errors
from embedding_lab.embeddings.remote_files import RemoteFiles, folders_with, remote_address


def files_at(folder: Path) -> Files:
    """The door to the files of a folder."""
    address = remote_address(folder)
    return LocalFiles(folder) if address is None else RemoteFiles(address)


def runs_in(logdir: Path, part: str) -> list[str]:
    """The names of the runs directly in a log directory that hold a part, such as the lab's own, sorted."""
    address = remote_address(logdir)
    if address is not None:
        return [each for each in folders_with(address, part) if "/" not in each]
    levels = part.count("/") + 1
    with storage_errors(logdir):
        return sorted(each.parents[levels - 1].name for each in logdir.glob(f"*/{part}"))


def shown(folder: str | os.PathLike[str]) -> str:
    """A folder as a person writes it."""
    return remote_address(folder) or os.fspath(folder)


def absolute(folder: str | os.PathLike[str]) -> Path:
    """A folder by its whole path, whatever the working directory is later."""
    return Path(folder) if remote_address(folder) else Path(folder).expanduser().absolute()
