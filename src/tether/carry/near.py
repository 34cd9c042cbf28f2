"""Names: what a program may have meant, and what it gave."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def near_names(name: str, known: Iterable[str]) -> str:
    """Return "; did you mean `total`?", or "" where nothing is near."""
    public = [candidate for candidate in known if not candidate.startswith("_")]
    near = get_close_matches(name, public, n=2)
    return f"; did you mean {' or '.join(f'`{candidate}`' for candidate in near)}?" if near else ""


def named(thing: object) -> str:
    """Return the name of the class of what was given by mistake; of a class that was given, "class Order"."""
    return f"class {thing.__qualname__}" if isinstance(thing, type) else type(thing).__name__
