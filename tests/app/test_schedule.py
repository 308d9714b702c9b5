"""How often a training is logged: at the steps that were asked for, and unasked only while it costs little."""

from __future__ import annotations

from typing import Any

import pytest

from embedding_lab.app.schedule import SHARE, Schedule
from embedding_lab.errors import InputError


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    return now


def test_steps_are_those_at_which_a_multiple_is_reached_also_when_several_are_heard_of_at_once() -> None:
    schedule = Schedule(10)
    schedule.begin(0)
    schedule.logged(5.0)
    assert [step for step in range(1, 41) if schedule.at_step(step)] == [10, 20, 30, 40]
    schedule.begin(0)
    assert [step for step in range(0, 50, 7) if schedule.at_step(step)] == [14, 21, 35, 42]
    assert not schedule.at_epoch_end()


def test_every_epoch_is_every_epoch_whatever_it_costs() -> None:
    schedule = Schedule("epoch")
    schedule.begin(0)
    schedule.logged(1000.0)
    assert schedule.at_epoch_end()
    assert not schedule.at_step(500)


@pytest.mark.parametrize("seconds", [0.01, 0.3, 5.0])
def test_unasked_logging_takes_no_more_than_its_share_of_the_time_with_the_last_log(
    clock: list[float], seconds: float
) -> None:
    schedule = Schedule(None)
    schedule.begin(0)
    schedule.logged(seconds)  # before the first step
    spent = logs = 0.0
    for _ in range(2000):
        clock[0] += 0.5  # an epoch
        if schedule.at_epoch_end():
            clock[0] += seconds
            schedule.logged(seconds)
            spent, logs = spent + seconds, logs + 1
        assert not logs or spent + seconds <= SHARE * (clock[0] + seconds) + 1e-9  # were it to end now
    assert logs >= min(2000, 0.9 * SHARE * clock[0] / seconds - 1)


def test_logs_keep_within_a_twentieth_of_the_training_also_where_they_take_longer_and_slow_what_follows(
    clock: list[float],
) -> None:
    schedule, training, cost = Schedule(None), 0.0, 0.0
    schedule.begin(0)
    schedule.logged(0.3)
    for number in range(2001):
        clock[0] += 0.5  # an epoch
        training += 0.5
        if schedule.at_epoch_end() or number == 2000:  # the last one is made whatever it costs
            took, slower = 0.3 * (1.2 if number % 2 else 1.0), 0.02
            clock[0] += took + slower
            schedule.logged(took)
            cost += took + slower
    assert 0.03 * training < cost <= 0.05 * training


def test_a_loop_is_logged_at_its_first_step_and_then_every_500_at_most(clock: list[float]) -> None:
    schedule = Schedule(None)
    logged = []
    for step in range(1, 2001):
        clock[0] += 0.1
        if schedule.at_step(step, in_loop=True):
            schedule.logged(0.2)
            logged.append(step)
    assert logged == [1, 500, 1000, 1500, 2000]


@pytest.mark.parametrize("every", [0, -3, "step", 2.5])
def test_what_is_no_interval_is_refused(every: Any) -> None:
    with pytest.raises(InputError, match="every is out of range"):
        Schedule(every)
