"""What the documents say runs, and where they point something is."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer.main

import embedding_lab as lab
from embedding_lab.cli.commands import app

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_inside_the_project_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target


WITHOUT_A_PAGE = {"Audio", "PR Curves", "Mesh", "Custom Scalars"}
"""Tabs of TensorBoard that nothing of ours fills."""


def test_every_tab_has_a_page_that_says_what_one_sees_what_it_tells_and_what_it_cannot(tmp_path: Path) -> None:
    index, *pages = sorted((ROOT / "docs" / "tabs").glob("*.md"), key=lambda page: page.name != "README.md")
    texts = {page.name: page.read_text(encoding="utf-8") for page in pages}
    titles = {text.splitlines()[0].removeprefix("# ") for text in texts.values()}
    assert titles == set(lab.doctor(tmp_path).tabs) - WITHOUT_A_PAGE
    for name, text in texts.items():
        said = re.findall(r"^\*\*(What (?:you see|it tells you|it can't))\b", text, re.MULTILINE)
        assert said == ["What you see", "What it tells you", "What it can't"], name
        assert f"({name})" in index.read_text(encoding="utf-8"), name


@pytest.mark.usefixtures("quick_tensorboard")
@pytest.mark.filterwarnings("ignore:Port 6006 is taken")
@pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning")  # Lightning 2.6 with PyTorch 2.13
@pytest.mark.filterwarnings("ignore:.*does not have many workers")
@pytest.mark.parametrize(
    "page", [each for each in PAGES if "```python" in each.read_text(encoding="utf-8")], ids=name
)
def test_every_python_block_runs_as_it_stands(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for block in re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
        for package in re.findall(r"^(?:import|from) (\w+)", block, re.MULTILINE):
            pytest.importorskip(package, reason=f"no {package}: pip install {package}")
        exec(compile(block, name(page), "exec"), {"__name__": "__main__"})


def commands(page: Path) -> list[str]:
    """The command lines that stand in blocks of their own, without what is said beside them."""
    text = page.read_text(encoding="utf-8")
    return re.findall(r"^ {4}(?:\.venv/bin/)?embedding-lab (\S.*?)(?: {2,}.*)?$", text, re.MULTILINE)


@pytest.mark.parametrize("page", [each for each in PAGES if commands(each)], ids=name)
def test_every_command_line_is_one_that_the_command_takes(page: Path) -> None:
    known: Any = typer.main.get_command(app)
    for line in commands(page):
        command, *words = shlex.split(line)
        known.commands[command].make_context(command, words)
