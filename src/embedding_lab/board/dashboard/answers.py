"""What goes back to the page: JSON, arrays, pictures and files, and every error in words."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from werkzeug.wrappers import Request, Response

from embedding_lab.board import wire
from embedding_lab.board.dashboard.filter_language import WrongFilter
from embedding_lab.errors import (
    BrokenFile,
    DataMissing,
    InputError,
    LabError,
    MissingDependency,
    StorageError,
    UnknownName,
)

JSON = "application/json"
BINARY = "application/octet-stream"
WORTH_ZIPPING = 1024
"""Smaller answers fit into one packet as they are."""

_ZIPPED = (JSON, "text/")
_STATUS: dict[type[LabError], int] = {
    UnknownName: 404,
    DataMissing: 404,
    InputError: 400,
    BrokenFile: 422,
    StorageError: 409,
    MissingDependency: 409,
}


class Refused(LabError):
    """The server will not do what was asked, and says why."""

    status = 403


@dataclass(frozen=True)
class Answer:
    """An answer before it is made.

    Attributes:
        body: makes it.
        media_type: what it is.
        tag: changes when the body would; None where nothing is known of that.
        headers: further headers.
    """

    body: Callable[[], bytes]
    media_type: str = JSON
    tag: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def as_json(value: Any) -> Answer:
    """A value as JSON; it is its own tag."""
    body = json.dumps(value, ensure_ascii=False, allow_nan=False, default=_plain, separators=(",", ":")).encode()
    return Answer(lambda: body, JSON, hashlib.sha256(body).hexdigest()[:24])


def as_arrays(key: Hashable, header: Mapping[str, Any], arrays: Callable[[], Mapping[str, NDArray[Any]]]) -> Answer:
    """A message of the wire format, made only where the page does not have it yet.

    Args:
        key: says of which generation the arrays are.
        header: what is said of them.
        arrays: makes them.
    """
    return Answer(lambda: wire.encode(header, arrays()), BINARY, tag_of(key, header))


def tag_of(*parts: Any) -> str:
    """A tag of what an answer depends on."""
    return hashlib.sha256(repr(parts).encode(errors="surrogatepass")).hexdigest()[:24]


def respond(request: Request, answer: Answer) -> Response:
    """The response to a request: nothing but "the same" where the page has it, zipped where that is worth it."""
    headers = {
        "Cache-Control": "no-cache" if answer.tag else "no-store",
        "X-Content-Type-Options": "nosniff",
        **answer.headers,
    }
    body = b""
    if answer.tag and request.if_none_match.contains_weak(answer.tag):
        response = Response(status=304, headers=headers)
    else:
        body = answer.body()
        if _worth_zipping(request, answer.media_type, body):
            body = gzip.compress(body, 3, mtime=0)
            headers["Content-Encoding"] = "gzip"
        response = Response(body, headers=headers, content_type=answer.media_type)
    if answer.tag:
        response.set_etag(answer.tag, weak=True)
    if answer.media_type.startswith("audio/") and response.status_code == 200:  # players ask for parts, to seek
        response.make_conditional(request, accept_ranges=True, complete_length=len(body))
    if answer.media_type.startswith(_ZIPPED):
        response.vary.add("Accept-Encoding")
    return response


def respond_error(error: LabError) -> Response:
    """An error in words, as JSON."""
    status = error.status if isinstance(error, Refused) else _status(error)
    said: dict[str, Any] = {
        part: str(getattr(error, part))[:2000] for part in ("happened", "got", "expected", "remedy")
    }
    if isinstance(error, WrongFilter):
        said["position"] = error.position
    body = json.dumps({"error": said}, ensure_ascii=True)
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return Response(body, status=status, headers=headers, content_type=JSON)


def _status(error: LabError) -> int:
    return next((status for kind, status in _STATUS.items() if isinstance(error, kind)), 422)


def _worth_zipping(request: Request, media_type: str, body: bytes) -> bool:
    return len(body) > WORTH_ZIPPING and media_type.startswith(_ZIPPED) and "gzip" in str(request.accept_encodings)


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} has no JSON form")
