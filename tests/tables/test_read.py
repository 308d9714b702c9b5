"""Files of vectors of every kind are read; which columns are what is guessed and said, and can be chosen."""

from __future__ import annotations

import gzip
import io
import json
import re
import struct
import subprocess
import sys
import tempfile
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet
import pytest
from PIL import Image

from embedding_lab.embeddings import as_dataset
from embedding_lab.errors import (
    BrokenFile,
    DataMissing,
    EmptyData,
    InputError,
    LabError,
    ShapeMismatch,
    StorageError,
    UnknownName,
)
from embedding_lab.tables import SUFFIXES, Choice, Found, open_vectors

VECTORS = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
KINDS = ["cat", "dog", None, "cat", "dog", "cat"]
NAMES = [f"pet {row}" for row in range(6)]
WEIGHTS = [1, 2, 3, 4, 5, 6]


def read(path: Path, **choice: Any) -> Found:
    with open_vectors(path, Choice(**choice)) as found:
        return Found(np.array(found.vectors), found.labels, found.ids, found.images, found.columns, found.said)


def as_lists() -> pa.Table:
    return pa.table({"name": NAMES, "kind": KINDS, "weight": WEIGHTS, "embedding": VECTORS.tolist()})


def as_columns() -> pa.Table:
    numbers = {f"dim_{at}": VECTORS[:, at] for at in range(3)}
    return pa.table({"name": NAMES, "kind": KINDS, "weight": WEIGHTS, **numbers})


def write_stream(table: pa.Table, path: Path) -> None:
    with pa.ipc.new_stream(path, table.schema) as stream:
        stream.write_table(table)


def write_lines(table: pa.Table, path: Path) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in table.to_pylist()))


def write_tabs(table: pa.Table, path: Path) -> None:
    pa.csv.write_csv(table, path, pa.csv.WriteOptions(delimiter="\t"))


def with_text(table: pa.Table) -> pa.Table:
    return table.set_column(3, "embedding", pa.array([json.dumps(row) for row in table["embedding"].to_pylist()]))


TABLES: dict[str, tuple[str, Callable[[pa.Table, Path], Any], pa.Table]] = {
    "Parquet": ("pets.parquet", pa.parquet.write_table, as_lists()),
    "Parquet of columns": ("pets.parquet", pa.parquet.write_table, as_columns()),
    "Arrow": ("pets.arrow", pa.feather.write_feather, as_lists()),
    "an Arrow stream": ("pets.arrow", write_stream, as_lists()),
    "JSON lines": ("pets.jsonl", write_lines, as_lists()),
    "CSV": ("pets.csv", pa.csv.write_csv, as_columns()),
    "CSV of lists": ("pets.CSV", pa.csv.write_csv, with_text(as_lists())),
    "TSV": ("pets.tsv", write_tabs, as_columns()),
}


@pytest.mark.parametrize(("file", "write", "table"), TABLES.values(), ids=TABLES)
def test_vectors_labels_ids_and_columns_of_a_table_are_found(
    tmp_path: Path, file: str, write: Any, table: Any
) -> None:
    write(table, tmp_path / file)
    found = read(tmp_path / file)
    np.testing.assert_allclose(found.vectors, VECTORS, rtol=1e-6)
    data = as_dataset(found.vectors, ids=found.ids, labels=found.labels, columns=found.columns)
    assert data.ids.tolist() == NAMES
    assert data.label_texts is not None
    assert data.label_texts.tolist() == [kind or "" for kind in KINDS]
    columns = {name: values.tolist() for name, values in data.columns.items()}
    assert columns["weight"] == WEIGHTS
    assert columns["name"] == NAMES  # found by their own names too
    assert [kind or "" for kind in columns["kind"]] == [kind or "" for kind in KINDS]
    said = " ".join(found.said)
    assert (
        "3 numbers for each of 6 samples. The labels are 'kind'. The ids are 'name'. "
        "Further columns: weight (numbers)." in said
    )


