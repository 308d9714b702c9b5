"""Says what TensorBoard will show of a log directory, what it will not or wrongly, and why; mends what is safe."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from embedding_lab.board.checks import CHECKS, Check
from embedding_lab.board.checks.environment import TAB as ENVIRONMENT
from embedding_lab.board.checks.finding import SEVERITIES, Finding
from embedding_lab.board.checks.logdir import LogDir
from embedding_lab.board.checks.machine import Machine
from embedding_lab.board.checks.mender import ChangedMeanwhile, Mender
from embedding_lab.board.checks.own_format import own_files_there
from embedding_lab.board.checks.tabs import Seen, seen_by_tab
from embedding_lab.embeddings.remote_files import remote_address
from embedding_lab.errors import DataMissing, LabError

MOST_ROUNDS = 10
"""A mend may lay bare the next fault: a path leads to a file, which has the wrong form, which hides its values."""

CHECK_FAILED = "check-failed"
_RUNS_SHOWN = 8
_ALIKE_SHOWN = 3


@dataclass(frozen=True)
class Diagnosis:
    """What the doctor says of a log directory.

    Attributes:
        logdir: the folder, or an address that TensorBoard cannot open.
        tabs: what each tab shows, in words, by run; nothing where it stays empty.
        findings: what stays empty, fails or misleads; errors first.
        mended: what `fix` did, a sentence each.
        kept: where it kept what files held before.
    """

    logdir: str
    tabs: dict[str, Seen]
    findings: tuple[Finding, ...]
    mended: tuple[str, ...] = ()
    kept: tuple[Path, ...] = field(default=())

    @property
    def errors(self) -> list[Finding]:
        """What leaves a tab empty, broken or wrong."""
        return [each for each in self.findings if each.severity == "error"]

    @property
    def ok(self) -> bool:
        """Whether there is no error."""
        return not self.errors

    def brief(self) -> str:
        """A few lines for the end of a command: the tabs with something in them, and what is wrong with them."""
        shown = ", ".join(tab for tab, seen in self.tabs.items() if seen) or "nothing"
        here = [each for each in self.findings if each.severity != "note" and each.tab != ENVIRONMENT]
        told = [each for each in self.findings if each.severity == "error" or each in here]
        rest = len(self.findings) - len(told)
        verdict = _finding_lines(told) if told or not rest else []
        more = [f'{_many(rest, "further finding")}: embedding-lab doctor "{self.logdir}"'] if rest else []
        return "\n".join([f"TensorBoard will show: {shown}.", *verdict, *more])

    def __str__(self) -> str:
        return "\n".join([*_tab_lines(self.tabs), *_mended_lines(self), "", *_finding_lines(self.findings)])

    def to_dict(self) -> dict[str, Any]:
        """The diagnosis as JSON holds it."""
        return {
            "logdir": self.logdir,
            "ok": self.ok,
            "tabs": self.tabs,
            "findings": [each.to_dict() for each in self.findings],
            "mended": list(self.mended),
            "kept": [str(each) for each in self.kept],
        }


def doctor(logdir: str | os.PathLike[str], *, fix: bool = False) -> Diagnosis:
    """Looks at a log directory, whoever wrote it, and at this machine, as TensorBoard will see them.

    It reads event files, the Projector's lists and all they name, profiles, and the lab's own files. No
    deep-learning framework is needed, and none is loaded.

    Args:
        logdir: the log directory.
        fix: mend what can be mended safely. New files are written beside the old, a list that is changed is kept as
            .bak first, and nothing is deleted. Files outside the log directory are never copied into it.

    Returns:
        What each tab shows, and what stays empty, fails or misleads: which file, which rule, how to mend it.

    Raises:
        DataMissing: there is no such folder.
    """
    if address := remote_address(logdir):
        return Diagnosis(address, {}, (_remote(address), *own_files_there(address)))
    root = Path(logdir).expanduser().absolute()
    if not root.is_dir():
        raise DataMissing(
            f"There is no log folder {str(logdir)!r}.",
            got="a file" if root.exists() else "",
            expected="a folder that holds runs",
            remedy="Name the folder above the event files.",
        )
    return examine(root, Machine.here(), fix=fix)


def examine(root: Path, machine: Machine, *, fix: bool = False) -> Diagnosis:
    """The doctor's work on a folder and a machine, either of which may be another than this one."""
    view = LogDir(root, machine)
    findings = _findings(view)
    mender, mended = Mender(), list[str]()
    tried: set[tuple[str, ...]] = set()
    for _ in range(MOST_ROUNDS if fix else 0):
        said = _mend(findings, mender, tried)
        mended += said
        if not said:
            break
        view = LogDir(root, machine, view.known)
        findings = _findings(view)
    in_order = sorted(findings, key=lambda each: SEVERITIES.index(each.severity))
    return Diagnosis(str(root), seen_by_tab(view), tuple(in_order), tuple(mended), tuple(mender.kept.values()))


