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
from embedding_lab.errors import DataMissing, InputError, StorageError, one_of

FOLDER = "selections"
ANNOTATIONS = "annotations.jsonl"
WITHDRAWS = "withdraws"
"""What a line takes back of its sample: all that was said of it at this time."""
FACTS: Facts = {"name": str, "ids": list}


class Notes:
    """What people said of the samples of a run; the part of a `Run` that knows neither layers nor steps.

    Attributes:
        files: the run's files.
    """

    files: Files

    @property
    def selections(self) -> list[str]:
        """The names of the selections that were kept, sorted."""
        kept = self.files.list(FOLDER)
        return sorted(read_manifest(self.files, f"{FOLDER}/{each}", "selection", FACTS)["name"] for each in kept)

    def selection(self, name: str) -> list[str]:
        """The ids of a selection, in the order they were given.

        Raises:
            UnknownName: there is none of that name.
        """
        manifest = read_manifest(self.files, f"{FOLDER}/{self._selection_file(name)}", "selection", FACTS)
        return [str(each) for each in manifest["ids"]]

    def save_selection(self, name: str, ids: Iterable[str]) -> None:
        """Keeps the ids of a selection under a name; a later one of that name takes its place."""
        chosen = list(dict.fromkeys(str(each) for each in ids))
        with Draft(self.files, FOLDER, folder_name(name), "selection") as draft:
            draft.publish({"name": name, "ids": chosen})

    def remove_selection(self, name: str) -> None:
        """Takes a selection away; the samples in it stay.

        Raises:
            UnknownName: there is none of that name.
            StorageError: the disk refuses.
        """
        file = self._selection_file(name)
        self.files.remove(f"{FOLDER}/{file}")
        if file in self.files.list(FOLDER):
            raise StorageError(
                f"The selection {name!r} could not be removed.",
                got=self.files.address(f"{FOLDER}/{file}"),
                expected="a file that this user may remove",
            )

    def annotate(self, ids: str | Iterable[str], **said: Any) -> None:
        """Adds what is said of a sample, or of several, such as label=… or tags=[…] with a reason.

        Nothing is ever changed; `withdraw` takes back. The "time" (seconds since 1970) is added, the same for all.

        Raises:
            InputError: an id is no text, or what is said bears a reserved name or cannot be written as JSON.
            StorageError: the disk refuses.
        """
        if reserved := sorted({"id", "time", WITHDRAWS} & said.keys()):
            raise InputError(
                f"{reserved[0]!r} cannot be said of a sample.",
                expected="another name: id and time are the annotation's own, and `withdraw` takes back",
            )
        now = time.time()
        self._append({"time": now, "id": each, **said} for each in ([ids] if isinstance(ids, str) else ids))

    @property
    def annotations(self) -> list[dict[str, Any]]:
        """All that was said of samples and stands, oldest first.

        What was taken back is passed over, and so is a line that a killed writer left unfinished.
        """
        found = self._written()
        gone = {_moment(each, WITHDRAWS) for each in found} - {None}
        return [each for each in found if WITHDRAWS not in each and _moment(each, "time") not in gone]

    def withdraw(self, annotations: Mapping[str, Any] | Iterable[Mapping[str, Any]]) -> None:
        """Takes back one or several of `annotations`: the label, the tags and the reason that were said at once.

        The file keeps them, with a line behind them that takes them back. Of each the "id" and the "time" count.

        Raises:
            InputError: one of them does not stand.
            StorageError: the disk refuses.
        """
        known = {_moment(each, "time") for each in self.annotations} - {None}
        now, withdrawals = time.time(), []
        for each in [annotations] if isinstance(annotations, Mapping) else annotations:
            if _moment(each, "time") not in known:
                raise InputError(
                    "There is nothing to take back: that was not said, or was taken back already.",
                    got=f"id {each.get('id')!r}, time {each.get('time')!r}",
                    expected="annotations as the run gives them",
                )
            withdrawals.append({"time": now, "id": each["id"], WITHDRAWS: each["time"]})
        self._append(withdrawals)

    @property
    def annotations_bytes(self) -> int:
        """How much was said of samples; as nothing is ever changed, it grows with everything that is added."""
        with contextlib.suppress(DataMissing):
            return self.files.stamp(ANNOTATIONS).size
        return 0

    def _selection_file(self, name: str) -> str:
        if name not in self.selections:
            raise one_of("Selection", name, self.selections)
        return f"{folder_name(name)}.json"

    def _append(self, annotations: Iterable[Mapping[str, Any]]) -> None:
        lines = b"".join(map(_line, annotations))
        unfinished = self._bytes()[-1:] not in (b"", b"\n")  # a killed writer left half a line
        self.files.append(ANNOTATIONS, (b"\n" if unfinished else b"") + lines)

    def _written(self) -> list[dict[str, Any]]:
        found = []
        for line in self._bytes().split(b"\n"):
            try:
                annotation = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(annotation, dict):
                found.append(annotation)
        return found

    def _bytes(self) -> bytes:
        try:
            return self.files.read(ANNOTATIONS)
        except DataMissing:
            return b""


def _moment(annotation: Mapping[str, Any], when: str) -> tuple[str, float] | None:
    """The sample and the time that an annotation names; None where it names none: anybody may write anything."""
    sample, time = annotation.get("id"), annotation.get(when)
    return (sample, time) if isinstance(sample, str) and isinstance(time, int | float) else None


def _line(annotation: Mapping[str, Any]) -> bytes:
    if not isinstance(annotation.get("id"), str):
        raise InputError("An annotation names no sample.", got=repr(annotation), expected='an "id" that is text')
    try:
        return json.dumps(annotation, ensure_ascii=False, allow_nan=False).encode() + b"\n"
    except (TypeError, ValueError) as error:
        raise InputError("An annotation cannot be kept.", got=str(error), expected="JSON values") from error
