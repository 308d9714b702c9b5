"""The house keeps its walls: rooms do not import each other, frameworks stay in the files that bear their names."""

from __future__ import annotations

import ast
import functools
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

import embedding_lab as lab

HOUSE = Path(lab.__file__).parent
ROOMS = {"dataset", "model", "extraction", "projection", "insight", "board", "profiling", "tables"}
FRAMEWORKS = {"tensorflow", "keras", "torch", "jax", "onnx", "onnxruntime", "ray"}
SHARED = {"embeddings", "errors", "progress", "cores"}


FILES = sorted(HOUSE.rglob("*.py"))


@functools.cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@functools.cache
def imports(path: Path) -> list[str]:
    """The dotted names a file imports anywhere, also inside functions and for type checking."""
    found = []
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return found


def room_of(path: Path) -> str:
    """The folder of the house in which a file lies; "" for one that lies in none."""
    return path.relative_to(HOUSE).parts[0] if path.parent != HOUSE else ""


def ours(path: Path) -> set[str]:
    """The rooms, and the files beside them, that a file imports."""
    return {each.split(".")[1] for each in imports(path) if each.startswith("embedding_lab.")}


def breaches(files: Iterable[Path], breach: Callable[[Path], object]) -> dict[str, object]:
    """What is wrong with files, by name."""
    return {path.relative_to(HOUSE).as_posix(): wrong for path in files if (wrong := breach(path))}


def test_a_room_imports_only_itself_and_what_is_shared() -> None:
    in_rooms = [path for path in FILES if room_of(path) in ROOMS]
    assert len({room_of(path) for path in in_rooms}) > 5
    assert not breaches(in_rooms, lambda path: ours(path) - SHARED - {"__version__", "frameworks", room_of(path)})


def test_what_rooms_share_knows_no_room() -> None:
    shared = [path for path in FILES if room_of(path) in {"embeddings", "frameworks"}]
    assert shared
    assert not breaches(shared, lambda path: ours(path) - SHARED - {room_of(path)})


def test_a_framework_is_imported_only_where_its_name_stands() -> None:
    def used_elsewhere(path: Path) -> set[str]:
        named = room_of(path) == "model" or set(path.stem.split("_")) & FRAMEWORKS
        return set() if named else {each.split(".")[0] for each in imports(path)} & FRAMEWORKS

    assert not breaches(FILES, used_elsewhere)


def test_every_file_begins_by_saying_what_it_is_for() -> None:
    def says_nothing(path: Path) -> bool:
        first = (ast.get_docstring(parsed(path)) or "").partition("\n\n")[0]
        return bool(path.read_text(encoding="utf-8").strip()) and not first.rstrip().endswith(".")

    assert not breaches(FILES, says_nothing)


def test_importing_the_lab_loads_nothing_heavy() -> None:
    script = "import sys, embedding_lab; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    heavy = FRAMEWORKS | {"numpy", "pyarrow", "tensorboard", "sklearn", "rich", "typer", "scipy"}
    assert not set(loaded.split()) & heavy


@pytest.mark.parametrize("public", [each for each in lab.__all__ if not each.startswith("__")])
def test_every_public_name_loads_and_is_documented(public: str) -> None:
    assert getattr(lab, public).__doc__


def test_a_name_that_is_not_public_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = lab.nothing
