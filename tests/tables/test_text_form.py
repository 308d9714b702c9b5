"""Texts of columns as people have them: with other delimiters, encodings and headers than their names promise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embedding_lab.errors import InputError
from embedding_lab.tables.text_form import HEAD_BYTES, text_form
from tables.pets import KINDS, NAMES, VECTORS, read, written

TEXTS: dict[str, tuple[str, bytes, str]] = {
    "a mark of its encoding": ("a.csv", written().encode("utf-8-sig"), ""),
    "semicolons": ("a.csv", written(";").encode(), "Between cells stand semicolons."),
    "tabs in a .csv": ("a.csv", written("\t").encode(), "Between cells stand tabs."),
    "commas in a .tsv": ("a.tsv", written(",").encode(), "Between cells stand commas."),
    "bars": ("a.csv", written("|").encode(), "Between cells stand bars."),
    "decimal commas": ("a.csv", written(";", ",").encode(), "Numbers have a decimal comma."),
    "decimal commas between tabs": ("a.tsv", written("\t", ",").encode(), "Numbers have a decimal comma."),
    "Windows' encoding": ("a.csv", written().encode("cp1252"), "The text is not UTF-8; it was read as cp1252."),
    "UTF-16": ("a.csv", written().encode("utf-16"), "The text is not UTF-8; it was read as utf-16."),
    "Windows' ends of lines": ("a.csv", written(end="\r\n").replace("the\n", "the\r\n").encode(), ""),
    "spaces around names": ("a.csv", written(header=" name,kind ,x,y").encode(), ""),
    "remarks first": ("a.csv", ("# made by hand\n# in two lines\n" + written()).encode(), ""),
    "a header that is a remark": ("a.csv", written(header="# name,kind,x,y").encode(), ""),
    "no names": ("a.csv", written(header="").encode(), ""),
}


@pytest.mark.parametrize(("file", "content", "said"), TEXTS.values(), ids=TEXTS)
def test_a_text_is_read_as_it_is_written(tmp_path: Path, file: str, content: bytes, said: str) -> None:
    (tmp_path / file).write_bytes(content)
    found = read(tmp_path / file)
    np.testing.assert_allclose(found.vectors, VECTORS)
    assert found.labels.to_pylist() == KINDS
    names = found.columns["name" if "name" in found.columns else "f0"].to_pylist()
    assert [" ".join(each.split()) for each in names] == [" ".join(each.split()) for each in NAMES]
    assert said in found.said or not said


@pytest.mark.parametrize(
    ("text", "vectors"),
    [
        ("0,1,2\n1.5,2.5,3.5\n4.5,5.5,6.5\n", [[1.5, 2.5, 3.5], [4.5, 5.5, 6.5]]),
        ("0,1,2\n3,4,5\n", [[0, 1, 2], [3, 4, 5]]),
        ("3,4\n7,1\n5,5\n", [[3, 4], [7, 1], [5, 5]]),
        ('7,"[0.1, 0.2]"\n8,"[0.3, 0.2]"\n', [[0.1, 0.2], [0.3, 0.2]]),
        ("0_1,0_2\n1.5,2.5\n", [[1.5, 2.5]]),
        ("0.5,1,2\n1.5,2.5,3.5\n", [[0.5, 1, 2], [1.5, 2.5, 3.5]]),
        ("1,2\n3,4\n1,1\n", [[1, 2], [3, 4], [1, 1]]),
        (",a,b\n0,1,2\n1,3,4\n", [[1, 2], [3, 4]]),
        ("a,a,b\n1.5,2.5,3.5\n", [[1.5, 2.5, 3.5]]),
        ("a,b,\n1.5,2.5,\n", [[1.5, 2.5]]),
    ],
    ids=[
        "names that count",
        "whole numbers that count",
        "whole numbers",
        "a number and a list",
        "names that Python takes for numbers",
        "fractions",
        "rows that count",
        "pandas' index",
        "one name twice",
        "a comma at the end",
    ],
)
def test_a_first_line_of_numbers_is_a_header_only_where_it_counts_the_columns(
    tmp_path: Path, text: str, vectors: Any
) -> None:
    (tmp_path / "a.csv").write_text(text)
    np.testing.assert_allclose(read(tmp_path / "a.csv").vectors, vectors)


@pytest.mark.parametrize(
    ("first", "below", "header"),
    [
        ("sample,1100,1102,1104", "a,0.1,0.2,0.3", True),
        ("country,2019,2021,2023", "France,1,2,3", True),
        ("label,0,1,2", "a,3,4,5\nb,9,1,2", True),
        ("name,2019,weight,x", "Ada,1,2,3", True),
        (",0,1,2", "0,.1,.2,.3", True),
        ("sample,400.5,401.0,401.5", "a,0.1,0.2,0.3", True),
        ("name,inf,x", "Ada,1,2", True),
        ("cat,0.1,0.2,0.3", "dog,0.4,0.9,0.6", False),
        ("cat,0.1,,NA,0.3", "dog,0.4,NA,0.9,0.6", False),
        ("5.1,3.5,1.4,0.2,Iris-setosa", "4.9,3.0,1.4,0.2,Iris-setosa", False),
        ("cat,0,0,255", "dog,1,3,4", False),
        ('cat,"[1, 2]"', 'dog,"[3, 4]"', False),
    ],
)
def test_a_first_line_of_texts_and_numbers_is_a_sample_unless_all_of_it_may_be_names_and_which_is_said(
    tmp_path: Path, first: str, below: str, header: bool
) -> None:
    (tmp_path / "a.csv").write_text(f"{first}\n{below}\n")
    form = text_form(tmp_path / "a.csv", ",")
    assert form.header == header
    assert form.said == (f"The first line was taken for {'names of columns' if header else 'a sample'}.",)


def test_rows_may_begin_with_the_mark_of_remarks_and_how_many_of_these_were_left_out_is_said(
    tmp_path: Path,
) -> None:
    (tmp_path / "a.csv").write_text("# by hand\n#cat,.1,.2\n#dog,.3,.4\n#cow,.1,.6\nbird,.4,.5\n")
    found = read(tmp_path / "a.csv")
    assert found.columns["f0"].to_pylist() == ["#cat", "#dog", "#cow", "bird"]
    assert found.said[0] == "Lines left out, since they begin with #: 1."
    (tmp_path / "b.csv").write_text("".join(f"#{at},{at / 7:.3f},{at / 3:.3f}\n" for at in range(20_000)))
    assert read(tmp_path / "b.csv").vectors.shape == (20_000, 2)
    (tmp_path / "c.csv").write_text("# by us, in May, twice\n# seed,4,2\nname,x,y\nAda,.1,.2\n")
    assert read(tmp_path / "c.csv").ids.to_pylist() == ["Ada"]


@pytest.mark.parametrize(
    ("text", "dims"),
    [
        ("id\tvector\ttags\n1\t[0.1, 0.2]\t1,2\n", 2),
        ("a\tb\tc\tpop\n1\t2\t3\t1,234\n", 3),
        ("a\tb\tc\tmen\twomen\n1.5\t2\t3\t1,234\t2,345\n", 3),
        ("a\tb\tc\ttags\tothers\n1\t2\t3\t1,2\t3,4\n", 3),
        ("label\ta\tb\n1\t0,123\t4,567\n", 2),
    ],
    ids=["lists of whole numbers", "thousands", "two of thousands", "two of lists", "three decimals"],
)
def test_commas_are_decimal_where_several_columns_and_most_numbers_have_them_and_not_as_thousands(
    tmp_path: Path, text: str, dims: int
) -> None:
    (tmp_path / "a.tsv").write_text(text)
    assert read(tmp_path / "a.tsv").vectors.shape == (1, dims)


@pytest.mark.parametrize("text", ["[0,1 0,2]", "0,1 0,2"])
def test_a_list_with_decimal_commas_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.tsv").write_text(f"id\tvector\n1\t{text}\n")
    with pytest.raises(InputError, match="looks like vectors"):
        read(tmp_path / "a.tsv")


def test_text_in_an_encoding_that_is_not_known_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("text,x,y\n世界、,.1,.2\n".encode("shift-jis"))
    found = read(tmp_path / "a.csv")
    assert (found.vectors.shape, found.said[-1]) == ((1, 2), "Left out, since they cannot be shown: text.")


def test_a_semicolon_in_each_text_does_not_part_the_cells(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("0.1,0.2,x;y\n0.3,0.4,x;z\n")
    assert read(tmp_path / "a.csv").vectors.shape == (2, 2)


def test_only_the_head_of_a_file_is_looked_at_whatever_ends_its_lines(tmp_path: Path) -> None:
    rows = b"name,x,y\r" + b"Ada,.1,.2\r" * (HEAD_BYTES // 10)
    (tmp_path / "a.csv").write_bytes(rows)
    assert len(read(tmp_path / "a.csv").vectors) == HEAD_BYTES // 10
    (tmp_path / "a.csv").write_bytes(rows + "Bär,.1,.2".encode("cp1252"))
    assert text_form(tmp_path / "a.csv", ",").encoding == "utf-8-sig"


def test_a_row_of_many_columns_and_a_cell_of_many_numbers_are_looked_at_whole(tmp_path: Path) -> None:
    wide = ";".join(["0,5".ljust(100, "0")] * 3_000) + "\n"
    assert len(wide) > HEAD_BYTES
    (tmp_path / "wide.csv").write_text(wide + wide)
    assert read(tmp_path / "wide.csv").vectors.shape == (2, 3_000)
    rows = "".join(f'n{at},"{[0.5] * 60_000}"\n' for at in range(3))
    (tmp_path / "long.csv").write_text("name,vector\n" + rows)
    assert read(tmp_path / "long.csv").vectors.shape == (3, 60_000)
