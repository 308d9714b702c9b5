"""Debian's Firefox, driven through its own door, Marionette: JSON over a socket, for which nothing is installed."""

from __future__ import annotations

import base64
import io
import json
import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SECONDS = 180
PREFERENCES = {
    "marionette.port": 0,  # one that is free
    "webgl.force-enabled": True,  # by the processor where there is no graphics card
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "app.update.enabled": False,
    "network.captive-portal-service.enabled": False,
}
WAITS = """(() => {
    window.problems = [];
    addEventListener('error', ({message}) => problems.push(message));
    addEventListener('unhandledrejection', ({reason}) => problems.push(String(reason)));
    return new Promise((done) => {
        const look = () => (%s) ? done(true) : setTimeout(look, 50);
        look();
    });
})()"""


class Firefox:
    """A running Firefox."""

    def __init__(self, door: socket.socket) -> None:
        self._socket = door
        self._asked = 0
        self._read()  # it says who it is
        self._do("WebDriver:NewSession", {})
        self._do("WebDriver:SetTimeouts", {"script": 1000 * SECONDS})

    def open(self, address: str) -> None:
        self._do("WebDriver:Navigate", {"url": address})

    def enter(self, frame: str, shown: str) -> None:
        """Goes into a frame, when it is there and shows something; until then its document is another one."""
        self._do("WebDriver:SetTimeouts", {"implicit": 1000 * SECONDS})
        self._do("WebDriver:SwitchToFrame", {"element": self._find(frame)})
        self._find(shown)

    def call(self, expression: str) -> Any:
        """A value of the page; a promise's when it is kept."""
        return self._do("WebDriver:ExecuteScript", {"script": f"return {expression}", "args": [], "sandbox": None})[
            "value"
        ]

    def wait(self, condition: str) -> None:
        """Waits until a condition holds on the page; what goes wrong meanwhile is in `problems`."""
        self.call(WAITS % condition)

    def picture(self) -> NDArray[np.int16]:
        """What the page looks like, shape (height, width, 3)."""
        shot = self._do("WebDriver:TakeScreenshot", {"full": False})["value"]
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(shot))).convert("RGB"), np.int16)

    def _find(self, selector: str) -> Any:
        return self._do("WebDriver:FindElement", {"using": "css selector", "value": selector})["value"]

    def _do(self, command: str, parameters: dict[str, Any]) -> Any:
        self._asked += 1
        message = json.dumps([0, self._asked, command, parameters]).encode()
        self._socket.sendall(b"%d:%s" % (len(message), message))
        _, _, error, result = self._read()
        assert error is None, error
        return result

    def _read(self) -> Any:
        length = b""
        while not length.endswith(b":"):
            length += self._receive(1)
        return json.loads(self._receive(int(length[:-1])))

    def _receive(self, count: int) -> bytes:
        received = b""
        while len(received) < count:
            part = self._socket.recv(count - len(received))
            assert part, "Firefox has ended"
            received += part
        return received


@contextmanager
def firefox(executable: str, profile: Path) -> Iterator[Firefox]:
    """Runs Firefox on a screen of its own, which is nowhere: without any it draws no WebGL.

    Args:
        executable: Firefox's.
        profile: an empty folder.
    """
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in PREFERENCES.items()]
    (profile / "user.js").write_text("\n".join(lines), "utf-8")
    command = [executable, "--marionette", "--no-remote", "--profile", str(profile)]
    with screen() as display:
        environment = {**os.environ, "HOME": str(profile), "DISPLAY": display}
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        with subprocess.Popen(command, env=environment, **quiet) as process:
            try:
                with socket.create_connection(("127.0.0.1", _port(profile, process)), SECONDS) as door:
                    yield Firefox(door)
            finally:
                process.terminate()


@contextmanager
def screen() -> Iterator[str]:
    """The name of a screen in memory."""
    command = ["Xvfb", "-displayfd", "1", "-screen", "0", "1280x900x24"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            yield f":{process.stdout.readline().strip()}"
        finally:
            process.terminate()


def _port(profile: Path, process: subprocess.Popen[Any]) -> int:
    """The port that Firefox writes into its profile when it listens."""
    file, deadline = profile / "MarionetteActivePort", time.monotonic() + SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if file.is_file() and (told := re.fullmatch(r"\d+", file.read_text())):
            return int(told.group())
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.05)
    raise AssertionError("Firefox does not listen")
