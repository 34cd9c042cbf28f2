"""Which tether this is."""

from __future__ import annotations


def version() -> str:
    """Return the version of the installed distribution; "unknown" where tether runs from bare sources."""
    from importlib.metadata import PackageNotFoundError, version  # slow to import: only when somebody asks

    try:
        return version("tether")
    except PackageNotFoundError:
        return "unknown"