def test_parts_of_a_table_can_be_chosen(tmp_path: Path) -> None:
    pa.parquet.write_table(as_columns(), tmp_path / "pets.parquet")
    found = read(tmp_path / "pets.parquet", vectors=["dim_2", "dim_0"], labels="name", ids="weight")
    np.testing.assert_array_equal(found.vectors, VECTORS[:, [2, 0]])
    assert (found.labels.to_pylist(), found.ids.to_pylist()) == (NAMES, list("123456"))
    assert sorted(found.columns) == ["dim_1", "kind", "name", "weight"]
    for wrong in ({"vectors": ["size"]}, {"labels": "size"}, {"ids": "size"}):
        with pytest.raises(UnknownName, match="Column 'size'"):
            read(tmp_path / "pets.parquet", **wrong)


@pytest.mark.parametrize(
    ("vectors", "got"), [(["kind"], "string"), (["weight", "kind"], "string"), (["raw"], "binary")]
)
def test_a_column_that_holds_no_numbers_is_refused_as_vectors(tmp_path: Path, vectors: list[str], got: str) -> None:
    table = pa.table({"kind": ["a", None], "weight": [1, 2], "raw": [b"1", b"2"]})
    pa.parquet.write_table(table, tmp_path / "pets.parquet")
    with pytest.raises(InputError, match=rf"'{vectors[-1]}' holds no vectors\. Got: (the text 'a'|{got})"):
        read(tmp_path / "pets.parquet", vectors=vectors)


def test_a_y_of_broken_numbers_is_a_coordinate_and_one_that_counts_is_the_label(tmp_path: Path) -> None:
    (tmp_path / "three.csv").write_text("kind,x,y,z\na,.1,.2,.3\nb,.4,.5,.6\n")
    np.testing.assert_allclose(read(tmp_path / "three.csv").vectors, [[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]])
    (tmp_path / "two.csv").write_text("x,z,y\n.1,.3,0\n.4,.6,1\n")
    found = read(tmp_path / "two.csv")
    assert found.vectors.shape == (2, 2)
    assert found.labels is not None
    assert found.labels.to_pylist() == [0, 1]


