"""One sentence for a hazard name nobody knows, wherever it was written."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches


def no_such_hazard(name: str, known: Collection[str]) -> str:
    """Return one sentence that says *name* is no hazard and lists near names."""
    near = get_close_matches(name, known, n=3, cutoff=0.4)
    hint = f"did you mean {' or '.join(near)}?" if near else "`tether explain` lists them all."
    return f"there is no hazard called {name!r}; {hint}"
