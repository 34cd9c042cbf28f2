"""SQLAlchemy's own ORM tests, bare and under watch.

    python -m proof.sqlalchemy_suite [VERSION ...] [--workers N] [--paths PATH ...] [--write]

Fetches the source distribution of each version with pip; runs ``test/orm`` on SQLAlchemy's ``sqlite``
configuration and ``test/ext/asyncio`` on its ``aiosqlite`` configuration against the installed wheel (as the
project tests its wheels), once bare and once with everything in watch on; prints both counts, every test whose
outcome differs, and every error inside tether's own hooks.
``--write`` writes the counts to ``docs/proof/sqlalchemy.md``. Exit status 0: no outcome differs. 1: some do.
"""

from __future__ import annotations

import argparse
import platform

from proof.environment import ROOT, version_in
from proof.suite import Mode, Run, Suite, comparison, differences, run

TABLE = ROOT / "docs" / "proof" / "sqlalchemy.md"
VERSIONS = ("2.0.58", "2.1.9")
HEADER = """# SQLAlchemy's own ORM tests under watch

Written by `python -m proof.sqlalchemy_suite --write`: `test/orm` on SQLite and `test/ext/asyncio` on aiosqlite,
from SQLAlchemy's source distribution, against its released wheel. Bare, and with everything in `watch` on. The last
column counts errors inside tether's own hooks; after one, the watch starts anew, so that no test runs with less.

| SQLAlchemy | Python | bare | under watch | outcomes that differ | errors in hooks |
| --- | --- | --- | --- | --- | --- |"""
OPTIONS = ("--quiet", "--maxfail=0", "--tb=short", "--nomemory")


def suite(version: str, paths: tuple[str, ...] = ()) -> Suite:
    """Return SQLAlchemy's own suite: the ORM tests, or the tests under *paths*, all on SQLite."""
    parts = [("--db", "sqlite", *OPTIONS, *(paths or ("test/orm",)))]
    if not paths:
        parts.append(("--db", "aiosqlite", *OPTIONS, "test/ext/asyncio"))
    return Suite(
        name=f"sqlalchemy-{version}",
        source=f"sqlalchemy=={version}",
        requirements=(f"sqlalchemy[asyncio]=={version}", "aiosqlite", "pytest<10", "pytest-xdist"),
        parts=tuple(parts),
        # test/conftest.py leaves the installed wheel alone when it is told that no user's site is wanted.
        variables={"PYTHONNOUSERSITE": "1"},
    )


def main() -> int:
    """Run, print and return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("version", nargs="*", default=VERSIONS)
    parser.add_argument("--workers", type=int, default=0, help="processes of pytest-xdist (default: none)")
    parser.add_argument("--paths", nargs="+", default=(), help="tests to run instead, such as test/ext")
    parser.add_argument("--write", action="store_true", help="write docs/proof/sqlalchemy.md")
    options = parser.parse_args()
    rows, changed = [], 0
    for version in options.version:
        own = suite(version, tuple(options.paths))
        bare = run(own, Mode(watched=False, workers=options.workers))
        watched = run(own, Mode(watched=True, workers=options.workers))
        print(f"SQLAlchemy {version}\n{comparison(bare, watched)}\n", flush=True)
        differ = sum(1 for _ in differences(bare, watched))
        changed += differ
        rows.append(_row(own, bare, watched, differ))
    if options.write:
        TABLE.write_text("\n".join((HEADER, *rows)) + "\n")
    return int(changed > 0)


def _row(own: Suite, bare: Run, watched: Run, differ: int) -> str:
    """Return one row of the table: counts, and how many tests differ."""
    versions = (version_in(own.python, "sqlalchemy"), platform.python_version())
    counts = (bare.words(), watched.words(), str(differ), str(len(watched.disabled)))
    return f"| {' | '.join((*versions, *counts))} |"


if __name__ == "__main__":
    raise SystemExit(main())
