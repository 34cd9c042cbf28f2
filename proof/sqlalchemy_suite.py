"""SQLAlchemy's own ORM tests, bare and under watch.

    python -m proof.sqlalchemy_suite [VERSION ...] [--restart] [--workers N] [--paths PATH ...]

Fetches the source distribution of each version with pip; runs ``test/orm`` on SQLAlchemy's ``sqlite``
configuration and ``test/ext/asyncio`` on its ``aiosqlite`` configuration against the installed wheel (as the
project tests its wheels), once bare and once with everything in watch on; prints both counts and every test
whose outcome differs. Exit status 0: none differs. 1: some do.
"""

from __future__ import annotations

import argparse

from proof.suite import Mode, Suite, comparison, differences, run

VERSIONS = ("2.0.58", "2.1.9")
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
    parser.add_argument("--restart", action="store_true", help="start the watch anew for each test")
    parser.add_argument("--workers", type=int, default=0, help="processes of pytest-xdist (default: none)")
    parser.add_argument("--paths", nargs="+", default=(), help="tests to run instead, such as test/ext")
    options = parser.parse_args()
    changed = False
    for version in options.version:
        own = suite(version, tuple(options.paths))
        bare = run(own, Mode(watched=False, workers=options.workers))
        watched = run(own, Mode(watched=True, restart=options.restart, workers=options.workers))
        print(f"SQLAlchemy {version}\n{comparison(bare, watched)}\n", flush=True)
        changed = changed or any(differences(bare, watched))
    return int(changed)


if __name__ == "__main__":
    raise SystemExit(main())
