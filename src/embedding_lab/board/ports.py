"""Says which program holds a port, so that a message can name it instead of shrugging."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def port_owner(port: int) -> str:
    """The program that listens on a TCP port of this machine, in words.

    Args:
        port: the port's number.

    Returns:
        Name, process number and the beginning of the command line, or "another program" where the
        operating system does not tell (the program of another user, another container).
    """
    import psutil

    for process in psutil.process_iter():
        try:
            if _listens(process.net_connections("tcp"), port):
                command = " ".join(process.cmdline())
                shown = command if len(command) <= 80 else command[:79] + "…"
                return f"{process.name()} (process {process.pid}: {shown})"
        except psutil.Error:  # another user's process, or one that has just ended
            continue
    return "another program"


def _listens(connections: Iterable[Any], port: int) -> bool:
    import psutil

    return any(each.status == psutil.CONN_LISTEN and each.laddr.port == port for each in connections)
