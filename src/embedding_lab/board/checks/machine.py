"""This machine as TensorBoard finds it: installed packages, their plugins, and notes of servers that ran here."""

from __future__ import annotations

import importlib.util
import json
import re
import socket
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from embedding_lab.board.ports import port_owner

PLUGIN_GROUP = "tensorboard_plugins"
USUAL_PORT = 6006
CONNECT_SECONDS = 0.2


@dataclass(frozen=True)
class Package:
    """An installed distribution.

    Attributes:
        name: normalised, such as "tb-nightly".
        version: as it says.
        requires: what it wants, such as "protobuf>=6.31.1; extra == 'x'".
        plugins: the TensorBoard plugins it brings.
        folder: where it is installed.
    """

    name: str
    version: str
    requires: tuple[str, ...]
    plugins: tuple[str, ...]
    folder: Path


@dataclass(frozen=True)
class BoardNote:
    """What a TensorBoard left in the temporary folder, and what a later one believes.

    Attributes:
        path: the note.
        pid: the process it names; `runs` says whether that is a TensorBoard still.
        port: where it served.
        logdir: what it showed.
        started: when, seconds since 1970.
    """

    path: Path
    pid: int
    port: int
    logdir: str
    started: float
    runs: bool


@dataclass(frozen=True)
class Machine:
    """What the checks of the environment look at.

    Attributes:
        packages: every installed distribution, also those installed twice.
        boards: notes of TensorBoards that ran or run here.
        tensorflow: whether TensorBoard can use TensorFlow, without which it reads no checkpoint.
        listener: the program that holds TensorBoard's usual port, in words; "" where it is free.
    """

    packages: tuple[Package, ...]
    boards: tuple[BoardNote, ...]
    tensorflow: bool
    listener: str = ""

    @classmethod
    def here(cls, paths: Sequence[str] | None = None, temporary: Path | None = None) -> Machine:
        """Looks around, importing nothing that it finds.

        Args:
            paths: folders with packages; the interpreter's own when left out.
            temporary: the folder for temporary files; the system's when left out.
        """
        found = metadata.distributions() if paths is None else metadata.distributions(path=list(paths))
        notes = Path(temporary or tempfile.gettempdir()) / ".tensorboard-info"
        return cls(tuple(_packages(found)), tuple(_boards(notes)), _importable("tensorflow"), _listener(USUAL_PORT))

    def versions(self, *names: str) -> dict[str, str]:
        """The versions of those packages that are installed, by name."""
        return {each.name: each.version for each in self.packages if each.name in names}

    def brings(self, plugin: str) -> list[Package]:
        """The packages that bring a TensorBoard plugin of this name."""
        return [each for each in self.packages if plugin in each.plugins]


def _packages(found: Iterable[metadata.Distribution]) -> Iterable[Package]:
    seen = set()
    for each in found:
        name = re.sub(r"[-_.]+", "-", each.metadata["Name"] or "").lower() if each.metadata else ""
        folder = Path(str(each.locate_file("")))
        if name and (name, folder) not in seen:
            seen.add((name, folder))
            plugins = tuple(point.name for point in each.entry_points if point.group == PLUGIN_GROUP)
            yield Package(name, each.version, tuple(each.requires or ()), plugins, folder)


def _boards(folder: Path) -> Iterable[BoardNote]:
    for path in sorted(folder.glob("pid-*.info")):
        try:
            note = json.loads(path.read_text("utf-8"))
            yield BoardNote(
                path,
                int(note["pid"]),
                int(note["port"]),
                str(note["logdir"]),
                float(note["start_time"]),
                _is_tensorboard(int(note["pid"]), float(note["start_time"])),
            )
        except (OSError, ValueError, KeyError, TypeError, OverflowError):
            continue  # TensorBoard passes over these too


def _is_tensorboard(pid: int, started: float) -> bool:
    """Whether the process still is the one that wrote the note: numbers of processes are used again."""
    import psutil

    try:
        return bool(psutil.Process(pid).create_time() <= started + 1)
    except (psutil.Error, ValueError, OverflowError):
        return False


def _listener(port: int) -> str:
    with socket.socket() as ours:
        ours.settimeout(CONNECT_SECONDS)
        taken = ours.connect_ex(("127.0.0.1", port)) == 0
    return port_owner(port) if taken else ""


def _importable(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False
