"""What the tests of the watch share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.watch.shop import open_shop


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Engine]:
    """
    An engine on a shop with five customers.
    """
    engine = open_shop(tmp_path)
    yield engine
    engine.dispose()
