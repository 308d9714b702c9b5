"""What a command prints: its result on stdout, and when it fails one clear message on stderr."""

from __future__ import annotations

import functools
import json
import os
import sys
import traceback
import warnings
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from pathlib import PurePath
from typing import Any, TextIO

import typer

from embedding_lab.errors import LabError

FAILED = 1
INTERRUPTED = 130  # 128 + SIGINT, as shells count


def prepare_streams() -> None:
    """Makes what is printed fit for any terminal, and warnings one line each."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a "×" must not end a command on an old terminal
    warnings.formatwarning = lambda message, *_, **__: f"warning: {message}\n"


def show(result: Mapping[str, Any], text: str, as_json: bool) -> None:
    """Prints a command's result, the only thing that ever goes to stdout.

    A reader that has gone away (`| head`) is no failure: the work is done.

    Args:
        result: what `--json` prints, as one object.
        text: what a person reads.
        as_json: which of the two.
    """
    out = sys.__stdout__
    assert out is not None
    try:
        print(json.dumps(result, default=_plain) if as_json else text, file=out, flush=True)
    except BrokenPipeError:
        _send_to_nowhere(out)


def reported(command: Callable[..., None]) -> Callable[..., None]:
    """The command with its failures told: by a message, with `--json` an object on stdout too, and the exit code.

    While it runs, stray prints of libraries go to stderr.
    """

    @functools.wraps(command)
    def run(**options: Any) -> None:
        as_json, debug = options["as_json"], options["debug"]
        try:
            with redirect_stdout(sys.stderr):
                command(**options)
        except (typer.Exit, typer.Abort, typer.BadParameter):
            raise
        except KeyboardInterrupt:
            told = LabError("Interrupted.", remedy="What was complete is kept.")
            _fail(told, "Interrupted", INTERRUPTED, as_json, debug)
        except LabError as error:
            _fail(error, type(error).__name__, FAILED, as_json, debug)
        except Exception as error:
            told = LabError(
                "That should not have happened: a bug in embedding-lab.",
                got=f"{type(error).__name__}: {error}",
                remedy="Run the command again with --debug and report what it prints.",
            )
            _fail(told, "Bug", FAILED, as_json, debug)

    return run


def _fail(error: LabError, kind: str, code: int, as_json: bool, debug: bool) -> None:
    if debug:
        traceback.print_exc()
    try:
        print(f"error: {error}", file=sys.stderr, flush=True)
    except BrokenPipeError:
        _send_to_nowhere(sys.stderr)
    if as_json:
        fields = ("happened", "got", "expected", "remedy")
        told = {"type": kind, **{field: getattr(error, field) for field in fields}}
        show({"error": told}, "", as_json=True)
    raise typer.Exit(code) from None


def _plain(value: object) -> object:
    """JSON's form of the values that results hold beside Python's own."""
    if isinstance(value, PurePath):
        from embedding_lab.embeddings.places import shown

        return shown(value)
    if hasattr(value, "tolist"):  # numpy's scalars and arrays
        return value.tolist()
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _send_to_nowhere(stream: TextIO) -> None:
    """Lets the flush at the interpreter's end succeed although the reader has gone."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
