"""Who may change things: only a page that this server sent itself, to a browser on this machine.

TensorBoard asks nobody for a password. So where it can be reached from elsewhere the dashboard only reads. On
this machine any page of the web could still send requests here; they lack the token, which only our own page
can read. A page whose name was made to lead to this machine could read it: its requests bear that name as their
host, and this server's own port, and are refused. A notebook's proxy bears another port.
"""

from __future__ import annotations

import hmac
import os
import secrets
from collections.abc import Mapping
from urllib.parse import urlsplit

from werkzeug.wrappers import Request

from embedding_lab.board.dashboard.answers import Refused
from embedding_lab.errors import LabError

TOKEN_HEADER = "X-Embedding-Lab-Token"
HOSTS_VARIABLE = "EMBEDDING_LAB_HOSTS"
LOOPBACK = ("localhost", "127.0.0.1", "::1")
_NOTEBOOKS = (
    "JPY_PARENT_PID",
    "JPY_SESSION_NAME",
    "JUPYTERHUB_SERVICE_PREFIX",
    "COLAB_RELEASE_TAG",
    "VSCODE_PROXY_URI",
)


class Permission:
    """Decides request by request.

    Args:
        environment: the process's environment, which names further hosts and tells of a notebook.
    """

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self.token = secrets.token_urlsafe(24)
        self._hosts = {
            each.strip().lower() for each in environment.get(HOSTS_VARIABLE, "").split(",") if each.strip()
        }
        self._in_notebook = any(each in environment for each in _NOTEBOOKS)
        self._at_the_door = False

    def let_in_by_token(self) -> None:
        """Says that whoever gets this far has shown a token already, so that addresses and names do not matter."""
        self._at_the_door = True

    def token_for(self, request: Request) -> str | None:
        """The token for a page that may change things; None for one that may only look."""
        return self.token if self._refusal(request) is None else None

    def check(self, request: Request) -> None:
        """Refuses a request that changes things and may not.

        Raises:
            Refused: and why.
        """
        refusal = self._refusal(request)
        if refusal is not None:
            raise refusal
        if request.mimetype != "application/json":
            raise Refused(
                "Requests that change things are JSON.", got=request.mimetype, expected="application/json"
            )
        if not hmac.compare_digest(request.headers.get(TOKEN_HEADER, "").encode(), self.token.encode()):
            raise Refused(
                "This page may not change things.",
                got="a wrong or missing token",
                expected="the token of the overview",
                remedy="Reload the page: the server may have been started anew.",
            )

    def _refusal(self, request: Request) -> LabError | None:
        if self._at_the_door:
            return None
        bound = str(request.environ.get("SERVER_NAME", ""))
        if bound not in LOOPBACK:
            return Refused(
                "The dashboard only reads here.",
                got=f"a server that listens on {bound}",
                expected="one that listens on this machine alone",
                remedy="Start it without --host and --bind_all.",
            )
        host = str(request.environ.get("HTTP_HOST", ""))
        if not self._knows(host, str(request.environ.get("SERVER_PORT", ""))):
            return Refused(
                "The dashboard does not know the name it was called by.",
                got=host[:200],
                expected="localhost",
                remedy=f"Name it in the environment variable {HOSTS_VARIABLE} and start the server anew.",
            )
        return None

    def _knows(self, host: str, own_port: str) -> bool:
        try:
            parts = urlsplit(f"//{host}")
            name, port = (parts.hostname or "").lower(), parts.port
        except ValueError:
            return False
        if name in LOOPBACK or name in self._hosts or "*" in self._hosts:
            return True
        return self._in_notebook and bool(name) and str(port) != own_port
