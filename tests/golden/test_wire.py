"""The wire format: the kept example reads as it was written, is still written so, and nothing else is believed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from embedding_lab.board.wire import DTYPES, MAGIC, decode, encode
from embedding_lab.errors import BrokenFile, UnknownVersion

BINARY = Path(__file__).with_name("wire-v1.bin")
SAID = Path(__file__).with_name("wire-v1.json")

HEADER = {
    "kind": "points",
    "generation": "1a2009f7684930b",
    "total": 9,
    "from": 2,
    "count": 3,
    "map": "Größe → 3-D",
    "dims": 2,
    "bounds": [[-1.5, 0.0], [2.25, 8.0]],
    "column": {"name": "tier", "kind": "category", "categories": ["Maus", "Bär", *"cdefg", "<b>h</b>"]},
}


def example() -> tuple[dict[str, Any], dict[str, Any]]:
    arrays = {
        "points": np.array([[-1.5, 0.0], [0.0, 0.0], [2.25, 8.0]], np.float32),
        "present": np.array([0b101], np.uint8),
        "codes": np.array([0, 65_535, 7], np.uint16),
        "rows": np.array([4, 0, 4_294_967_295], np.uint32),
        "nothing": np.empty((0, 3), np.float32),
    }
    return HEADER, arrays


def test_the_kept_message_reads_as_it_was_written() -> None:
    message = decode(BINARY.read_bytes())
    header, arrays = example()
    assert message.header == header == json.loads(SAID.read_text("utf-8"))["header"]
    assert list(message.arrays) == list(arrays)
    for name, values in arrays.items():
        assert message.arrays[name].dtype == values.dtype
        assert np.array_equal(message.arrays[name], values)
        assert message.arrays[name].tolist() == json.loads(SAID.read_text("utf-8"))["arrays"][name]


def test_a_message_is_still_written_as_the_kept_one() -> None:
    assert encode(*example()) == BINARY.read_bytes()


def test_every_array_begins_at_a_multiple_of_eight() -> None:
    data = encode(*example())
    length = int.from_bytes(data[8:12], "little")
    listed = json.loads(data[16 : 16 + length])["arrays"]
    assert (16 + length) % 8 == 0
    assert all(each["offset"] % 8 == 0 for each in listed)


@given(
    st.dictionaries(
        st.text(max_size=5),
        st.sampled_from(sorted(DTYPES.values())).flatmap(
            lambda kind: hnp.arrays(kind, hnp.array_shapes(min_dims=1, max_dims=3, min_side=0))
        ),
    )
)
def test_what_goes_in_comes_out(arrays: dict[str, Any]) -> None:
    message = decode(encode({"kind": "any"}, arrays))
    assert list(message.arrays) == list(arrays)
    for name, values in arrays.items():
        assert message.arrays[name].tobytes() == values.tobytes()


def test_another_version_is_refused_by_its_number() -> None:
    data = bytearray(BINARY.read_bytes())
    data[4] = 2
    with pytest.raises(UnknownVersion, match="Got: 2"):
        decode(bytes(data))


@given(st.data())
def test_a_cut_or_changed_message_is_refused_or_stays_inside_its_bytes(data: st.DataObject) -> None:
    whole = bytearray(BINARY.read_bytes())
    for _ in range(data.draw(st.integers(0, 3))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(whole[: data.draw(st.integers(0, len(whole)))])
    try:
        message = decode(cut)
    except BrokenFile:
        return
    assert sum(values.nbytes for values in message.arrays.values()) <= 5 * len(cut)


def test_what_is_no_message_says_so() -> None:
    for data in (b"", MAGIC, b"<!doctype html><title>Not found</title>"):
        with pytest.raises(BrokenFile, match="cannot be read"):
            decode(data)


if __name__ == "__main__":
    header, arrays = example()
    BINARY.write_bytes(encode(header, arrays))
    kept = {"header": header, "arrays": {name: values.tolist() for name, values in arrays.items()}}
    SAID.write_text(json.dumps(kept, ensure_ascii=False, indent=1) + "\n", "utf-8")
