"""Files as people have them: JSON, printed vectors, structs, packed, in parts, and with names that repeat."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
from collections.abc import Callable
from datetime import datetime, time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest

from embedding_lab.errors import BrokenFile, DataMissing, InputError
from embedding_lab.tables import Choice, open_vectors
from embedding_lab.tables.batches import TEXT_BLOCK_BYTES
from embedding_lab.tables.names import distinct
from tables.pets import KINDS, NAMES, VECTORS, read, written

PRINTED: dict[str, Callable[[Any], str]] = {
    "numpy": str,
    "numpy's repr": repr,
    "lists": lambda row: str(row.tolist()),
    "tuples": lambda row: str(tuple(row.tolist())),
    "bare numbers": lambda row: " ".join(map(str, row)),
}


@pytest.mark.parametrize("as_text", PRINTED.values(), ids=PRINTED)
def test_vectors_are_read_as_they_are_printed(tmp_path: Path, as_text: Callable[[Any], str]) -> None:
    table = {"note": ["[1 2] is", "(no)", None, "1 2"], "embedding": [*map(as_text, VECTORS)]}
    pa.parquet.write_table(pa.table(table), tmp_path / "a.parquet")
    np.testing.assert_allclose(read(tmp_path / "a.parquet").vectors, VECTORS)


def test_a_list_may_say_that_a_number_is_none(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('name,vector\na,"[1.0, 2.0]"\nb,"[nan, 1.0]"\n')
    with open_vectors(tmp_path / "a.csv", Choice()) as found:
        assert np.isnan(found.vectors[1, 0])


ROWS = VECTORS.tolist()
JSON: dict[str, str] = {
    "objects in a list": json.dumps([{"id": at, "meta": {"vec": row}} for at, row in enumerate(ROWS)], indent=1),
    "objects": "\n".join(json.dumps({"id": at, "meta": {"vec": row}}, indent=1) for at, row in enumerate(ROWS)),
    "columns": json.dumps({"id": list(range(4)), "embeddings": ROWS}),
    "lists in a list": json.dumps(ROWS),
    "lists": "\n".join(map(json.dumps, ROWS)),
}


@pytest.mark.parametrize("text", JSON.values(), ids=JSON)
def test_json_is_read_as_objects_and_as_lists_however_many_lines_they_have(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    found = read(tmp_path / "a.json")
    np.testing.assert_allclose(found.vectors, VECTORS)
    assert (found.ids is None) == ("id" not in text)


NO_TABLES: dict[str, tuple[str, Any]] = {
    "pandas' columns": ("holds one object", {"a": {"0": 0.1, "1": 0.2}, "b": {"0": 0.3, "1": 0.4}}),
    "pandas' split": ("holds one object", {"columns": ["a", "b"], "index": [0, 1], "data": VECTORS[:2].tolist()}),
    "an answer with embeddings": (
        "holds one object",
        {"data": [{"embedding": [0.1, 0.2]}], "usage": {"tokens": 8}},
    ),
    "words and their vectors": ("holds one object", {"king": [0.1, 0.2], "queen": [0.3, 0.4]}),
    "two tables": ("holds one object", {"train": [{"v": [0.1, 0.2]}], "test": [{"v": [0.3, 0.4]}]}),
    "columns of two lengths": ("holds one object", {"a": ["x"], "v": [[0.1], [0.2]]}),
    "an empty list": (r"no row of a table\. Got: \[\] in row 1", [[0.1, 0.2], [], [0.3, 0.4]]),
    "an empty object": (r"no row of a table\. Got: \{\} in row 0", [{}, {"v": [0.1, 0.2]}]),
    "lists of lists": (
        r"no row of a table\. Got: \[\[0, 1\], \[2, 3\]\] in row 0",
        [[[0, 1], [2, 3]], [[4, 5], [6, 7]]],
    ),
    "one list of numbers": (r"no row of a table\. Got: 0\.1 in row 0", [0.1, 0.2]),
}


@pytest.mark.parametrize(("said", "value"), NO_TABLES.values(), ids=NO_TABLES)
def test_json_of_which_it_is_not_plain_what_its_rows_are_is_refused(tmp_path: Path, said: str, value: Any) -> None:
    (tmp_path / "a.json").write_text(json.dumps(value))
    with pytest.raises(BrokenFile, match=said):
        read(tmp_path / "a.json")


def test_each_line_of_json_is_one_row(tmp_path: Path) -> None:
    (tmp_path / "one.jsonl").write_text('{"v": [0.5, -1.25]}\n')
    np.testing.assert_allclose(read(tmp_path / "one.jsonl").vectors, VECTORS[:1])
    for row in ("[]", "[[0.5, 1.5], [2.5, 3.5]]"):
        (tmp_path / "a.jsonl").write_text(f"[0.5, 1.5]\n{row}\n")
        with pytest.raises(BrokenFile, match="in row 1"):
            read(tmp_path / "a.jsonl")


def write(path: Path, table: dict[str, Any]) -> Path:
    pa.parquet.write_table(pa.table(table), path)
    return path


@pytest.mark.parametrize(
    ("table", "vectors"),
    [
        ({"f0": [0.1], "f1": [0.2], "f2": [0.3], "f3": [0.4], "size": ["(224, 224)"]}, "'f0' to 'f3', 4 columns"),
        ({"note": ["(1)"], "a": [0.1], "b": [0.2]}, "'a' to 'b', 2 columns"),
        ({"hidden": [[0.1, 0.2]], "bbox": ["(1, 2, 3, 4)"]}, "'hidden'"),
        ({"hidden": [[0.1, 0.2]], "objects": [{"category": [1], "embedding": [0.5]}]}, "'hidden'"),
        ({"a": [0.1], "b": [0.2], "meta": [{"score": 0.9, "at": [1, 2]}]}, "'a' to 'b', 2 columns"),
        ({"a": [0.1], "b": [0.2], "meta": [{"embedding": [0.5]}]}, "'meta.embedding'"),
        ({"a.0": [0.1], "a.1": [0.2]}, "'a.0' to 'a.1', 2 columns"),
        ({"weight": [1], "v": ["[0.1 0.2]"]}, "'v'"),
    ],
)
def test_what_may_only_perhaps_be_vectors_stands_behind_what_is(
    tmp_path: Path, table: dict[str, Any], vectors: str
) -> None:
    assert read(write(tmp_path / "a.parquet", table)).said[0].startswith(f"The vectors are {vectors}:")


@pytest.mark.parametrize(
    "table",
    [
        {"query.embedding": [[0.1]], "answer.embedding": [[0.2]]},
        {"query": [{"embedding": [0.1]}], "answer": [{"embedding": [0.2]}]},
        {"v": ["(1, 2)"], "w": ["[1 2]"]},
    ],
    ids=["names with dots", "fields of structs", "printed lists"],
)
def test_of_several_columns_that_may_as_well_be_the_vectors_none_is_taken(
    tmp_path: Path, table: dict[str, Any]
) -> None:
    with pytest.raises(InputError, match="Several columns look like vectors"):
        read(write(tmp_path / "a.parquet", table))


def test_a_field_of_a_struct_does_not_become_the_label_in_place_of_a_column(tmp_path: Path) -> None:
    meta = [{"source": source} for source in ["web", "book"] * 2]
    found = read(write(tmp_path / "a.parquet", {"breed": KINDS, "meta": meta, "vector": ROWS}))
    assert found.labels.to_pylist() == KINDS
    assert found.columns["meta.source"].to_pylist() == ["web", "book"] * 2


def test_labels_may_be_halves_of_floats(tmp_path: Path) -> None:
    labels = pa.array(np.array([0, 1, 0, 1], np.float16))
    found = read(write(tmp_path / "a.parquet", {"label": labels, "vector": ROWS}))
    assert found.labels.to_pylist() == [0, 1, 0, 1]


def test_the_fields_of_structs_are_columns_and_can_be_the_vectors(tmp_path: Path) -> None:
    meta = [{"kind": kind, "of": {"vector": row}} for kind, row in zip(KINDS, ROWS, strict=True)]
    pa.parquet.write_table(pa.table({"id": range(4), "meta": meta}), tmp_path / "a.parquet")
    found = read(tmp_path / "a.parquet")
    np.testing.assert_allclose(found.vectors, VECTORS)
    assert found.columns["meta.kind"].to_pylist() == KINDS
    assert found.said[0].startswith("The vectors are 'meta.of.vector'")


def test_text_as_polars_writes_it_is_text(tmp_path: Path) -> None:
    table = pa.table({"kind": pa.array(KINDS, pa.string_view()), "vector": ROWS})
    pa.feather.write_feather(table, tmp_path / "a.arrow", "uncompressed")
    assert read(tmp_path / "a.arrow").labels.to_pylist() == KINDS


def test_whole_labels_that_pandas_holds_as_floats_are_labels_and_no_part_of_the_vectors(tmp_path: Path) -> None:
    table = {"label": [1.0, None, float("nan"), 0.0], "a": [0.5] * 4, "b": [1.5] * 4}
    pa.parquet.write_table(pa.table(table), tmp_path / "a.parquet")
    found = read(tmp_path / "a.parquet")
    assert found.vectors.shape == (4, 2)
    assert found.labels.to_pylist()[::3] == [1.0, 0.0]


def test_a_text_that_is_always_the_same_is_no_label(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("object,a,b\nvector,1.5,2.5\nvector,3.5,4.5\n")
    assert read(tmp_path / "a.csv").labels is None


@pytest.mark.parametrize("separator", [" ", "\t", "  "])
def test_a_text_of_numbers_alone_has_no_words(tmp_path: Path, separator: str) -> None:
    np.savetxt(tmp_path / "a.txt", VECTORS, delimiter=separator)
    found = read(tmp_path / "a.txt")
    np.testing.assert_allclose(found.vectors, VECTORS)
    assert found.ids is None
    assert found.said == ("The file holds numbers alone: 2 in each of 4 lines.",)


def test_words_are_read_between_tabs_and_whole_numbers_are_words(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("new york\t.5\t-1.25\nparis\t2\t.125\n")
    assert read(tmp_path / "a.txt").ids == ["new york", "paris"]
    (tmp_path / "b.txt").write_text("2 2\nnew york\t.5\t-1.25\nparis\t2\t.125\n")
    assert read(tmp_path / "b.txt").ids == ["new york", "paris"]
    (tmp_path / "nodes.txt").write_text("17 .5 -1.25\n4 2 .125\n")
    (tmp_path / "signed.txt").write_text("-1 .5 -1.25\n0 2 .125\n")
    assert read(tmp_path / "signed.txt").ids == ["-1", "0"]
    (tmp_path / "amounts.txt").write_text("2.5 kg\t.5\t-1.25\n3.5 kg\t2\t.125\n")
    assert read(tmp_path / "amounts.txt").ids == ["2.5 kg", "3.5 kg"]
    with open_vectors(tmp_path / "nodes.txt", Choice()) as found:
        assert (found.ids, found.vectors.tolist()) == (["17", "4"], VECTORS[:2].tolist())


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": lambda data: bytes(pa.compress(data, "zstd", asbytes=True)),
}


@pytest.mark.parametrize("ending", PACKERS)
def test_a_packed_file_is_read_as_the_file_in_it(tmp_path: Path, ending: str) -> None:
    np.save(tmp_path / "v.npy", VECTORS)
    (tmp_path / f"v.npy{ending}").write_bytes(PACKERS[ending]((tmp_path / "v.npy").read_bytes()))
    np.testing.assert_array_equal(read(tmp_path / f"v.npy{ending}").vectors, VECTORS)
    (tmp_path / f"pets.csv{ending}").write_bytes(PACKERS[ending](written(";").encode()))
    assert read(tmp_path / f"pets.csv{ending}").labels.to_pylist() == KINDS


def test_arrays_of_pythons_objects_are_left_out_of_an_npz_and_refused_alone(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", vectors=VECTORS, labels=np.array(KINDS, object), names=np.array(NAMES))
    found = read(tmp_path / "a.npz")
    assert (found.labels, found.ids.tolist()) == (None, NAMES)
    assert any("they are Python's objects" in said and "labels" in said for said in found.said)
    np.save(tmp_path / "a.npy", np.array([[1], [1, 2]], object))
    with pytest.raises(BrokenFile, match=r"Got: Python's objects.*numpy\.stack"):
        read(tmp_path / "a.npy")


def test_every_column_has_a_name_of_its_own() -> None:
    assert distinct(["a", "b", "b", "", "", "b_2"]) == ["a", "b_1", "b_3", "unnamed_1", "unnamed_2", "b_2"]
    assert distinct(["#class", " kind of", ""]) == ["#class", " kind of", "unnamed"]


def test_columns_of_one_name_are_all_read(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("v,v,v,v\n.5,1.5,2.5,3.5\n")
    assert read(tmp_path / "a.csv").vectors.tolist() == [[0.5, 1.5, 2.5, 3.5]]


@pytest.mark.parametrize(
    ("ending", "write"),
    [(".parquet", pa.parquet.write_table), (".arrow", pa.feather.write_feather)],
    ids=["as Spark writes them", "as datasets write them"],
)
def test_the_parts_of_a_table_in_a_folder_are_one_table(tmp_path: Path, ending: str, write: Any) -> None:
    for part in range(2):
        rows = slice(2 * part, 2 * part + 2)
        write(pa.table({"id": NAMES[rows], "v": ROWS[rows]}), tmp_path / f"part-0000{part}{ending}")
    for beside in ("_SUCCESS", "state.json", "dataset_info.json", ".part-00000.crc"):
        (tmp_path / beside).write_text("{}")
    found = read(tmp_path)
    np.testing.assert_allclose(found.vectors, VECTORS)
    assert found.ids.to_pylist() == NAMES


def test_parts_come_by_the_numbers_in_their_names_and_the_broken_one_is_named(tmp_path: Path) -> None:
    for part in range(12):
        write(tmp_path / f"part.{part}.parquet", {"v": [[float(part), 0.5]]})
    assert read(tmp_path).vectors[:, 0].tolist() == list(range(12))
    (tmp_path / "part.11.parquet").write_bytes(b"PAR1 or not")
    with pytest.raises(BrokenFile, match=r"part\.11\.parquet cannot be read as PARQUET"):
        read(tmp_path)


def test_a_folder_without_a_table_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataMissing, match="no table in the folder"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("file", "content"), [("a.jsonl", b'{"v": [1'), ("a.json", b"[[]]"), ("a.npy", b"no"), ("a.vec", b"a\n")]
)
def test_what_is_wrong_in_a_packed_file_is_told_with_its_own_path(
    tmp_path: Path, file: str, content: bytes
) -> None:
    (tmp_path / f"{file}.gz").write_bytes(gzip.compress(content))
    with pytest.raises(BrokenFile) as refused:
        read(tmp_path / f"{file}.gz")
    assert str(tmp_path / f"{file}.gz") in refused.value.happened
    assert "embedding-lab-" not in str(refused.value)


def test_a_column_whose_first_values_are_missing_may_hold_text_and_an_empty_one_is_left_out(tmp_path: Path) -> None:
    row = f"{'0' * 500}.5,1.5,,\n"
    rows = row * (2 + TEXT_BLOCK_BYTES // len(row))
    (tmp_path / "a.csv").write_text(f"a,b,note,empty\n{rows}1.5,2.5,late,\n")
    found = read(tmp_path / "a.csv")
    assert found.columns["note"].to_pylist()[-1] == "late"
    assert found.said[-1] == "Left out, since they cannot be shown: empty."


EARLY, LATE = 400, 100
"""Rows of two kinds; the second begin blocks after the first."""

CHANGES: dict[str, tuple[str, str, list[Any]]] = {
    "whole, then broken": ("3", "0.5", [3.0, 0.5]),
    "whole, and missing": ("3", "", [3, None]),
    "whole and large": ("1234567890123456789", "7", [1234567890123456789, 7]),
    "whole, then a code": ("007", "A12", ["007", "A12"]),
    "broken, then a word": ("0.50", "high", ["0.50", "high"]),
    "empty, then whole": ("", "3", [None, 3]),
    "empty, then text": ("", "late", ["", "late"]),
    "empty": ("", "", []),
    "yes or no, then perhaps": ("true", "perhaps", ["true", "perhaps"]),
    "dates, then times": (
        "2026-01-02",
        "2026-01-02 10:00:00",
        [datetime(2026, 1, 2, 0, 0), datetime(2026, 1, 2, 10, 0)],
    ),
    "dates, then text": ("2026-01-02", "soon", ["2026-01-02", "soon"]),
    "times of day": ("10:00", "23:59:01", [time(10, 0), time(23, 59, 1)]),
    "times of day, then text": ("10:00", "noon", ["10:00", "noon"]),
}


@pytest.mark.parametrize(("early", "late", "held"), CHANGES.values(), ids=CHANGES)
def test_a_column_that_changes_after_the_first_block_has_one_type_from_the_first_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, early: str, late: str, held: list[Any]
) -> None:
    monkeypatch.setattr("embedding_lab.tables.batches.TEXT_BLOCK_BYTES", 1024)
    rows = [f"{early},1.5,{row}.5" for row in range(EARLY)] + [f"{late},2.5,{row}.5" for row in range(LATE)]
    (tmp_path / "a.csv").write_text("\n".join(["odd,a,b", *rows, ""]))
    found = read(tmp_path / "a.csv", vectors=["a", "b"])
    assert len(found.vectors) == EARLY + LATE
    values = found.columns["odd"].to_pylist() if "odd" in found.columns else []
    assert [*values[:1], *values[-1:]] == held


def test_vectors_and_ids_whose_type_changes_after_the_first_block_are_read_as_those_of_a_small_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [f"{row};1;2;3;,1;,2;,3;,4" for row in range(EARLY)]
    rows += [f"{row};1,5;2;3,5;,1;,2;,3;,4" for row in range(EARLY, EARLY + LATE)]
    (tmp_path / "a.csv").write_text("\n".join(["id;x;x;x;height;width;depth;weight", *rows, ""]))
    small = read(tmp_path / "a.csv")
    monkeypatch.setattr("embedding_lab.tables.batches.TEXT_BLOCK_BYTES", 1024)
    large = read(tmp_path / "a.csv")
    np.testing.assert_array_equal(large.vectors[[0, -1]], [[1, 2, 3], [1.5, 2, 3.5]])
    np.testing.assert_array_equal(large.vectors, small.vectors)
    assert large.ids.to_pylist() == small.ids.to_pylist() == [str(row) for row in range(EARLY + LATE)]
    assert large.said == small.said


@pytest.mark.parametrize(
    ("file", "write"), [("a.parquet", pa.parquet.write_table), ("a.arrow", pa.feather.write_feather)]
)
def test_labels_of_a_table_that_datasets_wrote_have_the_names_of_their_classes(
    tmp_path: Path, file: str, write: Any
) -> None:
    features = {"label": {"names": ["cat", "dog"], "_type": "ClassLabel"}, "id": {"_type": "Value"}}
    about = {"huggingface": json.dumps({"info": {"features": features}})}
    table = pa.table({"id": range(4), "label": [1, 0, -1, None], "vector": ROWS})
    write(table.replace_schema_metadata(about), tmp_path / file)
    assert read(tmp_path / file).labels.to_pylist() == ["dog", "cat", None, None]
    write(table.replace_schema_metadata({"huggingface": "[1"}), tmp_path / file)
    assert read(tmp_path / file).labels.to_pylist() == [1, 0, -1, None]
