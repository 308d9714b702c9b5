"""What people say of samples: named selections, and annotations that are only ever added to."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterable, Mapping
from typing import Any

from embedding_lab.embeddings.files import Files
from embedding_lab.embeddings.manifest import Draft, Facts, read_manifest
from embedding_lab.embeddings.names import folder_name
from embedding_lab.errors import DataMissing, InputError, StorageError

FOLDER = "selections"
ANNOTATIONS = "annotations.jsonl"
WITHDRAWS = "withdraws"
"""What a line takes back of its sample: all that was said of it at this time."""
FACTS: Facts = {"name": str, "ids": list}


def save_selection(files: Files, name: str, ids: Iterable[str]) -> None:
    """Keeps the ids of a selection under a name; a later one of that name takes its place."""
    chosen = list(dict.fromkeys(str(each) for each in ids))
    with Draft(files, FOLDER, folder_name(name), "selection") as draft:
        draft.publish({"name": name, "ids": chosen})


def read_selection(files: Files, name: str) -> list[str]:
    """The ids of a selection, in the order they were given. Raises DataMissing where there is none."""
    manifest = read_manifest(files, f"{FOLDER}/{folder_name(name)}.json", "selection", FACTS)
    return [str(each) for each in manifest["ids"]]


def selection_names(files: Files) -> list[str]:
    """The names of all selections, sorted."""
    return sorted(
        read_manifest(files, f"{FOLDER}/{each}", "selection", FACTS)["name"] for each in files.list(FOLDER)
    )


def remove_selection(files: Files, name: str) -> None:
    """Takes a selection away; its samples stay. Raises StorageError where the disk refuses."""
    file = f"{folder_name(name)}.json"
    files.remove(f"{FOLDER}/{file}")
    if file in files.list(FOLDER):
        raise StorageError(
            f"The selection {name!r} could not be removed.",
            got=files.address(f"{FOLDER}/{file}"),
            expected="a file that this user may remove",
        )


def append_annotations(files: Files, annotations: Iterable[Mapping[str, Any]]) -> None:
    """Adds a line for each annotation; the lines before them are never touched.

    Args:
        files: the run's files.
        annotations: what is said, each with at least "id"; "time" (seconds since 1970) is added here, the same to
            all that are said at once.

    Raises:
        InputError: the annotation names no sample or cannot be written as JSON.
        StorageError: the disk refuses.
    """
    now = time.time()
    lines = b"".join(_line({"time": now, **annotation}) for annotation in annotations)
    unfinished = _annotation_bytes(files)[-1:] not in (b"", b"\n")  # a killed writer left half a line
    files.append(ANNOTATIONS, (b"\n" if unfinished else b"") + lines)


def withdraw_annotations(files: Files, annotations: Iterable[Mapping[str, Any]]) -> None:
    """Adds a line for each annotation that takes it back; what was written stays in the file.

    Args:
        files: the run's files.
        annotations: some of those that `read_annotations` gives; of each the "id" and the "time" count.

    Raises:
        InputError: one of them does not stand.
        StorageError: the disk refuses.
    """
    known = {_moment(each, "time") for each in read_annotations(files)} - {None}
    withdrawals = []
    for each in annotations:
        moment = _moment(each, "time")
        if moment not in known:
            raise InputError(
                "There is nothing to take back: that was not said, or was taken back already.",
                got=f"id {each.get('id')!r}, time {each.get('time')!r}",
                expected="annotations as the run gives them",
            )
        withdrawals.append({"id": each["id"], WITHDRAWS: each["time"]})
    append_annotations(files, withdrawals)


def read_annotations(files: Files) -> list[dict[str, Any]]:
    """The annotations that stand, in the order they were made; what was taken back is passed over.

    So is a line that a killed writer left unfinished.
    """
    found = _written(files)
    gone = {_moment(each, WITHDRAWS) for each in found} - {None}
    return [each for each in found if WITHDRAWS not in each and _moment(each, "time") not in gone]


def _moment(annotation: Mapping[str, Any], when: str) -> tuple[str, float] | None:
    """The sample and the time that an annotation names; None where it names none: anybody may write anything."""
    sample, time = annotation.get("id"), annotation.get(when)
    return (sample, time) if isinstance(sample, str) and isinstance(time, int | float) else None


def _written(files: Files) -> list[dict[str, Any]]:
    found = []
    for line in _annotation_bytes(files).split(b"\n"):
        try:
            annotation = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(annotation, dict):
            found.append(annotation)
    return found


def annotations_bytes(files: Files) -> int:
    """How long the file of the annotations is: as nothing is ever changed, it grows with every one."""
    with contextlib.suppress(DataMissing):
        return files.stamp(ANNOTATIONS).size
    return 0


def _annotation_bytes(files: Files) -> bytes:
    try:
        return files.read(ANNOTATIONS)
    except DataMissing:
        return b""


def _line(annotation: Mapping[str, Any]) -> bytes:
    if not isinstance(annotation.get("id"), str):
        raise InputError("An annotation names no sample.", got=repr(annotation), expected='an "id" that is text')
    try:
        return json.dumps(annotation, ensure_ascii=False, allow_nan=False).encode() + b"\n"
    except (TypeError, ValueError) as error:
        raise InputError("An annotation cannot be kept.", got=str(error), expected="JSON values") from error
