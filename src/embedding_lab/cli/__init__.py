"""The command line: words come in; the result goes to stdout, and all that happens on the way to stderr.

Exit codes: 0 done, 1 failed with one message, 2 wrong usage, 3 the doctor found errors, 130 interrupted by Ctrl-C.
"""

from __future__ import annotations


def main() -> None:
    """Runs the command that the process was started with, and ends the process with its exit code."""
    from embedding_lab.cli.output import INTERRUPTED, prepare_streams

    prepare_streams()
    try:
        from embedding_lab.cli.commands import app  # here, so that Ctrl-C is heard while it is imported

        app()
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None
