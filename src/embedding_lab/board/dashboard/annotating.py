"""The routes of what people say of samples: corrected labels and tags, only ever added to, and taken back."""

from __future__ import annotations

from typing import Any

from embedding_lab.board.dashboard.answers import Answer, as_json
from embedding_lab.board.dashboard.asked import Asked
from embedding_lab.board.dashboard.library import Library
from embedding_lab.board.dashboard.selections import checked_ids
from embedding_lab.errors import InputError

MOST_IDS = 100_000
MOST_TAGS = 20
LONGEST_LABEL = 200
MOST_SENT = MOST_IDS
"""What is said at once is always whole."""


def annotate(library: Library, asked: Asked) -> Answer:
    """Says of some samples what their label should be, or tags them, with a reason."""
    run = library.logdir.run(asked.text("run"))
    ids = checked_ids(asked, MOST_IDS)
    said: dict[str, Any] = {}
    if asked.has("label"):
        said["label"] = asked.text("label", longest=LONGEST_LABEL)
    if asked.has("tags"):
        said["tags"] = asked.texts("tags", MOST_TAGS)
        if any(not 0 < len(tag) <= LONGEST_LABEL for tag in said["tags"]):
            raise InputError("A tag is no tag.", expected=f"text of 1 to {LONGEST_LABEL} characters")
    if not said:
        raise InputError("Nothing is said of these samples.", expected="a label or tags")
    if reason := asked.text("reason", ""):
        said["reason"] = reason
    run.annotate(ids, **said)
    return as_json({"count": len(ids)})


def withdraw(library: Library, asked: Asked) -> Answer:
    """Takes back what was said of some samples at a time."""
    run = library.logdir.run(asked.text("run"))
    ids, time = checked_ids(asked, MOST_IDS), asked.real("time")
    run.withdraw({"id": each, "time": time} for each in ids)
    return as_json({"count": len(ids)})


def said_of(library: Library, asked: Asked) -> Answer:
    """The last things that were said of a run's samples and stand, oldest first."""
    said = library.logdir.run(asked.text("run")).annotations
    return as_json({"annotations": said[-MOST_SENT:], "total": len(said)})
