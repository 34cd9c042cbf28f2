"""Names that a program may have meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def near_names(name: str, known: Iterable[str]) -> str:
    """Return "; did you mean `total`?", or "" where nothing is near."""
    public = [candidate for candidate in known if not candidate.startswith("_")]
    near = get_close_matches(name, public, n=2)
    return f"; did you mean {' or '.join(f'`{candidate}`' for candidate in near)}?" if near else ""
