"""TensorBoard inside a notebook: the frame, and the address at which the reader's browser finds it."""

from __future__ import annotations

import html
import os
import sys

FRAME_HEIGHT_PIXELS = 800
OUR_TAB = "#embedding_lab"
"""What follows TensorBoard's address where it is to open with our tab, and not with the first of all."""


def frame_html(url: str, port: int, path_prefix: str) -> str:
    """The frame that a notebook shows for a running TensorBoard.

    Args:
        url: the address on the machine where TensorBoard runs.
        port: its port there.
        path_prefix: the path a proxy gives it, such as "/user/x/proxy/absolute/6006"; "" for none.
    """
    source = html.escape(frame_source(url, port, path_prefix) + OUR_TAB, quote=True)
    return (
        f'<iframe src="{source}" width="100%" height="{FRAME_HEIGHT_PIXELS}" '
        'style="border: 0" title="TensorBoard"></iframe>'
    )


def frame_source(url: str, port: int, path_prefix: str) -> str:
    """Where the reader's browser finds TensorBoard, which need not be the machine it runs on.

    A path without a host belongs to whatever host shows the notebook, so the frame passes through
    the same proxy as the notebook itself. TENSORBOARD_PROXY_URL is TensorBoard's own convention
    (its notebook magic reads it too); JupyterHub says by JUPYTERHUB_SERVICE_PREFIX where its proxies are.
    """
    if told := os.environ.get("TENSORBOARD_PROXY_URL"):
        return told.replace("%PORT%", str(port))
    if path_prefix:
        return f"{path_prefix}/"
    if hub := os.environ.get("JUPYTERHUB_SERVICE_PREFIX"):
        return f"{hub.rstrip('/')}/proxy/{port}/"
    return url


def show_in_colab(port: int, path_prefix: str) -> bool:
    """Shows the frame in Google Colab, whose browser reaches a port only through Colab's own call.

    Returns:
        False where this is not Colab, and nothing was shown.
    """
    if "google.colab" not in sys.modules:
        return False
    from google.colab import output

    output.serve_kernel_port_as_iframe(port, path=f"{path_prefix}/", height=str(FRAME_HEIGHT_PIXELS))
    return True
