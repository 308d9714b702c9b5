"""Gives back the file that torchcodec opened, or what it decoded: so come sounds out of examples of datasets."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

TORCHCODEC = "torchcodec"

ENCODED = "_hf_encoded"
"""Under this name Hugging Face's datasets keep with a decoder the bytes and the path it was made of."""


def opened_from(value: Any) -> Any:
    """A mapping of bytes and path, or of array and sampling_rate, of what torchcodec opened; all else as it is.

    Args:
        value: of a column, such as a decoder of sounds, a decoder of videos, or sounds that were decoded.
    """
    if not any(each.__module__.partition(".")[0] == TORCHCODEC for each in type(value).__mro__):
        return value
    encoded = getattr(value, ENCODED, None)
    if isinstance(encoded, Mapping) and (encoded.get("bytes") or _is_here(encoded.get("path"))):
        return encoded
    sound = value.get_all_samples() if hasattr(value, "get_all_samples") else value
    if hasattr(sound, "sample_rate"):
        return {"array": sound.data, "sampling_rate": sound.sample_rate}
    return value


def _is_here(path: str | None) -> bool:
    """Whether it is a file of this machine, rather than one that lies in an archive or elsewhere."""
    return path is not None and Path(path).is_file()
