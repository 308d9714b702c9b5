"""Runs the command line as a user's shell does: as a process, with its streams and exit code."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]
SECONDS = 300.0


@pytest.fixture
def cli(tmp_path: Path) -> Run:
    """`cli("layers", "m.keras")` runs `embedding-lab layers m.keras` in an empty folder."""

    def run(*words: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "embedding_lab", *map(str, words)]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=SECONDS, check=False)

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
