"""What a check says: which tab will stay empty, fail or mislead, by which file and rule, and how to mend it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from embedding_lab.embeddings.places import shown

if TYPE_CHECKING:
    from embedding_lab.board.checks.mender import Mender

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
"""An error leaves a tab empty, broken or wrong; a warning loses a part; a note is good to know."""

Mend = Callable[["Mender"], str]
"""Mends what was found and says what it did, a sentence; raises ChangedMeanwhile where another mend came first."""


@dataclass(frozen=True)
class Finding:
    """One thing that TensorBoard will not show, or not rightly.

    Attributes:
        name: stable and short, such as "tensor-missing"; the table in docs/doctor.md is by these names.
        severity: "error", "warning" or "note".
        tab: the tab it concerns, or "Environment" for this machine.
        happened: what will be seen, a whole sentence.
        run: the run as TensorBoard names it; "" where it concerns all.
        file: the file that breaks the rule.
        got: what is there, without a final stop.
        rule: what TensorBoard wants, without a final stop.
        remedy: what to do, a whole sentence.
        mend: does what the remedy says, where that is safe; None where a person must decide.
    """

    name: str
    severity: Severity
    tab: str
    happened: str
    run: str = ""
    file: Path | None = None
    got: str = ""
    rule: str = ""
    remedy: str = ""
    mend: Mend | None = None

    def __str__(self) -> str:
        where = " · ".join(part for part in (self.tab, self.run and f"run {self.run}") if part)
        lines = [f"{self.severity:<8}{where} · {self.name}", self.happened]
        lines += [f"File: {shown(self.file)}"] if self.file else []
        lines += [f"Found: {self.got}."] if self.got else []
        lines += [f"Rule: {self.rule}."] if self.rule else []
        lines += [f"Mend: {self.remedy}{' (--fix does it)' if self.mend else ''}"] if self.remedy else []
        return "\n        ".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """The finding as JSON holds it."""
        plain = {name: value for name, value in vars(self).items() if name != "mend"}
        return {**plain, "file": shown(self.file) if self.file else None, "mendable": self.mend is not None}
