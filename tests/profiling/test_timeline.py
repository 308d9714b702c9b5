"""Adding up a timeline: what lies inside is not counted twice, and what is left out is the shortest."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedding_lab.profiling.costs import layer_costs, operation_costs, python_share
from embedding_lab.profiling.timeline import Event, Track, self_times, shortened, shortest_kept_ns


def operation(name: str, start: float, duration: float, layer: str = "") -> Event:
    return Event(name, start, duration, "operation", name, layer)


@st.composite
def nested(draw: st.DrawFn, start: int = 0, length: int = 1000, depth: int = 3) -> list[Event]:
    """Events as calls make them: each lies within its caller."""
    events = [operation(draw(st.sampled_from("abc")), start, length)]
    inner = start
    while depth and inner < start + length and draw(st.booleans()):
        part = draw(st.integers(1, start + length - inner))
        events += draw(nested(inner, part, depth - 1))
        inner += part
    return events


@given(nested())
def test_the_own_times_of_nested_calls_add_up_to_the_outermost(events: list[Event]) -> None:
    own = list(self_times(list(reversed(events))))
    assert len(own) == len(events)
    assert all(ns >= 0 for _, ns in own)
    assert sum(ns for _, ns in own) == pytest.approx(events[0].duration_ns)


@given(nested())
def test_shares_add_up_to_one_and_calls_are_all_counted(events: list[Event]) -> None:
    rows = operation_costs([Track("thread", events=events)])
    assert sum(row.share for row in rows) == pytest.approx(1)
    assert sum(row.calls for row in rows) == len(events)
    assert [row.seconds for row in rows] == sorted((row.seconds for row in rows), reverse=True)


@given(nested(), st.integers(0, 12))
def test_the_longest_events_stay_and_every_step_does(events: list[Event], most: int) -> None:
    tracks = [Track("thread", events=[Event("step 0", 0, 0, "step"), *events])]
    limit = shortest_kept_ns(tracks, most)
    kept = shortened(tracks, limit)[0].events if limit >= 0 else tracks[0].events
    assert kept[0].kind == "step"
    assert len(kept) - 1 <= most
    gone = [event for event in events if event not in kept]
    assert all(left.duration_ns <= stayed.duration_ns for left in gone for stayed in kept[1:])


def test_a_thread_s_clock_that_overlaps_by_a_hair_costs_no_negative_time() -> None:
    own = {event.name: ns for event, ns in self_times([operation("a", 0, 10), operation("b", 4, 7)])}
    assert own == {"a": 4, "b": 6}


def test_the_same_operation_in_two_layers_is_two_rows_and_layers_add_up() -> None:
    events = [
        operation("MatMul", 0, 30, "one"),
        operation("MatMul", 40, 10, "two"),
        operation("Relu", 60, 10, "one"),
    ]
    rows = operation_costs([Track("thread", events=[*events, operation("Cast", 80, 10)])])
    assert (rows[0].operation, rows[0].layer, rows[0].calls) == ("MatMul", "one", 1)
    assert len(rows) == 4
    assert [(row.layer, round(row.seconds * 1e9)) for row in layer_costs(rows)] == [("one", 40), ("two", 10)]


def test_python_is_what_compiled_code_leaves_of_a_step() -> None:
    events = [
        Event("step 0", 0, 100, "step"),
        Event("function", 10, 80, "python"),
        Event("Execute", 20, 60, "native"),
        Event("MatMul", 25, 50, "operation", "MatMul"),
    ]
    assert python_share([Track("pool"), Track("main", events=events)]) == pytest.approx(0.4)
    assert python_share([Track("pool", events=events[1:])]) is None
