"""What the tests of ``tether run`` share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.run.programs import write


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a configuration of its own, so that none above it counts."""
    write(tmp_path, "[tool.tether]\n", "pyproject.toml")
    return tmp_path
