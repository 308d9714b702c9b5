"""The family of errors the lab raises, each message a small piece of help.

    LabError
    ├── InputError            what was handed in cannot be used
    │   ├── ShapeMismatch     arrays describe different samples, or a model takes another input
    │   ├── NotFinite         NaN or infinity where numbers are needed
    │   ├── DuplicateIds      two samples bear one id
    │   ├── EmptyData         there is nothing to work on
    │   └── UnknownName       a layer, dataset, split or step that does not exist
    ├── DataMissing           a dataset or a file cannot be found or had
    ├── BrokenFile            a file does not hold what its header, count or checksum promises
    │   └── UnknownVersion    a file was written by a newer major version of the format
    ├── StorageError          the disk is full, read-only, or refuses
    ├── MissingDependency     an optional package is not installed
    └── LaunchError           TensorBoard did not start

Every message has one form: what happened, what we got, what we expected, what to do now.
"""

from __future__ import annotations

from collections.abc import Iterable


class LabError(Exception):
    """Base of every error the lab raises on purpose.

    Args:
        happened: what went wrong, a whole sentence.
        got: what was found, without a final stop; empty where it says nothing more.
        expected: what would have been right, without a final stop.
        remedy: what to do now, a whole sentence.
    """

    def __init__(self, happened: str, *, got: str = "", expected: str = "", remedy: str = "") -> None:
        self.happened = happened
        self.got = got
        self.expected = expected
        self.remedy = remedy
        super().__init__(happened, got, expected, remedy)

    def __str__(self) -> str:
        parts = [self.happened]
        if self.got:
            parts.append(f"Got: {self.got}.")
        if self.expected:
            parts.append(f"Expected: {self.expected}.")
        if self.remedy:
            parts.append(self.remedy)
        return " ".join(parts)

    def __reduce__(self) -> tuple[object, ...]:
        """Keyword-only arguments do not survive the default pickling, which process pools rely on."""
        return (_rebuild, (type(self), self.happened, self.got, self.expected, self.remedy))


def _rebuild(kind: type[LabError], happened: str, got: str, expected: str, remedy: str) -> LabError:
    return kind(happened, got=got, expected=expected, remedy=remedy)


class InputError(LabError, ValueError):
    """What was handed in cannot be used."""


class ShapeMismatch(InputError):
    """Arrays describe different samples, or a model takes another input shape."""


class NotFinite(InputError):
    """NaN or infinity where finite numbers are needed."""


class DuplicateIds(InputError):
    """Two samples bear one id."""


class EmptyData(InputError):
    """There is nothing to work on."""


class UnknownName(InputError, LookupError):
    """A layer, dataset, split, step or method that does not exist."""


class DataMissing(LabError):
    """A dataset or a file cannot be found or had."""


class BrokenFile(LabError):
    """A file does not hold what its header, count or checksum promises."""


class UnknownVersion(BrokenFile):
    """A file was written by a newer major version of the format."""


class StorageError(LabError, OSError):
    """The disk is full, read-only, or refuses."""


class MissingDependency(LabError, ImportError):
    """An optional package is not installed; the remedy is the install command."""


class LaunchError(LabError):
    """TensorBoard did not start."""


def one_of(kind: str, name: object, known: Iterable[object], *, remedy: str = "") -> UnknownName:
    """The error for a name that is not among the known ones, which it lists.

    Args:
        kind: what the name names, such as "Layer".
        name: the name that was asked for.
        known: the names there are; at most the first thirty are listed.
        remedy: what to do now, a whole sentence.
    """
    names = [str(each) for each in known]
    listed = ", ".join(names[:30]) + (f" … ({len(names)} in all)" if len(names) > 30 else "")
    return UnknownName(
        f"{kind} {str(name)!r} does not exist.",
        expected=f"one of {listed}" if names else f"nothing: there is no {kind.lower()} here",
        remedy=remedy,
    )
