"""IDX files: what is written is read, and nothing broken is ever believed."""

from __future__ import annotations

import gzip
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from embedding_lab.dataset.idx import NUMBER_TYPES, IdxHeader, idx_blocks, read_idx
from embedding_lab.errors import BrokenFile, DataMissing, InputError, StorageError

arrays = hnp.arrays(
    st.sampled_from(list(NUMBER_TYPES.values())), hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5)
)
WriteIdx = Callable[[Path, NDArray[Any]], Path]


def content_of(array: NDArray[Any]) -> bytes:
    return b"".join(map(bytes, idx_blocks(array)))


@settings(deadline=None)
@given(array=arrays, name=st.sampled_from(["a", "a.gz"]))
def test_an_array_comes_back_as_it_was_written(
    array: NDArray[Any], name: str, scratch: Path, write_idx: WriteIdx
) -> None:
    back = read_idx(write_idx(scratch / name, array))
    assert back.dtype == array.dtype
    assert back.shape == array.shape
    assert back.tobytes() == array.tobytes()


@settings(deadline=None)
@given(array=arrays, data=st.data())
def test_a_file_cut_anywhere_is_refused(array: NDArray[Any], data: st.DataObject, scratch: Path) -> None:
    whole = content_of(array)
    if data.draw(st.booleans(), label="gzipped"):
        whole = gzip.compress(whole)
    path = scratch / "cut"
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1), label="kept bytes")])
    with pytest.raises(BrokenFile, match="cut"):
        read_idx(path)


@settings(deadline=None, max_examples=150)
@given(array=arrays, data=st.data())
def test_flipped_bytes_are_refused_or_read_as_they_stand(
    array: NDArray[Any], data: st.DataObject, scratch: Path
) -> None:
    content = content_of(array)
    gzipped = data.draw(st.booleans(), label="gzipped")
    broken = bytearray(gzip.compress(content) if gzipped else content)
    for place in data.draw(st.sets(st.integers(0, len(broken) - 1), min_size=1, max_size=3), label="places"):
        broken[place] ^= data.draw(st.integers(1, 255), label="flip")
    path = scratch / "flipped"
    path.write_bytes(broken)
    try:
        back = read_idx(path)
    except BrokenFile:
        return
    assert content_of(back) == (content if gzipped else bytes(broken))


@settings(deadline=None)
@given(content=st.binary(max_size=60))
def test_any_bytes_at_all_are_refused_or_read_as_they_stand(content: bytes, scratch: Path) -> None:
    path = scratch / "any"
    path.write_bytes(content)
    try:
        back = read_idx(path)
    except BrokenFile:
        return
    assert content_of(back) == content


@settings(deadline=None)
@given(extra=st.binary(min_size=1, max_size=9), gzipped=st.booleans())
def test_bytes_after_the_end_are_refused(extra: bytes, gzipped: bool, scratch: Path) -> None:
    content = content_of(np.arange(12, dtype=np.uint8).reshape(3, 4)) + extra
    path = scratch / "longer"
    path.write_bytes(gzip.compress(content) if gzipped else content)
    with pytest.raises(BrokenFile, match="goes on after its end"):
        read_idx(path)


def test_bytes_after_the_gzip_packing_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(content_of(np.zeros(3, np.uint8))) + b"more")
    with pytest.raises(BrokenFile, match="gzip"):
        read_idx(path)


@pytest.mark.parametrize("gzipped", [False, True])
@pytest.mark.parametrize(
    "shape", [(2**32 - 1,), (60_000, 2**16, 2**16), (2**32 - 1,) * 8, (1 << 30, 28, 28)], ids=str
)
def test_a_header_that_claims_a_huge_size_takes_no_memory(
    shape: tuple[int, ...], gzipped: bool, tmp_path: Path
) -> None:
    content = IdxHeader(np.dtype(np.float64), shape).to_bytes() + bytes(1000)
    path = tmp_path / "huge"
    path.write_bytes(gzip.compress(content) if gzipped else content)
    tracemalloc.start()
    try:
        with pytest.raises(BrokenFile, match="promises more than it can hold"):
            read_idx(path)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_a_gzip_bomb_is_not_unpacked_beyond_what_its_header_says(tmp_path: Path) -> None:
    content = content_of(np.zeros((10, 10), np.uint8)) + bytes(100 << 20)
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(content))
    del content
    tracemalloc.start()
    try:
        with pytest.raises(BrokenFile, match="goes on after its end"):
            read_idx(path)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("shape", [(0, *(2**32 - 1,) * 5), (1,) * 70], ids=["absurd", "axes"])
def test_a_shape_that_no_array_can_have_is_refused(shape: tuple[int, ...], tmp_path: Path) -> None:
    path = tmp_path / "odd"
    path.write_bytes(struct.pack(f">HBB{len(shape)}I", 0, 8, len(shape), *shape) + bytes(0 not in shape))
    with pytest.raises(BrokenFile, match="no array can have"):
        read_idx(path)


@pytest.mark.parametrize("content", [b"", b"\x00", b"PK\x03\x04 a zip", b"<html>404</html>", b"\0\0\x0a\x01"])
def test_what_is_not_idx_is_called_so(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(content)
    with pytest.raises(BrokenFile, match="train-images-idx3-ubyte is not an IDX file"):
        read_idx(path)


def test_the_name_does_not_decide_whether_a_file_is_gzipped(tmp_path: Path) -> None:
    array = np.arange(5, dtype=np.int32)
    path = tmp_path / "a.gz"
    path.write_bytes(content_of(array))  # as a browser leaves it that unpacks by itself
    np.testing.assert_array_equal(read_idx(path), array)


def test_the_header_is_checked_before_anything_else_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(IdxHeader(np.dtype(np.uint8), (5,)).to_bytes())  # the numbers are missing

    def refuse(header: IdxHeader) -> None:
        raise InputError(f"not {header}")

    with pytest.raises(InputError, match=r"not uint8 of shape \(5,\)"):
        read_idx(path, check=refuse)


def test_a_missing_file_and_a_folder_are_told_apart_from_broken_ones(tmp_path: Path) -> None:
    with pytest.raises(DataMissing):
        read_idx(tmp_path / "nowhere")
    with pytest.raises(StorageError):
        read_idx(tmp_path)
