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


def test_every_failure_that_fix_mends_is_reproduced_mended_and_shown_by_real_tensorboard() -> None:
    """By the cases of test_mended.py, or by the test named here."""
    elsewhere = {"profile-misplaced": "test_profiles_in_wrong_places_are_copied_to_where_the_tab_looks"}
    shown = {*_findings_of_cases(), *(name for name, test in elsewhere.items() if test in _tests())}
    for number, _, _, findings, fix in _rows():
        if fix.startswith("yes"):
            assert shown & set(re.findall(r"`([a-z0-9-]+)`", findings)), number


AVOIDED = {
    "6": "test_logging_and_launching_again_shows_the_new_points",
    "7": "test_logging_twice_erases_nothing",
    "10": "test_no_folder_has_to_be_made_before_logging",
    "18": "test_logging_goes_through_no_file_layer_of_a_framework",
    "19": "test_two_traces_in_one_process_are_two_runs",
    "20": "test_the_tools_of_the_profile_tab_have_content",
    "22": "test_a_tf_function_that_was_called_before_still_shows_its_graph_and_says_so",
    "23": "test_a_sequential_model_without_an_input_can_be_extracted_from_also_after_loading",
    "24": "test_it_leaves_no_note_from_which_another_tensorboard_believes_it_still_runs",
}


def test_every_failure_that_an_api_leads_into_has_a_test_that_ours_does_not() -> None:
    assert {number for number, _, kind, *_ in _rows() if "API" in kind} == set(AVOIDED)
    assert set(AVOIDED.values()) <= _tests()


def _rows() -> list[list[str]]:
    """Number, what one sees, kind, findings and fix of every known failure and wrong number."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")]
    return [row for row in rows if re.fullmatch(r"\d+|[a-h]", row[0])]


def _tests() -> set[str]:
    return {
        name
        for path in Path(__file__).parents[2].rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }


def _findings_of_cases() -> set[str]:
    cases = Path(__file__).with_name("test_mended.py").read_text(encoding="utf-8")
    return set(re.findall(r'^@case\("([a-z0-9-]+)"', cases, re.MULTILINE))


def test_every_check_is_in_the_table() -> None:
    written = {
        node.name
        for path in FAMILIES
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("check_")
    }
    assert written == {check.__name__ for check in checks.CHECKS}  # type: ignore[attr-defined]
