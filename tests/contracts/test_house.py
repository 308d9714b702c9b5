"""The house keeps its walls: rooms do not import each other, frameworks stay in the files that bear their names."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import embedding_lab as lab

HOUSE = Path(lab.__file__).parent
ROOMS = {"dataset", "model", "extraction", "projection", "insight", "board", "profiling", "tables"}
FRAMEWORKS = {"tensorflow", "keras", "torch", "jax", "onnx", "onnxruntime", "ray"}
SHARED = {"embeddings", "errors", "progress", "cores"}


def modules() -> list[Path]:
    return sorted(HOUSE.rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    """The dotted names a file imports anywhere, also inside functions and for type checking."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def name(path: Path) -> str:
    return path.relative_to(HOUSE).as_posix()


@pytest.mark.parametrize("path", [each for each in modules() if each.parent.name in ROOMS], ids=name)
def test_a_room_imports_only_itself_and_what_is_shared(path: Path) -> None:
    room = path.relative_to(HOUSE).parts[0]
    ours = [each.split(".") for each in imports(path) if each.split(".")[0] == "embedding_lab"]
    assert {parts[1] for parts in ours if len(parts) > 1} <= SHARED | {"__version__", "frameworks", room}


@pytest.mark.parametrize(
    "path", [each for each in modules() if each.parent.name in {"embeddings", "frameworks"}], ids=name
)
def test_what_rooms_share_knows_no_room(path: Path) -> None:
    ours = [each.split(".")[1] for each in imports(path) if each.startswith("embedding_lab.")]
    assert set(ours) <= SHARED | {path.parent.name}


@pytest.mark.parametrize("path", modules(), ids=name)
def test_a_framework_is_imported_only_where_its_name_stands(path: Path) -> None:
    used = {each.split(".")[0] for each in imports(path)} & FRAMEWORKS
    allowed = path.parent.name == "model" or set(path.stem.split("_")) & FRAMEWORKS
    assert not used or allowed, f"{name(path)} imports {', '.join(used)}"


@pytest.mark.parametrize("path", [each for each in modules() if each.read_text(encoding="utf-8").strip()], ids=name)
def test_every_file_begins_by_saying_what_it_is_for(path: Path) -> None:
    first = (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").partition("\n\n")[0]
    assert first.rstrip().endswith("."), name(path)


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
