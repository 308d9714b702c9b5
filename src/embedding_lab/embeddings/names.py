"""Names of layers, datasets and maps as folder names that every file system keeps apart."""

from __future__ import annotations

import hashlib
import operator
import re
from typing import SupportsIndex

from embedding_lab.errors import BrokenFile, InputError

_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789_-.")
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)")  # device names of Windows, whatever their ending
_CUT = "~"  # never written by the encoding itself, so it marks an abbreviated name
_LONGEST = 120  # file systems stop at 255 bytes, and generations and endings are added
_KEPT = 80


def folder_name(name: str) -> str:
    """A name as a folder name: lower-case ASCII, the same on every file system, reversible.

    Whatever is not a small letter, a digit, or one of `_-.` becomes `%` and two hexadecimal digits per
    UTF-8 byte: file systems that ignore case, or compose accents, still keep two names apart. Names
    that become longer than 120 characters are cut and end in `~` and a digest; their manifest holds
    the whole name.

    Raises:
        InputError: the name is empty or no valid text.
    """
    if not isinstance(name, str):
        raise InputError("A name is no text.", got=repr(name), expected="text")
    if not name:
        raise InputError("A name is empty.", expected="a name of at least one character")
    try:
        raw = name.encode()
    except UnicodeEncodeError as error:
        raise InputError(
            "A name is no valid text.", got=ascii(name), expected="text that UTF-8 can hold"
        ) from error
    encoded = "".join(chr(byte) if byte in _PLAIN else f"%{byte:02x}" for byte in raw)
    if _RESERVED.match(encoded) or encoded[0] == ".":
        encoded = f"%{ord(encoded[0]):02x}{encoded[1:]}"
    if encoded[-1] == ".":
        encoded = f"{encoded[:-1]}%2e"
    if len(encoded) > _LONGEST:
        return f"{encoded[:_KEPT]}{_CUT}{hashlib.sha256(raw).hexdigest()[:32]}"
    return encoded


def true_name(folder: str) -> str | None:
    """The name a folder stands for; None where it was abbreviated and only the manifest knows."""
    if _CUT in folder:
        return None
    raw = re.sub(rb"%([0-9a-f]{2})", lambda match: bytes([int(match[1], 16)]), folder.encode())
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return None


STATIC = "static"
"""The folder of what does not change with the step."""


def step_number(step: SupportsIndex | None) -> int | None:
    """A training step as Python's own number, whichever library counted it; None where nothing changes.

    Raises:
        InputError: the step is negative or not a whole number.
    """
    if step is None:
        return None
    try:
        number = -1 if isinstance(step, bool) else operator.index(step)
    except TypeError:
        number = -1
    if number < 0:
        raise InputError("A step is not a whole number.", got=repr(step), expected="0, 1, 2, … or None")
    return number


def step_folder(step: SupportsIndex | None) -> str:
    """The folder of a training step: its number, or "static" where nothing changes.

    Raises:
        InputError: the step is negative or not a whole number.
    """
    number = step_number(step)
    return STATIC if number is None else str(number)


def step_of(folder: str) -> int | None:
    """The step a folder stands for.

    Raises:
        BrokenFile: the folder stands for none.
    """
    if folder == STATIC:
        return None
    if not (folder.isascii() and folder.isdecimal()):
        raise BrokenFile(f"Folder {folder!r} is no step.", expected=f"a whole number or {STATIC!r}")
    return int(folder)
