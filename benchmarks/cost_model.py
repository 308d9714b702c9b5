"""What millions of samples cost, from measurements of a few sizes: a model of two numbers for each stage.

Every stage takes a fixed part and one for each sample, but the map of the sample, which takes the same for any
number of samples, and the index, whose lists grow as the root of their number: a part for each sample, one for each
sample and list. Both numbers come from two sizes; all others are foretold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

FITTED = (70_000, 1_000_000)
FORETOLD = (10_000_000, 100_000_000, 1_000_000_000)

SAME = "t-SNE iterations"

ALONE = {"open the run", "name the samples", "choose samples", "keep the map", "columns", "first points"}
"""Stages that one thread does, however many cores there are."""

SPREAD = {"make pictures", "extract"}
"""Stages that Ray spreads over machines."""

MACHINE = 64
CLUSTER = (16, 32)
USED = 0.7
"""The share of the cores' time that threads and machines are taken to use; nothing here measures it."""

Shape = Callable[[float], tuple[float, float]]


@dataclass(frozen=True)
class Law:
    """A cost as first · f(n) + second · g(n), n in millions of samples."""

    first: float
    second: float
    shape: Shape

    def at(self, rows: int) -> float:
        f, g = self.shape(rows / 1e6)
        return self.first * f + self.second * g


def linear(n: float) -> tuple[float, float]:
    return 1.0, n


def with_lists(n: float) -> tuple[float, float]:
    return n, n**1.5


def by_lists(n: float) -> tuple[float, float]:
    return 1.0, n**0.5


SHAPES: dict[str, Shape] = {"index vectors": with_lists, "learn the index": by_lists}


def fitted(small: tuple[int, float], large: tuple[int, float], shape: Shape) -> Law:
    """The law through two measurements; where one part would be below nothing, the other one through the larger."""
    (f1, g1), (f2, g2) = shape(small[0] / 1e6), shape(large[0] / 1e6)
    second = (large[1] * f1 - small[1] * f2) / (g2 * f1 - g1 * f2)
    first = (large[1] - second * g2) / f2
    if second < 0:
        return Law(large[1] / f2, 0.0, shape)
    return Law(0.0, large[1] / g2, shape) if first < 0 else Law(first, second, shape)


class Measured:
    """What was measured of each size and step: of several turns the median of the seconds, and the most memory."""

    def __init__(self, results: Iterable[Mapping[str, Any]]) -> None:
        turns: dict[tuple[int, str], list[Mapping[str, Any]]] = {}
        for each in results:
            turns.setdefault((each["rows"], each["step"]), []).append(each)
        self.turns = turns
        self.of = {which: each[-1] for which, each in turns.items()}
        self.sizes = sorted({rows for rows, _ in self.of})
        self.steps = list(dict.fromkeys(step for rows, step in self.of if rows == FITTED[1]))

    def stages(self, step: str) -> list[str]:
        return list(self.of[FITTED[1], step]["stages"])

    def seconds(self, rows: int, step: str, stage: str) -> float:
        return float(median(each["stages"][stage]["seconds"] for each in self.turns[rows, step]))

    def law(self, step: str, stage: str) -> Law:
        small, large = ((rows, self.seconds(rows, step, stage)) for rows in FITTED)
        if stage == SAME:
            return Law(large[1], 0.0, linear)
        return fitted(small, large, SHAPES.get(stage, linear))

    def fact(self, rows: int, step: str, fact: str) -> float:
        return float(max(each[fact] for each in self.turns[rows, step]))

    def law_of(self, step: str, fact: str) -> Law:
        """Of memory and bytes, by the two largest sizes: of small ones most of it is the libraries'."""
        sizes = [rows for rows in self.sizes if (rows, step) in self.turns][-2:]
        small, large = ((rows, self.fact(rows, step, fact)) for rows in sizes)
        return fitted(small, large, linear)