def test_a_text_that_begins_with_a_bracket_is_no_vector(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("note,dim_0,dim_1,dim_2\n[sic] a,1,2,3\nb,4,5,6\n")
    assert read(tmp_path / "a.csv").vectors.tolist() == [[1, 2, 3], [4, 5, 6]]


def test_columns_of_categories_are_labels_and_ids_as_text_is(tmp_path: Path) -> None:
    table = pa.table({"name": list("abcd"), "group": ["x", "y"] * 2, "vector": [[1.0], [2.0], [3.0], [4.0]]})
    coded = [table[name].dictionary_encode() for name in ("name", "group")]
    pa.parquet.write_table(pa.table([*coded, table["vector"]], table.column_names), tmp_path / "a.parquet")
    found = read(tmp_path / "a.parquet")
    assert (found.ids.to_pylist(), found.labels.to_pylist()) == (list("abcd"), ["x", "y"] * 2)


@pytest.mark.parametrize(("file", "part"), [("a.npy", "labels"), ("a.vec", "ids"), ("a.safetensors", "labels")])
def test_a_part_that_a_kind_of_file_does_not_have_cannot_be_chosen(tmp_path: Path, file: str, part: str) -> None:
    (tmp_path / file).touch()
    with pytest.raises(InputError, match=rf"could be called 'mine'\. Got: --{part} mine, which is no file either"):
        read(tmp_path / file, **{part: "mine"})


def test_a_table_of_numbers_alone_needs_no_header(tmp_path: Path) -> None:
    np.savetxt(tmp_path / "vectors.tsv", VECTORS, delimiter="\t")
    found = read(tmp_path / "vectors.tsv")
    np.testing.assert_allclose(found.vectors, VECTORS, rtol=1e-6)
    assert found.labels is None


def test_repeated_ids_stay_a_column_and_reserved_names_are_given_another(tmp_path: Path) -> None:
    table = pa.table({"id": ["a", "a"], "split": ["x", "y"], "vector": [[1.0], [2.0]], "raw": [b"1", b"2"]})
    table = table.append_column("split_given", pa.array([1, 2]))
    pa.parquet.write_table(table, tmp_path / "some.parquet")
    found = read(tmp_path / "some.parquet")
    assert found.ids is None
    assert list(found.columns) == ["id_given", "split_given_given", "split_given"]
    assert "Left out, since they cannot be shown: raw." in found.said


def test_a_table_larger_than_a_block_is_read_whole_and_in_order(tmp_path: Path) -> None:
    rows = np.arange(20_000, dtype=np.float32)
    pa.parquet.write_table(
        pa.table({"vector": rows.reshape(-1, 2).tolist(), "at": range(10_000)}), tmp_path / "a.parquet"
    )
    found = read(tmp_path / "a.parquet")
    np.testing.assert_array_equal(found.vectors.reshape(-1), rows)
    assert found.columns["at"].to_pylist() == list(range(10_000))


@pytest.mark.parametrize("header", [True, False], ids=["word2vec", "GloVe"])
def test_vectors_of_words_are_read_from_text(tmp_path: Path, header: bool) -> None:
    lines = [f"wörd{row} " + " ".join(map(str, VECTORS[row])) for row in range(6)]
    (tmp_path / "words.vec").write_text("\n".join([*(["6 3"] if header else []), *lines, ""]), encoding="utf-8")
    found = read(tmp_path / "words.vec")
    np.testing.assert_allclose(found.vectors, VECTORS, rtol=1e-6)
    assert found.ids == [f"wörd{row}" for row in range(6)]


@pytest.mark.parametrize("header", ["", "3 2\n"])
def test_words_may_hold_spaces_as_those_of_glove(tmp_path: Path, header: str) -> None:
    (tmp_path / "words.txt").write_text(f"{header}the 1 2\n. . . 3 4\nat name@domain.com 5 6\n")
    found = read(tmp_path / "words.txt")
    assert (found.ids, found.vectors.tolist()) == (
        ["the", ". . .", "at name@domain.com"],
        [[1, 2], [3, 4], [5, 6]],
    )


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_vectors_of_words_are_read_from_word2vecs_binary_form(tmp_path: Path, end: bytes) -> None:
    words = b"".join(f"w{row} ".encode() + VECTORS[row].tobytes() + end for row in range(6))
    (tmp_path / "words.bin").write_bytes(b"6 3\n" + words)
    found = read(tmp_path / "words.bin")
    np.testing.assert_array_equal(found.vectors, VECTORS)
    assert found.ids == [f"w{row}" for row in range(6)]


def test_an_npz_gives_the_table_and_what_has_an_entry_for_each_row(tmp_path: Path) -> None:
    images = np.zeros((6, 4, 4), np.uint8)
    np.savez(
        tmp_path / "all.npz", x=VECTORS, y=np.arange(6) % 2, name=NAMES, images=images, weight=WEIGHTS, loss=[3.0]
    )
    found = read(tmp_path / "all.npz")
    np.testing.assert_array_equal(found.vectors, VECTORS)
    assert found.labels.tolist() == [0, 1] * 3
    assert found.ids.tolist() == NAMES
    assert found.images.shape == (6, 4, 4)
    assert list(found.columns) == ["weight"]
    assert "Left out: loss." in found.said


def test_an_array_that_is_chosen_must_be_one_table(tmp_path: Path) -> None:
    np.savez(tmp_path / "all.npz", x=VECTORS, y=np.arange(6))
    with pytest.raises(InputError, match=r"one table of numbers\. Got: 'y' \(6,\)"):
        read(tmp_path / "all.npz", vectors=["y"])
    with pytest.raises(InputError, match="one table of numbers"):
        read(tmp_path / "all.npz", vectors=["x", "y"])


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on a file's size to set")
def test_a_disk_that_takes_no_more_while_vectors_are_read_is_said(tmp_path: Path) -> None:
    import resource

    pa.parquet.write_table(pa.table({"vector": np.zeros((1000, 500)).tolist()}), tmp_path / "a.parquet")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, before[1]))
    try:
        with pytest.raises(StorageError, match=re.escape(tempfile.gettempdir())):
            read(tmp_path / "a.parquet")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def write_safetensors(path: Path, tensors: dict[str, tuple[str, tuple[int, ...], bytes]]) -> None:
    header, at = {}, 0
    for name, (dtype, shape, content) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + len(content)]}
        at += len(content)
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(content for _, _, content in tensors.values()))


