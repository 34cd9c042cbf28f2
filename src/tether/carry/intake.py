"""What may be brought back, turned into base and mine."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from tether.carry.base import edits_of_instances
from tether.carry.edits import Edits


def edits_of(session: Session, changed: Any) -> tuple[Edits, bool]:
    """Return base and mine of what was given, and whether that is a list.

    Raises:
        NoBaseError: SQLAlchemy did not keep what a changed attribute was before.
        ValueError: An instance has no row yet.
        TypeError: Something is neither a snapshot, nor a draft, nor an instance of a mapped class.
    """
    is_list = isinstance(changed, list | tuple)
    return edits_of_instances(changed if is_list else [changed], session), is_list