def told(results: Sequence[Mapping[str, Any]]) -> str:
    """All tables, as text."""
    measured = Measured(results)
    parts = [costs(measured), checked(measured), foretold(measured), limits(measured)]
    return "\n\n".join(parts)


def costs(measured: Measured) -> str:
    """Each step per million samples."""
    lines = []
    for step in measured.steps:
        for stage in measured.stages(step):
            law = measured.law(step, stage)
            shown = f"{law.at(2_000_000) - law.at(1_000_000):.1f}"
            peak = measured.of[FITTED[1], step]["stages"][stage]["own_mb"]
            lines.append([step, stage, f"{law.at(0):.1f}", shown, f"{peak:,}" if peak else ""])
    head = ["step", "stage", "seconds at the least", "seconds a million more", "own memory at a million, MB"]
    of_steps = [
        [step, *(f"{measured.law_of(step, fact).second:,.0f}" for fact in ("own_mb", "read_mb", "written_mb"))]
        for step in measured.steps
    ]
    steps = table(["step", "own memory a million more, MB", "read, MB", "written, MB"], of_steps)
    return f"Processor seconds of one core\n\n{table(head, lines)}\n\n{steps}"


def checked(measured: Measured) -> str:
    """What the model says of sizes that it was not fitted to, beside what was measured."""
    lines = []
    for rows in measured.sizes:
        for step in measured.steps if rows not in FITTED else ():
            if (rows, step) not in measured.of:
                continue
            said = sum(measured.law(step, stage).at(rows) for stage in measured.stages(step))
            found = sum(measured.seconds(rows, step, stage) for stage in measured.stages(step))
            lines.append([f"{rows:,}", step, f"{said:.1f}", f"{found:.1f}", percent(said, found)])
        whole = [line for line in lines if line[0] == f"{rows:,}"]
        if len(whole) == len(measured.steps):
            said, found = (sum(float(line[at]) for line in whole) for at in (2, 3))
            lines.append([f"{rows:,}", "all", f"{said:.0f}", f"{found:.0f}", percent(said, found)])
    head = ["samples", "step", "seconds foretold", "measured", "off by"]
    return f"The model beside measurements\n\n{table(head, lines)}"


def foretold(measured: Measured) -> str:
    """What sizes would take that nobody has measured."""
    lines = []
    machines, cores = CLUSTER
    for rows in FORETOLD:
        core, one, cluster = 0.0, 0.0, 0.0
        for step in measured.steps:
            for stage in measured.stages(step):
                seconds = measured.law(step, stage).at(rows)
                core += seconds
                one += seconds if stage in ALONE else seconds / (MACHINE * USED)
                spread = machines * cores if stage in SPREAD else cores
                cluster += seconds if stage in ALONE else seconds / (spread * USED)
        memory = max(measured.law_of(step, "own_mb").at(rows) for step in measured.steps) / 1e3
        disk = measured.law_of("index", "run_mb").at(rows) / 1e3
        lines.append([f"{rows:,}", *(f"{each / 3600:,.1f}" for each in (core, one, cluster))])
        lines[-1] += [f"{memory:,.0f}", f"{disk:,.0f}"]
    head = ["samples", "core hours", f"hours, {MACHINE} cores", f"hours, {machines} machines of {cores} cores"]
    return f"Foretold\n\n{table([*head, 'own memory, GB', 'on disk, GB'], lines)}"


def limits(measured: Measured) -> str:
    """How many samples fill the memory of a machine, step by step."""
    lines = []
    for step in measured.steps:
        law = measured.law_of(step, "own_mb")
        reach = [
            (gigabytes * 1e3 - law.first) / law.second if law.second else float("inf")
            for gigabytes in (16, 64, 512)
        ]
        lines.append([step, *(f"{each:,.0f}" for each in reach)])
    return f"Millions of samples that fill a memory\n\n{table(['step', '16 GB', '64 GB', '512 GB'], lines)}"


def percent(said: float, found: float) -> str:
    return f"{100 * (said / found - 1):+.0f} %" if found else ""


def table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
