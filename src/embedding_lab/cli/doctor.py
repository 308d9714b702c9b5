"""`embedding-lab doctor`: says what TensorBoard will show of a log folder, what not, and why."""

from __future__ import annotations

from typing import Annotated

import typer

from embedding_lab.cli.examined import end
from embedding_lab.cli.options import Debug, Json
from embedding_lab.cli.output import show


def doctor(
    logdir: Annotated[str, typer.Argument(help="Folder that holds the runs, whoever wrote them.")],
    fix: Annotated[
        bool, typer.Option("--fix", help="Mend what can be mended safely; what is changed is kept as .bak.")
    ] = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Say what each tab of TensorBoard will show, what not, and how to mend it. Exit 3 when there are errors."""
    from embedding_lab.board.doctor import doctor as examine

    diagnosis = examine(logdir, fix=fix)
    show(diagnosis.to_dict(), str(diagnosis), as_json)
    end(diagnosis)
