"""An error says what happened, what we got, what we expected and what to do now."""

from __future__ import annotations

import pickle

from embedding_lab.errors import BrokenFile, InputError, LabError, StorageError, UnknownName, one_of


def test_a_message_has_four_parts_in_one_order() -> None:
    error = LabError("It broke.", got="three", expected="two", remedy="Take one away.")
    assert str(error) == "It broke. Got: three. Expected: two. Take one away."


def test_parts_that_say_nothing_are_left_out() -> None:
    assert str(LabError("It broke.")) == "It broke."


def test_errors_cross_process_borders_whole() -> None:
    error = pickle.loads(pickle.dumps(BrokenFile("It broke.", got="three", remedy="Mend it.")))
    assert (type(error), error.got, error.remedy) == (BrokenFile, "three", "Mend it.")


def test_errors_are_also_what_python_calls_them() -> None:
    assert issubclass(InputError, ValueError)
    assert issubclass(UnknownName, LookupError)
    assert issubclass(StorageError, OSError)


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    error = one_of("Layer", "dense_9", ["conv_1", "dense_1"], remedy="Look.")
    assert isinstance(error, UnknownName)
    assert str(error) == "Layer 'dense_9' does not exist. Expected: one of conv_1, dense_1. Look."


def test_a_long_list_of_known_names_is_cut_and_counted() -> None:
    assert "(99 in all)" in str(one_of("Layer", "x", map(str, range(99))))
