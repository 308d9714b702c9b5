"""What people say of samples: named selections, and annotations that are only ever added to."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from embedding_lab.embeddings.files import Files, storage_errors
from embedding_lab.embeddings.manifest import Draft, Facts, read_manifest
from embedding_lab.embeddings.names import folder_name
from embedding_lab.errors import DataMissing, InputError

FOLDER = "selections"
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


def append_annotations(path: Path, annotations: Iterable[Mapping[str, Any]]) -> None:
    """Adds a line for each annotation; the lines before them are never touched.

    Args:
        path: the run's annotations.jsonl.
        annotations: what is said, each with at least "id"; "time" (seconds since 1970) is added here, the same to
            all that are said at once.

    Raises:
        InputError: the annotation names no sample or cannot be written as JSON.
        StorageError: the disk refuses.
    """
    now = time.time()
    lines = b"".join(_line({"time": now, **annotation}) for annotation in annotations)
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab+", buffering=0) as file:  # one write of whole lines: writers side by side never mix
            file.write((b"" if _ends_line(file) else b"\n") + lines)
            os.fsync(file.fileno())


def read_annotations(path: Path) -> list[dict[str, Any]]:
    """All annotations in the order they were made; a line that a killed writer left unfinished is passed over."""
    if not path.exists():
        return []
    with storage_errors(path):
        lines = path.read_bytes().split(b"\n")
    found = []
    for line in lines:
        try:
            annotation = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(annotation, dict):
            found.append(annotation)
    return found


def annotations_bytes(path: Path) -> int:
    """How long the file of the annotations is: as nothing is ever changed, it grows with every one."""
    with contextlib.suppress(DataMissing), storage_errors(path):
        return path.stat().st_size
    return 0


def _line(annotation: Mapping[str, Any]) -> bytes:
    if not isinstance(annotation.get("id"), str):
        raise InputError("An annotation names no sample.", got=repr(annotation), expected='an "id" that is text')
    try:
        return json.dumps(annotation, ensure_ascii=False, allow_nan=False).encode() + b"\n"
    except (TypeError, ValueError) as error:
        raise InputError("An annotation cannot be kept.", got=str(error), expected="JSON values") from error


def _ends_line(file: Any) -> bool:
    if file.seek(0, os.SEEK_END) == 0:
        return True
    file.seek(-1, os.SEEK_END)
    return bool(file.read(1) == b"\n")