def test_safetensors_are_read_also_as_bfloat16(tmp_path: Path) -> None:
    halves = (VECTORS.view("<u4") >> 16).astype("<u2")
    tensors = {
        "bias": ("F32", (3,), VECTORS[0].tobytes()),
        "embedding": ("F32", (6, 3), VECTORS.tobytes()),
        "half": ("BF16", (6, 3), halves.tobytes()),
    }
    write_safetensors(tmp_path / "all.safetensors", tensors)
    np.testing.assert_array_equal(read(tmp_path / "all.safetensors").vectors, VECTORS)
    half = read(tmp_path / "all.safetensors", vectors=["half"]).vectors
    np.testing.assert_allclose(half, VECTORS, rtol=1e-2)


def test_what_the_package_of_safetensors_writes_is_read(tmp_path: Path) -> None:
    safetensors = pytest.importorskip("safetensors.numpy", reason="no safetensors: pip install safetensors")
    safetensors.save_file({"x": VECTORS}, tmp_path / "x.safetensors", metadata={"by": "someone"})
    np.testing.assert_array_equal(read(tmp_path / "x.safetensors").vectors, VECTORS)


def parquet(columns: dict[str, Any]) -> bytes:
    file = io.BytesIO()
    pa.parquet.write_table(pa.table(columns), file)
    return file.getvalue()


BAD: dict[str, tuple[str, bytes, type[LabError], str]] = {
    "an unknown kind": ("a.xyz", b"", InputError, "kind that is not known"),
    "no Parquet": ("a.parquet", b"PAR1 or not", BrokenFile, "cannot be read as PARQUET"),
    "no Arrow": ("a.arrow", b"nothing", BrokenFile, "cannot be read as ARROW"),
    "CSV whose rows differ": ("a.csv", b"a,b\n1.5,2\n3\n", BrokenFile, "cannot be read as CSV"),
    "CSV of nothing": ("a.csv", b"a,b\n", EmptyData, "no samples"),
    "text alone": ("a.csv", b"a,b\nx,y\n", InputError, r"looks like vectors\. Got: a \(string\), b \(string\)"),
    "JSON that is no row": ("a.jsonl", b'"a"\n', BrokenFile, "no row of a table"),
    "JSON that is cut short": ("a.jsonl", b'{"v": [1, 2]}\n{"v": [1', BrokenFile, "cannot be read as JSONL"),
    "arrays that numpy shortened": ("a.csv", b"v,w\n[1 2],x\n[1 ... 2],y\n", InputError, "leaves out the middle"),
    "no packed file": ("a.jsonl.gz", b"no", BrokenFile, r"cannot be unpacked\. Got: Not a gzipped file"),
    "a packed file cut short": ("a.csv.gz", gzip.compress(b"a,b\n1,2\n" * 99)[:30], BrokenFile, "unpacked"),
    "an unknown kind, packed": ("a.xyz.gz", b"", InputError, r"kind that is not known.*lab\.log_embeddings"),
    "a cell that is missing": ("a.csv", b"a,b\n1.5,2.5\n,3.5\n", InputError, "nothing in 1 rows, first in row 1"),
    "a list without its end": (
        "a.csv",
        b'v\n"[1,2]"\n"[1,2"\n',
        InputError,
        r"'v' holds no vectors\. Got: the text '\[1,2'",
    ),
    "a list that is missing": ("a.jsonl", b'{"v": "[1, 2]"}\n{"v": null}\n', InputError, "nothing in 1 rows"),
    "JSON that changes its mind": (
        "a.jsonl",
        b'{"v": [1, 2], "w": 1}\n' * 4096 + b'{"v": [1, 2], "w": "x"}\n',
        BrokenFile,
        "cannot be read as JSONL",
    ),
    "words without numbers": ("a.txt", b"one\ntwo\n", BrokenFile, "no numbers behind b'one"),
    "vectors of two lengths": (
        "a.jsonl",
        b'{"v": [1, 2]}\n{"v": [1]}\n',
        InputError,
        "1 numbers in row 1, and 2 before",
    ),
    "two lists": ("a.jsonl", b'{"v": [1, 2], "w": [1, 2]}\n', InputError, "Several columns .* --vectors v, and"),
    "words of two lengths": ("a.vec", b"a 1 2\nb 1\n", BrokenFile, "vectors of words"),
    "binary words cut short": ("a.bin", b"2 2\na 12345678b 123", BrokenFile, "the end of the file after 0 words"),
    "raw bytes": ("a.parquet", parquet({"v": [b"1234"]}), InputError, r"numpy\.frombuffer"),
    "no npz": ("a.npz", b"PK", BrokenFile, "no .npz file"),
    "no safetensors": ("a.safetensors", b"\xff" * 20, BrokenFile, "no safetensors"),
}


