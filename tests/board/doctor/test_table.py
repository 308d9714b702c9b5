"""The table in the docs and the doctor's checks speak of the same findings."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import embedding_lab
from embedding_lab.board import checks
from embedding_lab.board.checks.assets import KINDS
from embedding_lab.board.doctor import CHECK_FAILED

PAGE = Path(__file__).parents[3] / "docs" / "doctor.md"
FAMILIES = [*Path(checks.__file__).parent.glob("*.py"), Path(embedding_lab.__file__).parent / "board" / "doctor.py"]
NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)+")
BUILDERS = {"Finding", "finding", "_finding", "_name_finding", "_mismatch"}


def names_in_code() -> set[str]:
    """The first argument of whatever makes a finding."""
    found = {CHECK_FAILED, *(f"{kind}-missing" for kind in KINDS)}
    for path in FAMILIES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in BUILDERS:
                texts = [each.value for each in ast.walk(node.args[0]) if isinstance(each, ast.Constant)]
                found |= {text for text in texts if isinstance(text, str) and NAME.fullmatch(text)}
    return found


def test_every_finding_is_in_the_docs_and_every_one_in_the_docs_exists() -> None:
    named = set(re.findall(r"`([a-z0-9]+(?:-[a-z0-9]+)+)`", PAGE.read_text(encoding="utf-8")))
    assert named == names_in_code()


def test_every_known_failure_has_its_row() -> None:
    rows = re.findall(r"^\| (\d+) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert rows == [str(number) for number in range(1, 29)]


def test_every_check_is_in_the_table() -> None:
    written = {
        node.name
        for path in FAMILIES
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("check_")
    }
    assert written == {check.__name__ for check in checks.CHECKS}  # type: ignore[attr-defined]
