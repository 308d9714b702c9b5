"""Ends a command that wrote into a log folder: what TensorBoard will show of it, and exit 3 where that fails."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from embedding_lab.cli.output import show

if TYPE_CHECKING:
    from embedding_lab.board.doctor import Diagnosis

FOUND_ERRORS = 3


def show_examined(result: Mapping[str, Any], text: str, logdir: Path, as_json: bool) -> None:
    """Prints the result with the doctor's word on the log folder as its last paragraph but one, and ends.

    Args:
        result: what `--json` prints; the doctor's word is added as "doctor".
        text: what a person reads; its last line says how to go on.
        logdir: the folder that TensorBoard will be opened on.
        as_json: which of the two.
    """
    from embedding_lab.board.doctor import doctor
    from embedding_lab.embeddings.remote_files import remote_address

    if remote_address(logdir):  # the doctor fetches all that lies there, and is asked for when wanted
        show(result, text, as_json)
        return
    diagnosis = doctor(logdir)
    said, _, how_to_go_on = text.rpartition("\n")
    show({**result, "doctor": diagnosis.to_dict()}, f"{said}\n\n{diagnosis.brief()}\n{how_to_go_on}", as_json)
    end(diagnosis)


def end(diagnosis: Diagnosis) -> None:
    """Ends the command with 3 where there are errors."""
    if not diagnosis.ok:
        raise typer.Exit(FOUND_ERRORS)