@pytest.mark.parametrize(("file", "content", "error", "said"), BAD.values(), ids=BAD)
def test_what_cannot_be_read_is_said(tmp_path: Path, file: str, content: bytes, error: Any, said: str) -> None:
    (tmp_path / file).write_bytes(content)
    with pytest.raises(error, match=said):
        read(tmp_path / file)


def test_blocks_of_two_lengths_a_missing_file_and_a_tensor_cut_short_are_refused(tmp_path: Path) -> None:
    lines = ['{"v": [1, 2]}'] * 4096 + ['{"v": [1]}']
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    with pytest.raises(ShapeMismatch, match=r"not of one length\. Got: 1 numbers after row 4,096"):
        read(tmp_path / "a.jsonl")
    with pytest.raises(DataMissing, match="There is no file"):
        read(tmp_path / "gone.csv")
    write_safetensors(tmp_path / "b.safetensors", {"x": ("F32", (6, 3), VECTORS.tobytes())})
    (tmp_path / "b.safetensors").write_bytes((tmp_path / "b.safetensors").read_bytes()[:-4])
    with pytest.raises(BrokenFile, match="cut short"):
        read(tmp_path / "b.safetensors")


@pytest.mark.parametrize("told", ["docs/files.md", "src/embedding_lab/cli/log.py"])
def test_every_ending_that_is_read_is_named_in_the_docs_and_the_commands_help(told: str) -> None:
    text = Path(__file__).parents[2].joinpath(told).read_text(encoding="utf-8")
    assert [suffix for suffix in SUFFIXES if not re.search(rf"{re.escape(suffix)}\b", text)] == []


