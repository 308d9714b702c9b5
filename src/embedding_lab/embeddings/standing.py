"""What stands of all that people said of samples: the corrected label, the tags and the reasons of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeGuard

LABEL, TAGS, REASONS = "corrected_label", "tags", "reasons"
"""What the columns are called that say it."""


@dataclass(frozen=True)
class Standing:
    """By sample id, what stands; a sample of which it was not said, or taken back, is in none.

    Attributes:
        labels: the label said last, as text or as the number of a class.
        tags: every tag, in the order said.
        reasons: every reason that was given, in the order said.
    """

    labels: Mapping[str, str | int] = field(default_factory=dict)
    tags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    reasons: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of those that hold anything."""
        said = {LABEL: self.labels, TAGS: self.tags, REASONS: self.reasons}
        return tuple(name for name, values in said.items() if values)

    def texts(self, column: str, class_names: Sequence[str] | None) -> dict[str, str]:
        """One of the columns as text, by sample id.

        Args:
            column: its name.
            class_names: what a label that is a number means.
        """
        if column == LABEL:
            return {sample: _named(label, class_names or ()) for sample, label in self.labels.items()}
        said, between = (self.tags, ", ") if column == TAGS else (self.reasons, "; ")
        return {sample: between.join(each) for sample, each in said.items()}


def standing(said: Iterable[Mapping[str, Any]]) -> Standing:
    """What stands after all that was said, oldest first.

    The last label holds, and None takes it back. Tags add up, and an empty list takes all of them back. What is
    said in any other form is passed over: whoever writes in Python may say anything.
    """
    labels: dict[str, str | int] = {}
    tags: dict[str, tuple[str, ...]] = {}
    reasons: dict[str, tuple[str, ...]] = {}
    for each in said:
        sample = each.get("id")
        if not _is_text(sample):
            continue
        if "label" in each:
            label = each["label"]
            _put(labels, sample, label if isinstance(label, int) or _is_text(label) else None)
        if isinstance(told := each.get("tags"), list):
            new = filter(_is_text, told)
            _put(tags, sample, tuple(dict.fromkeys((*tags.get(sample, ()), *new))) if told else None)
        if _is_text(reason := each.get("reason")):
            reasons[sample] = tuple(dict.fromkeys((*reasons.get(sample, ()), reason)))
    return Standing(labels, tags, reasons)


def _is_text(said: Any) -> TypeGuard[str]:
    """Whether it is some text, and no half characters, which no table can hold."""
    return isinstance(said, str) and said != "" and said == said.encode("utf-8", "ignore").decode()


def _put(into: dict[str, Any], sample: str, what: Any) -> None:
    if what is None or what == ():
        into.pop(sample, None)
    else:
        into[sample] = what


def _named(label: str | int, names: Sequence[str]) -> str:
    is_class = isinstance(label, int) and 0 <= label < len(names)
    return names[int(label)] if is_class else str(label)
