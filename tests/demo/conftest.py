"""Every chapter, performed once."""

from __future__ import annotations

import pytest

from tether.demo.chapters import all_chapters
from tether.demo.stage import Performance, stage


@pytest.fixture(scope="session")
def performances() -> dict[str, Performance]:
    """
    Each chapter by name, as it went on this SQLAlchemy.
    """
    with stage() as house:
        return {name: house.perform(name) for name in all_chapters()}