SCRIPT = """
import resource, sys
from pathlib import Path
from embedding_lab.tables import Choice, open_vectors
with open_vectors(Path(sys.argv[1]), Choice()) as found:
    print(len(found.vectors), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.long
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no resource module to ask")
def test_a_file_of_ten_times_the_rows_needs_no_more_memory(tmp_path: Path) -> None:
    peaks = []
    for rows in (40_000, 400_000):
        block = pa.table({"vector": np.zeros((10_000, 256), np.float32).tolist()})
        path = tmp_path / f"{rows}.parquet"
        with pa.parquet.ParquetWriter(path, block.schema) as file:
            for _ in range(rows // 10_000):
                file.write_table(block)
        done = subprocess.run([sys.executable, "-c", SCRIPT, path], capture_output=True, text=True, check=True)
        peaks.append(int(done.stdout.split()[1]) / (1024 if sys.platform != "darwin" else 1024**2))
    assert peaks[1] - peaks[0] < 100, f"{peaks[0]:.0f} MB, then {peaks[1]:.0f} MB, for 400 MB of vectors"


def sound() -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((1, 2, 8000, 0, "NONE", ""))
        writer.writeframes(bytes(80))
    return file.getvalue()


def test_pictures_sounds_links_and_texts_are_known_and_said(tmp_path: Path) -> None:
    pictures = np.random.default_rng(1).integers(0, 256, (6, 9, 12), np.uint8)
    files = []
    for picture in pictures:
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "PNG")
        files.append(file.getvalue())
    (tmp_path / "second.png").write_bytes(files[0])
    table = pa.table(
        {
            "embedding": VECTORS.tolist(),
            "photo": pa.array([{"bytes": file, "path": None} for file in files]),
            "other photo": ["second.png"] * 6,
            "tone": [sound(), None] * 3,
            "raw": [b"?"] * 6,
            "page": ["https://example.org"] * 6,
            "story": ["Once upon a time. " * 20] * 6,
            "weight": WEIGHTS,
        }
    )
    pa.parquet.write_table(table, tmp_path / "a.parquet", row_group_size=2)
    with open_vectors(tmp_path / "a.parquet", Choice()) as found:
        np.testing.assert_array_equal(found.images[:], pictures)
        tones = found.columns["tone"]
        assert [tones.file(row) for row in range(2)] == [sound(), None]
        assert found.columns["other photo"].file(3) == files[0]
        told = " ".join(found.said)
    assert "The pictures are 'photo'." in told
    for kind in (
        "other photo (pictures)",
        "tone (sounds)",
        "page (links)",
        "story (long texts)",
        "weight (numbers)",
    ):
        assert kind in told
    assert "Left out, since they cannot be shown: raw." in told


def test_paths_beside_a_table_are_its_pictures(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    lines = ["dim_0,dim_1,file"]
    for row in range(4):
        Image.fromarray(np.full((5, 7), 60 * row, np.uint8)).save(tmp_path / "pictures" / f"{row}.png")
        lines.append(f"{row},1,pictures/{row}.png")
    (tmp_path / "a.csv").write_text("\n".join(lines))
    with open_vectors(tmp_path / "a.csv", Choice()) as found:
        assert found.images.shape == (4, 5, 7)
        assert found.images[2].max() == 120
        assert found.ids.to_pylist() == [f"pictures/{row}.png" for row in range(4)]


def test_whole_numbers_that_no_column_can_hold_become_fractions(tmp_path: Path) -> None:
    path = tmp_path / "huge.jsonl"
    path.write_text(
        '{"v": [1, 2], "n": 123456789012345678901234567890}\n{"v": [3, 4], "n": -9223372036854775808}\n'
    )
    with open_vectors(path, Choice()) as found:
        assert found.columns["n"].to_pylist() == [123456789012345678901234567890.0, -9223372036854775808.0]


def test_a_column_of_several_types_is_named(tmp_path: Path) -> None:
    path = tmp_path / "mixed.jsonl"
    path.write_text('{"v": [1, 2], "l": 1}\n{"v": [3, 4], "l": "b"}\n')
    with pytest.raises(BrokenFile, match="column 'l'"), open_vectors(path, Choice()):
        pass


def test_a_y_beside_an_x_is_a_coordinate_and_an_id_never_is(tmp_path: Path) -> None:
    path = tmp_path / "plane.csv"
    path.write_text("id,x,y\n1.5,0.5,2\n2.5,1.5,3\n")
    with open_vectors(path, Choice()) as found:
        np.testing.assert_array_equal(found.vectors, [[0.5, 2], [1.5, 3]])


def test_decimals_are_numbers(tmp_path: Path) -> None:
    price = pa.array(["1.5", "2.5"]).cast(pa.decimal128(5, 2))
    pa.parquet.write_table(pa.table({"vector": [[1.0], [2.0]], "price": price}), tmp_path / "a.parquet")
    with open_vectors(tmp_path / "a.parquet", Choice()) as found:
        assert found.columns["price"].to_pylist() == [1.5, 2.5]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("short.txt", b"5 2\ncat 1 2\n", "says 5 words"),
        ("uneven.txt", b"cat 1 2 3\ndog 4 5\n", "behind 'dog' in place of 3"),
        ("noise.bin", b"\x00\x01\x02" * 50, "how many words"),
    ],
)
def test_what_is_wrong_with_words_is_said(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BrokenFile, match=said), open_vectors(tmp_path / name, Choice()):
        pass
