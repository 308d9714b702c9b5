"""Results go to stdout, everything else to stderr, and the exit code says how it ended."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]

HEAVY = {"numpy", "tensorflow", "keras", "tensorboard", "pyarrow", "sklearn", "PIL", "rich", "psutil"}
SHOW = "show({'answer': 42}, 'The answer is 42.', as_json)"
UNKNOWN = "raise UnknownName('Layer x does not exist.', got='x', expected='one of y, z', remedy='List them.')"


def test_the_result_is_all_that_goes_to_stdout(toy: Run) -> None:
    done = toy(f"print('a library prints'); warnings.warn('take care')\n{SHOW}")
    assert (done.returncode, done.stdout) == (0, "The answer is 42.\n")
    assert done.stderr == "a library prints\nwarning: take care\n"


def test_json_is_one_object(toy: Run) -> None:
    assert json.loads(toy(SHOW, "--json").stdout) == {"answer": 42}


def test_json_takes_numpys_numbers_and_paths(toy: Run) -> None:
    done = toy(
        "import numpy, pathlib\n"
        "show({'n': numpy.int64(3), 'x': numpy.float32(0.5), 'at': pathlib.PurePosixPath('a/b')}, '', True)"
    )
    assert json.loads(done.stdout) == {"n": 3, "x": 0.5, "at": "a/b"}


def test_a_known_error_is_one_clear_message(toy: Run) -> None:
    done = toy(UNKNOWN)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: Layer x does not exist. Got: x. Expected: one of y, z. List them.\n"


def test_with_json_the_error_is_an_object_too(toy: Run) -> None:
    done = toy(UNKNOWN, "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["error"] == {
        "type": "UnknownName",
        "happened": "Layer x does not exist.",
        "got": "x",
        "expected": "one of y, z",
        "remedy": "List them.",
    }


def test_the_traceback_is_printed_with_debug_only(toy: Run) -> None:
    assert "Traceback" not in toy(UNKNOWN).stderr
    assert "Traceback" in toy(UNKNOWN, "--debug").stderr


def test_an_unexpected_error_says_that_it_is_a_bug_and_how_to_see_more(toy: Run) -> None:
    done = toy("raise ZeroDivisionError('half an answer')")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "a bug in embedding-lab" in line
    assert "ZeroDivisionError: half an answer" in line
    assert "--debug" in line


@pytest.mark.parametrize("words", [[], ["--json"]])
def test_an_interruption_is_a_clear_line(toy: Run, words: list[str]) -> None:
    done = toy("signal.raise_signal(signal.SIGINT)", *words)
    assert done.returncode == 130
    assert done.stderr == "error: Interrupted. What was complete is kept.\n"
    assert ("Interrupted" in done.stdout) == bool(words)


@pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell's pipe")
def test_a_reader_that_has_gone_is_no_failure(toy: Run, tmp_path: Path) -> None:
    toy("show({}, 'x' * 1_000_000, as_json); print('the command goes on')")
    script = f"set -o pipefail; {sys.executable} toy.py | true"
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "the command goes on\n")


def test_signs_that_the_terminal_lacks_do_not_end_a_command(toy: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    assert toy("show({}, '8192 × 8192', as_json)").stdout == "8192 ? 8192\n"


@pytest.mark.parametrize("words", [["serv"], ["serve"], ["serve", ".", "--port", "70000"], ["serve", "--what"], []])
def test_wrong_usage_is_2(cli: Run, words: list[str]) -> None:
    done = cli(*words)
    assert done.returncode == 2
    assert "Usage: " in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_it_tells_its_version(cli: Run) -> None:
    from embedding_lab import __version__

    assert cli("--version").stdout == f"embedding-lab {__version__}\n"


def test_help_lists_every_command_with_a_sentence(cli: Run) -> None:
    lines = cli("--help").stdout.split("Commands:")[1].strip().splitlines()
    assert {"demo", "train", "layers", "extract", "log", "serve"} <= {line.split()[0] for line in lines}
    assert all(len(line.split()) > 3 for line in lines)


@pytest.mark.parametrize("words", [["--help"], ["demo", "--help"]])
def test_help_loads_nothing_heavy(words: list[str]) -> None:
    check = (
        "import sys; sys.argv = ['embedding-lab', *sys.argv[1:]]\n"
        "from embedding_lab.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        f"heavy = {HEAVY} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", check, *words], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
