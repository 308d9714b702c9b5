"""Names become folder names that no file system mixes up, and come back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedding_lab.embeddings.names import folder_name, step_folder, step_of, true_name
from embedding_lab.errors import BrokenFile, InputError

ENCODABLE = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200)


@given(ENCODABLE)
def test_a_name_comes_back_unless_it_was_abbreviated(name: str) -> None:
    assert true_name(folder_name(name)) in (name, None)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=10))
def test_a_short_name_always_comes_back(name: str) -> None:
    assert true_name(folder_name(name)) == name


@given(ENCODABLE, ENCODABLE)
def test_two_names_stay_apart_where_letter_case_is_ignored(one: str, other: str) -> None:
    if one != other:
        assert folder_name(one).lower() != folder_name(other).lower()


@given(ENCODABLE)
def test_a_folder_name_is_safe_everywhere(name: str) -> None:
    folder = folder_name(name)
    assert len(folder) <= 120
    assert folder.isascii()
    assert not set(folder) & set('/\\:*?"<>| ')
    assert folder[0] != "."
    assert folder[-1] != "."


@pytest.mark.parametrize("device", ["con", "NUL", "com1", "lpt9.txt", "aux.layer"])
def test_device_names_of_windows_are_avoided(device: str) -> None:
    stem = folder_name(device).partition(".")[0]
    assert stem.lower() not in {"con", "nul", "com1", "lpt9", "aux"}
    assert true_name(folder_name(device)) == device


def test_plain_names_stay_as_they_are() -> None:
    assert folder_name("embed_layer") == "embed_layer"


def test_letters_that_some_systems_compose_stay_apart() -> None:
    assert folder_name("é") != folder_name("e\u0301")


@pytest.mark.parametrize("name", ["", "\ud800"])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(InputError):
        folder_name(name)


@given(st.none() | st.integers(min_value=0, max_value=10**12))
def test_a_step_comes_back(step: int | None) -> None:
    assert step_of(step_folder(step)) == step


@pytest.mark.parametrize("step", [-1, 0.5, 5.0, True, "5", float("nan")])
def test_what_is_no_step_is_refused(step: int) -> None:
    with pytest.raises(InputError, match="whole number"):
        step_folder(step)


def test_a_folder_that_is_no_step_is_named() -> None:
    with pytest.raises(BrokenFile, match="'lost\\+found'"):
        step_of("lost+found")
