"""Fetches the files of a published set into a folder: each whole and bearing its checksum, or not at all."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from embedding_lab.dataset.published import PublishedFile
from embedding_lab.embeddings.files import storage_errors
from embedding_lab.errors import DataMissing
from embedding_lab.progress import Progress, silent

CONNECT_SECONDS = 4.0
"""A machine without a network should hear so soon."""
ANSWER_SECONDS = 15.0
"""How long a server may keep silent, at the start or in between."""
BLOCK_BYTES = 1 << 16


def fetch(
    files: Iterable[PublishedFile],
    mirrors: Sequence[str],
    folder: Path,
    *,
    connect_seconds: float = CONNECT_SECONDS,
    answer_seconds: float = ANSWER_SECONDS,
    progress: Progress = silent,
) -> None:
    """Sees to it that the gzipped files lie in the folder, from the first mirror that has them.

    A file appears under its name only when it is complete and bears its published checksum; what is
    already there and right is left alone, what is there and wrong is replaced.

    Args:
        files: what to fetch.
        mirrors: addresses that end in a slash; each next one is asked for what the last could not give.
        folder: where to put the files; made if need be.
        connect_seconds: how long to wait for a connection, per mirror.
        answer_seconds: how long a server may keep silent.
        progress: called with the bytes of each file.

    Raises:
        DataMissing: no mirror could give every file; says why, mirror by mirror.
        StorageError: the folder cannot be written.
    """
    missing = list(files)
    reasons = []
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    for mirror in mirrors:
        while missing:
            reason = _why_not(missing[0], mirror, folder, (connect_seconds, answer_seconds), progress)
            if reason:
                reasons.append(f"{mirror} {reason}")
                break
            missing.pop(0)
    if missing:
        raise DataMissing(
            f"{missing[0].stem}.gz could not be downloaded.",
            got="; ".join(reasons),
            remedy="Check the network and try again.",
        )


def _why_not(
    file: PublishedFile, mirror: str, folder: Path, timeouts: tuple[float, float], progress: Progress
) -> str:
    """Fetches one file; empty text when it lies in the folder, else what the mirror did instead."""
    import pooch  # here, because most calls of this room need no network
    import requests

    name = f"{file.stem}.gz"
    downloader = pooch.HTTPDownloader(
        progressbar=_Bar(f"download {name} bytes", progress), chunk_size=BLOCK_BYTES, timeout=timeouts
    )
    with storage_errors(folder / name), _quiet(pooch.get_logger()):
        try:
            pooch.retrieve(f"{mirror}{name}", f"sha256:{file.archive}", name, str(folder), downloader=downloader)
        except requests.HTTPError as error:
            return f"answered {str(error).partition(' for url')[0]}"
        except requests.exceptions.ChunkedEncodingError:
            return f"broke off in the middle of {name}"
        except requests.RequestException as error:
            late = isinstance(error, requests.Timeout) or "timed out" in str(error)
            return "did not answer in time" if late else "could not be reached"
        except ValueError:  # so pooch reports a wrong checksum, having thrown the file away
            return f"sent a {name} that does not bear the published checksum"
    return ""


class _Bar:
    """Stands where pooch expects a bar of tqdm's kind, and tells the listener."""

    def __init__(self, stage: str, progress: Progress) -> None:
        self.total = 0
        self._stage = stage
        self._progress = progress
        self._done = 0

    def update(self, count: int) -> None:
        self._done = min(self._done + count, self.total or self._done + count)
        self._progress(self._stage, self._done, self.total or None)

    def reset(self) -> None:
        self._done = 0

    def close(self) -> None:
        pass


@contextlib.contextmanager
def _quiet(logger: logging.Logger) -> Iterator[None]:
    """Progress tells what is going on; pooch's own lines would run into it."""
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)
