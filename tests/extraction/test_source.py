"""Which source a model gets, whatever is installed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from embedding_lab.errors import DataMissing, MissingDependency
from embedding_lab.extraction import layer_table
from embedding_lab.extraction.source import other_input


@pytest.mark.parametrize("name", ["nothing.keras", "nothing.h5", "nothing.onnx", "a SavedModel"])
def test_a_file_that_is_not_there_is_said_before_a_framework_is_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    for package in ("keras", "tensorflow", "onnxruntime"):
        monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(DataMissing, match=f"There is no file .*{name}"):
        layer_table(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "missing", "extra"),
    [
        ("m.keras", "keras", "tensorflow"),
        ("m.onnx", "onnxruntime", "onnx"),
        ("saved_model.pb", "tensorflow", "tensorflow"),
    ],
)
def test_without_what_reads_a_file_the_install_command_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, missing: str, extra: str
) -> None:
    (tmp_path / name).touch()
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(MissingDependency, match=rf'needs {missing}, .* pip install "embedding-lab\[{extra}\]"'):
        layer_table(tmp_path if name == "saved_model.pb" else tmp_path / name)


def test_what_a_framework_said_stands_in_one_line_without_what_is_meant_for_a_terminal() -> None:
    said = ValueError("Exception encountered when calling Dense.\n\n\x1b[1mNo such\x1b[0m  matrix.\n")
    told = "the model said: Exception encountered when calling Dense. No such matrix. Expected"
    assert told in str(other_input((3,), (4,), said))
