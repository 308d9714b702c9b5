"""The process that holds TensorBoard: it lives exactly as long as the process that started it.

`board/launch.py` starts it as

    python -m embedding_lab.board.server LOGDIR HOST PORT PATH_PREFIX

and holds the other end of its standard input. That end closes when the starter closes the board, ends, or
is killed, on every operating system, so TensorBoard never outlives it. Unlike TensorBoard's own
command it leaves no note in the temporary folder, from which a later `%tensorboard` would believe
that it still runs.
"""

from __future__ import annotations

import argparse
import mimetypes
import os
import sys
from typing import Any
from urllib.parse import urlsplit

SERVING = "embedding-lab: TensorBoard serves on port"
NEIGHBOURS_TRIED = 20


def main(logdir: str, host: str, port: str, path_prefix: str) -> None:
    """Serves a log folder until standard input closes; says on standard output which port it got."""
    from tensorboard import program

    # On Windows the registry may claim that scripts are plain text, and the page stays white.
    mimetypes.add_type("text/javascript", ".js")
    tensorboard = program.TensorBoard(server_class=_on_a_free_port)
    tensorboard.configure(("tensorboard",), logdir=logdir, host=host, port=int(port), path_prefix=path_prefix)
    try:
        url = tensorboard.launch()
    except program.TensorBoardServerException as refused:
        sys.exit(refused.msg)
    print(SERVING, urlsplit(url).port, flush=True)
    sys.stdin.buffer.read()
    os._exit(0)  # nothing is left to tidy, and TensorBoard's threads need not be asked


def _on_a_free_port(wsgi_app: Any, flags: argparse.Namespace) -> Any:
    """TensorBoard's server on the port asked for, else on one of the next, else on any."""
    from tensorboard import program

    last = min(flags.port + NEIGHBOURS_TRIED, 65535)
    for port in (*range(flags.port, last + 1), 0):
        try:
            return program.WerkzeugServer(wsgi_app, argparse.Namespace(**{**vars(flags), "port": port}))
        except program.TensorBoardPortInUseError:
            continue
    raise program.TensorBoardServerException("There is no free port.")


if __name__ == "__main__":
    main(*sys.argv[1:])
