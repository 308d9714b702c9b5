"""Real Keras models of every kind, small enough to be quick."""

from __future__ import annotations

from typing import Any

import pytest

from embedding_lab.frameworks.keras import import_keras


@pytest.fixture(scope="session")
def keras() -> Any:
    return import_keras()
