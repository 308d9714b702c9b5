"""The dashboard as a WSGI application: finds the route, checks who asks, and answers errors in words."""

from __future__ import annotations

import logging
import mimetypes
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request, Response

from embedding_lab.board.dashboard import (
    annotating,
    download,
    job_routes,
    measuring,
    media,
    neighbours,
    pages,
    places,
    samples,
    search,
    selections,
    sorting,
    trust,
)
from embedding_lab.board.dashboard.answers import Answer, as_json, respond, respond_error, tag_of
from embedding_lab.board.dashboard.asked import LARGEST_BODY_BYTES, Asked
from embedding_lab.board.dashboard.computing import Computing, Jobs
from embedding_lab.board.dashboard.expected import Expected
from embedding_lab.board.dashboard.library import Library
from embedding_lab.board.dashboard.overview import overview
from embedding_lab.board.dashboard.permission import Permission
from embedding_lab.errors import DataMissing, InputError, LabError

PAGE, MODULE = "index.html", "index.js"
STATIC = Path(__file__).parents[1] / "static"
"""The page, built from `frontend/`."""

Route = Callable[[Library, Asked], Answer]
READING: dict[str, Route] = {
    "order": places.order,
    "points": places.points,
    "columns": places.columns,
    "column": places.column,
    "samples": samples.samples,
    "search": search.search,
    "neighbours": neighbours.neighbours,
    "atlas": pages.atlas,
    "picture": pages.picture,
    "media": media.media,
    "jobs": job_routes.jobs,
    "selection": selections.selection,
    "annotations": annotating.said_of,
}
"""What GET answers."""

ASKING: dict[str, Route] = {
    "trust": trust.trust,
    "download": download.download,
    "rows": selections.rows_of,
    "ids": selections.ids_of_rows,
    "sort": sorting.sort,
    "measures/aside": measuring.measure_aside,
}
"""What POST answers because the question is too long for an address, or takes time; nothing on disk changes."""

WRITING: dict[str, Route] = {
    "selections": selections.save_selection,
    "selections/remove": selections.remove_selection,
    "annotations": annotating.annotate,
    "annotations/withdraw": annotating.withdraw,
    "measures": measuring.measure,
    "jobs": job_routes.start,
    "jobs/cancel": job_routes.cancel,
}
"""What POST does, for those who may."""

_log = logging.getLogger(__name__)


class Dashboard:
    """The routes and the page of one log directory.

    Args:
        logdir: the log directory.
        computing: makes what is not there yet.
        jobs: makes what takes longer.
        static: the folder of the built page.
    """

    def __init__(
        self, logdir: Path, computing: Computing | None = None, jobs: Jobs | None = None, static: Path = STATIC
    ) -> None:
        self.library = Library(logdir, computing, jobs)
        self.permission = Permission()
        self._expected = Expected(self.library)
        self._static = static

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answers a request whose PATH_INFO is the route: "/overview", "/index.js"."""
        request = Request(environ)
        request.max_content_length = LARGEST_BODY_BYTES
        response = self._responded(request, request.path.removeprefix("/"))
        return response(environ, start_response)

    def expect_page(self) -> None:
        """Makes ready what a page opens with, beside whatever else is done: call it where a server starts."""
        self._expected.begin()

    def _responded(self, request: Request, name: str) -> Response:
        try:
            return respond(request, self._answer(request, name))
        except LabError as error:
            return respond_error(error)
        except HTTPException as error:
            return respond_error(InputError("The request cannot be read.", got=str(error.description)))
        except (MemoryError, OSError, ValueError) as error:  # a run was deleted or is being copied underneath
            _log.warning("Request for %s failed.", name, exc_info=True)
            return respond_error(
                DataMissing(
                    "The data could not be read.",
                    got=f"{type(error).__name__}: {str(error)[:200]}",
                    remedy="The run may have been changed meanwhile; reload the page.",
                )
            )

    def _answer(self, request: Request, name: str) -> Answer:
        if request.method == "POST":
            if name not in WRITING and name not in ASKING:
                raise DataMissing(f"There is nothing to do at {name[:80]!r}.")
            if name in WRITING:
                self.permission.check(request)
            return (WRITING.get(name) or ASKING[name])(self.library, Asked(request))
        if request.method not in ("GET", "HEAD"):
            raise InputError("The method is unknown.", got=request.method[:20], expected="GET or POST")
        if name == "overview":
            return as_json(overview(self.library, self.permission.token_for(request)))
        if name in READING:
            return READING[name](self.library, Asked(request))
        return self._asset(name or PAGE)

    def _asset(self, name: str) -> Answer:
        """A file of the page; nothing outside its folder, whatever the name says."""
        root = Path(os.path.realpath(self._static))
        path = Path(os.path.realpath(root / name)) if "\0" not in name else root
        if not path.is_relative_to(root) or not path.is_file():
            raise DataMissing(
                f"There is nothing at {name[:80]!r}.",
                remedy=""
                if self._static.is_dir()
                else "The page was not built; install embedding-lab from a wheel.",
            )
        kind = {".js": "text/javascript", ".css": "text/css", ".html": "text/html; charset=utf-8"}
        media_type = kind.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        if name in (PAGE, MODULE):
            self.expect_page()  # there may be something newer than when the server started
        state = path.stat()
        headers = {"Content-Security-Policy": POLICY} if path.suffix == ".html" else {}
        return Answer(path.read_bytes, media_type, tag_of(str(path), state.st_mtime_ns, state.st_size), headers)


POLICY = (
    "default-src 'self'; script-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; "
    "connect-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'self'"
)
"""What the page may load where we serve it ourselves: only what comes from this server."""
