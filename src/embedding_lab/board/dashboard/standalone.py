"""The dashboard without TensorBoard: its page and its routes on a port of their own.

On an address that others can reach it lets nobody in without the token in the address it prints; the browser then
keeps that in a cookie.
"""

from __future__ import annotations

import hmac
import secrets
import threading
import time
from collections.abc import Iterable
from types import TracebackType
from typing import Any
from urllib.parse import urlencode

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from embedding_lab.board.dashboard.answers import Refused, respond_error
from embedding_lab.board.dashboard.application import Dashboard
from embedding_lab.board.dashboard.permission import LOOPBACK
from embedding_lab.board.server import NEIGHBOURS_TRIED
from embedding_lab.errors import InputError, LaunchError

COOKIE = "embedding_lab"
_WATCH_SECONDS = 0.25


class Standalone:
    """A running dashboard; close it, or use it in a `with` statement.

    Args:
        dashboard: what is served.
        host: the address to listen on.
        port: where to serve; where it is taken, one of the next, else any. 0 means any.
        path_prefix: the path under which a proxy that keeps paths shows it.

    Attributes:
        url: the address of the page, with a token where it needs one.
        port: the port it got.

    Raises:
        InputError: the port is not one.
        LaunchError: there is no free port, or the address is not this machine's.
    """

    def __init__(
        self, dashboard: Dashboard, host: str = "127.0.0.1", port: int = 6006, path_prefix: str = ""
    ) -> None:
        inner = path_prefix.strip("/")
        prefix = f"/{inner}" if inner else ""
        token = None if host in LOOPBACK else secrets.token_urlsafe(24)
        if token is not None:
            dashboard.permission.let_in_by_token()
        self._server = _on_a_free_port(_Door(dashboard, prefix, token), host, port)
        self.port = int(self._server.server_port)
        shown = (
            "127.0.0.1" if host == "0.0.0.0" else "[::1]" if host == "::" else f"[{host}]" if ":" in host else host
        )
        query = f"?{urlencode({'token': token})}" if token else ""
        self.url = f"http://{shown}:{self.port}{prefix}/{query}"
        self._thread = threading.Thread(target=self._server.serve_forever, name="dashboard", daemon=True)
        self._thread.start()
        dashboard.expect_page()

    def wait(self) -> None:
        """Returns when it is closed; meanwhile an interruption (Ctrl-C) passes through."""
        while self._thread.is_alive():
            time.sleep(_WATCH_SECONDS)

    def close(self) -> None:
        """Ends it."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Standalone:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Door:
    """Takes the path prefix off, and lets in who has the token."""

    def __init__(self, dashboard: Dashboard, prefix: str, token: str | None) -> None:
        self._dashboard = dashboard
        self._prefix = prefix
        self._token = token

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "").removeprefix(self._prefix)
        if not path.startswith("/"):  # relative addresses of the page need the final slash
            return Response(status=302, headers={"Location": f"{self._prefix}/"})(environ, start_response)
        environ = {**environ, "PATH_INFO": path}
        if self._token is not None:
            request = Request(environ)
            if self._is_token(request.args.get("token", "")):
                return self._with_cookie(self._token)(environ, start_response)
            if not self._is_token(request.cookies.get(COOKIE, "")):
                return respond_error(_NO_TOKEN)(environ, start_response)
        return self._dashboard(environ, start_response)

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(errors="replace"), str(self._token).encode())

    def _with_cookie(self, token: str) -> Response:
        """To the same page, with the token in a cookie in place of the address, which people copy."""
        response = Response(status=302, headers={"Location": f"{self._prefix}/"})
        response.set_cookie(COOKIE, token, httponly=True, samesite="Strict", path=f"{self._prefix}/")
        return response


_NO_TOKEN = Refused(
    "This dashboard asks for its token.",
    expected="the whole address that the server printed, with ?token=…",
    remedy="Copy the address from where the server was started.",
)


class _Quiet(WSGIRequestHandler):
    """Writes nothing for each request."""

    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 (the library's own name)
        pass


def _on_a_free_port(application: Any, host: str, port: int) -> BaseWSGIServer:
    if not 0 <= port <= 65535:
        raise InputError("That is not a port.", got=str(port), expected="a number from 0 to 65535")
    refused: BaseException | None = None
    for each in (*range(port, min(port + NEIGHBOURS_TRIED, 65535) + 1), 0) if port else (0,):
        try:
            return make_server(host, each, application, threaded=True, request_handler=_Quiet)
        except (OSError, SystemExit) as error:  # the library ends the process where a port is taken
            refused = error
    raise LaunchError("The dashboard did not start.", got=str(refused), remedy="Choose another host or port.")
