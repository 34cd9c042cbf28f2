"""The own suites of libraries that build on SQLAlchemy's ORM, bare and under watch; every finding judged.

    python -m proof.third_party [SUITE ...] [--last] [--write]

Prints both counts and every test whose outcome differs, then each finding that ``judged.toml`` has no verdict
on. ``--last`` looks at the last runs again and runs nothing. ``--write`` writes the table in
``docs/proof/third-party.md``. Exit status 0: no outcome differs and every finding is judged. 1: otherwise.
"""

from __future__ import annotations

import argparse
from typing import Any

from proof.judging import Group, document, grouped, verdicts
from proof.suite import Mode, Run, Suite, comparison, differences, last, run

PYTEST = ("pytest<10", "pytest-xdist")
QUIET = ("--quiet", "--tb=short")

SUITES = {
    suite.name: suite
    for suite in (
        Suite(
            name="flask-sqlalchemy",
            source="flask-sqlalchemy==3.1.1",
            library="flask_sqlalchemy",
            requirements=("flask-sqlalchemy==3.1.1", "sqlalchemy==2.0.58", "flask[async]", *PYTEST),
            parts=((*QUIET, "tests"),),
        ),
        Suite(
            name="sqlmodel",
            source="sqlmodel==0.0.50",
            library="sqlmodel",
            requirements=(
                *(
                    "sqlmodel==0.0.50",
                    "sqlalchemy[asyncio]==2.1.9",
                    "aiosqlite",
                    "alembic",
                    "black",
                    "coverage",
                ),
                *(
                    "dirty-equals",
                    "fastapi",
                    "httpx",
                    "jinja2",
                    "pymysql[rsa]",
                    "pyyaml",
                    "ruff",
                    "ty",
                    "typer",
                ),
                *PYTEST,
            ),
            parts=((*QUIET, "tests"),),
        ),
        Suite(
            name="marshmallow-sqlalchemy",
            source="marshmallow-sqlalchemy==1.6.0",
            library="marshmallow_sqlalchemy",
            requirements=(
                *("marshmallow-sqlalchemy==1.6.0", "sqlalchemy==2.1.9", "pytest-lazy-fixtures"),
                *PYTEST,
            ),
            parts=((*QUIET, "tests"),),
        ),
        Suite(
            name="sqlalchemy-continuum",
            source="sqlalchemy-continuum==2.0.0",
            library="sqlalchemy_continuum",
            requirements=(
                *("sqlalchemy-continuum==2.0.0", "sqlalchemy==2.1.9", "psycopg2-binary", "pymysql"),
                *("flask", "flask-login", "flask-sqlalchemy", "sqlmodel"),
                *PYTEST,
            ),
            parts=((*QUIET, "tests"),),
            variables={"DB": "sqlite"},
        ),
        Suite(
            name="fastapi-users-db-sqlalchemy",
            source="fastapi-users-db-sqlalchemy==7.0.0",
            library="fastapi_users_db_sqlalchemy",
            requirements=(
                *("fastapi-users-db-sqlalchemy==7.0.0", "sqlalchemy[asyncio]==2.0.58", "aiosqlite"),
                *("pytest-asyncio", "pytest-mock"),
                *PYTEST,
            ),
            parts=((*QUIET, "tests"),),
        ),
    )
}


def both(suite: Suite, *, again: bool) -> tuple[Run, Run]:
    """Return the bare run of a suite and the one under watch; the last ones if they are not to be run again."""
    take = run if again else last
    return take(suite, Mode(watched=False)), take(suite, Mode(watched=True))


def main() -> int:
    """Run, print, write the table if asked, and return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("suite", nargs="*", default=list(SUITES), help=", ".join(SUITES))
    parser.add_argument("--last", action="store_true", help="look at the last runs again, run nothing")
    parser.add_argument("--write", action="store_true", help="write docs/proof/third-party.md")
    options = parser.parse_args()
    runs = {name: both(SUITES[name], again=not options.last) for name in options.suite}
    known = verdicts()
    open_questions = 0
    for name, (bare, watched) in runs.items():
        print(f"{SUITES[name].source}\n{comparison(bare, watched)}\n", flush=True)
        unjudged = [group for group in grouped(name, watched.findings) if group.key not in known]
        open_questions += len(unjudged)
        for group in unjudged:
            print(_question(group))
    if options.write:
        document(SUITES, runs, known)
    changed = any(next(differences(bare, watched), None) for bare, watched in runs.values())
    return int(changed or open_questions > 0)


def _question(group: Group) -> str:
    """Return a finding nobody has judged, with its places, ready to be looked at."""
    places = "\n".join(f"    {_place(place)}" for place in group.finding["places"])
    finding = group.finding
    head = f"not judged: {group.suite} {finding['fingerprint']} {finding['severity']} {finding['hazard']}"
    return f"{head}\n  {finding['message']}\n{places}\n    help: {finding['help']}\n    in {group.tests[0]}\n"


def _place(place: dict[str, Any]) -> str:
    """Return one place on one line."""
    where = f"{place['path']}:{place['line']}" if place.get("line") else f"({place.get('note', '')})"
    cause = f"  ({place['cause']})" if place.get("cause") else ""
    return f"{place['role']:10}{where}  {place.get('text', '')}{cause}"


if __name__ == "__main__":
    raise SystemExit(main())
