"""Runs the command line as a user's shell does: as a process, with its streams and exit code."""

from __future__ import annotations

import io
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from embedding_lab.cli import main

Run = Callable[..., "subprocess.CompletedProcess[str]"]
SECONDS = 300.0


class Ended(NamedTuple):
    """How a command ended that ran in this process."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def cli(tmp_path: Path) -> Run:
    """`cli("layers", "m.keras")` runs `embedding-lab layers m.keras` in an empty folder."""

    def run(*words: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "embedding_lab", *map(str, words)]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=SECONDS, check=False)

    return run


@pytest.fixture(scope="session")
def here() -> Callable[..., Ended]:
    """The same in this process, which has loaded TensorFlow only once for all of them."""

    def run(folder: Path, *words: object) -> Ended:
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
            warnings.simplefilter("default")  # as in a process of its own, where warnings are no errors
            warnings.simplefilter("ignore", DeprecationWarning)
            patch.chdir(folder)
            patch.setattr(sys, "argv", ["embedding-lab", *map(str, words)])
            patch.setattr(sys, "__stdout__", out)
            patch.setattr(sys, "stderr", err)
            patch.setattr(warnings, "formatwarning", warnings.formatwarning)
            with pytest.raises(SystemExit) as ended:
                main()
        return Ended(int(ended.value.code or 0), out.getvalue(), err.getvalue())

    return run


@pytest.fixture
def toy(tmp_path: Path) -> Run:
    """`toy("raise ValueError('x')", "--json")` runs a command whose body is that statement."""

    def run(body: str, *words: str) -> subprocess.CompletedProcess[str]:
        lines = "\n".join(f"    {line}" for line in body.splitlines())
        (tmp_path / "toy.py").write_text(TOY.replace("    BODY", lines))
        command = [sys.executable, "toy.py", *words]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=SECONDS, check=False)

    return run


TOY = """
import os, signal, sys, warnings
import typer
from embedding_lab.cli.options import Debug, Json
from embedding_lab.cli.output import prepare_streams, reported, show
from embedding_lab.cli.progress import shown_progress
from embedding_lab.errors import UnknownName

def command(as_json: Json = False, debug: Debug = False) -> None:
    BODY

prepare_streams()
app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)
app.command()(reported(command))
app()
"""