def _findings(view: LogDir) -> list[Finding]:
    return [finding for check in CHECKS for finding in _said_by(check, view)]


def _said_by(check: Check, view: LogDir) -> list[Finding]:
    """What a check finds; where it fails, files that change meanwhile for instance, the others go on."""
    try:
        return list(check(view))
    except Exception as error:
        failed = Finding(
            CHECK_FAILED,
            "warning",
            "All tabs",
            f"The doctor could not finish {check.__name__}.",
            got=f"{type(error).__name__}: {str(error)[:300]}",
            remedy="Run it again when nobody writes; if it fails then too, report it as a bug of embedding-lab.",
        )
        return [failed]


def _mend(findings: Sequence[Finding], mender: Mender, tried: set[tuple[str, ...]]) -> list[str]:
    """Mends each finding once; what still stands after that is left to a person."""
    mended = []
    for finding in findings:
        case = (finding.name, finding.run, str(finding.file), finding.happened, finding.got)
        if finding.mend is None or case in tried:
            continue
        try:
            mended.append(finding.mend(mender))
        except ChangedMeanwhile:
            continue  # another mend came first; the next look finds what is left
        except (OSError, ValueError, ImportError, MemoryError, LabError) as refused:
            mended.append(f"Could not mend {finding.name}: {refused}")
        tried.add(case)
    return mended


def _remote(address: str) -> Finding:
    return Finding(
        "logdir-remote",
        "error",
        "Projector",
        "TensorBoard's Projector shows nothing of a log directory in an object store, whatever lies there.",
        got=address,
        rule="since 2.21 the Projector takes every path for one of this machine",
        remedy=f"See it in the lab's own page: embedding-lab serve {address} --standalone. Or copy it to this "
        "machine, then open and examine the copy.",
    )


def _tab_lines(tabs: dict[str, Seen]) -> list[str]:
    width = max(map(len, tabs), default=0)
    lines = []
    for tab, seen in tabs.items():
        shown = [f"{run}: {text}" for run, text in list(seen.items())[:_RUNS_SHOWN]]
        shown += [f"and {len(seen) - _RUNS_SHOWN} more runs"] if len(seen) > _RUNS_SHOWN else []
        lines += [f"{tab if number == 0 else '':<{width}}  {each}" for number, each in enumerate(shown)]
    empty = [tab for tab, seen in tabs.items() if not seen]
    return [*lines, *([f"Nothing in: {', '.join(empty)}."] if empty else [])]


def _mended_lines(diagnosis: Diagnosis) -> list[str]:
    if not diagnosis.mended:
        return []
    kept = [f"Kept as it was: {each}" for each in diagnosis.kept]
    return ["", "Mended:", *(f"  {each}" for each in (*diagnosis.mended, *kept))]


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _finding_lines(findings: Sequence[Finding]) -> list[str]:
    if not findings:
        return ["Nothing to complain of."]
    counts = {name: sum(each.severity == name for each in findings) for name in SEVERITIES}
    summary = ", ".join(_many(count, name) for name, count in counts.items() if count)
    lines = [f"{summary}:"]
    for name in dict.fromkeys(each.name for each in findings):
        alike = [each for each in findings if each.name == name]
        lines += [f"\n{each}" for each in alike[:_ALIKE_SHOWN]]
        lines += [f"\n        and {len(alike) - _ALIKE_SHOWN} more like this"] if len(alike) > _ALIKE_SHOWN else []
    return lines
