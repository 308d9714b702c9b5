"""The table of commands: each is one function in the file that bears its name."""

from __future__ import annotations

from typing import Annotated

import typer

from embedding_lab import __version__
from embedding_lab.cli.demo import demo
from embedding_lab.cli.doctor import doctor
from embedding_lab.cli.export import export
from embedding_lab.cli.extract import extract
from embedding_lab.cli.layers import layers
from embedding_lab.cli.log import log
from embedding_lab.cli.output import reported
from embedding_lab.cli.project import project
from embedding_lab.cli.serve import serve
from embedding_lab.cli.trace import trace
from embedding_lab.cli.train import train

# Plain help and plain tracebacks: the decorated ones cost as much time as everything else together.
app = typer.Typer(name="embedding-lab", rich_markup_mode=None, pretty_exceptions_enable=False, no_args_is_help=True)
for command in (demo, train, layers, extract, project, log, trace, doctor, export, serve):
    app.command()(reported(command))


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"embedding-lab {__version__}")
        raise typer.Exit


@app.callback()
def every_command(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """See what every layer of your model learned.

    Results go to stdout, progress and messages to stderr.
    Exit codes: 0 done, 1 failed, 2 wrong usage, 3 the doctor found errors, 130 interrupted.
    """
