"""Many processes edit the same rows; which acknowledged edits are missing afterwards?

    python -m proof.storm [--processes N] [--things N] [--copies N] [--seed N] [--only DATABASE] [--write]

On each database and isolation level, with and without ``version_id_col``: copies leave the database, are edited
while others edit theirs, and come home by ``tether.attach()`` or by ``session.merge()``. Every edit has a value
of its own and a line in a log that is written in the same transaction; afterwards the log is compared with the rows.
``--write`` writes the table to ``docs/proof/storm.md``. Exit status 0: ``attach()`` lost nothing, and ``merge()``
did lose something, which shows that losses are seen. 1: otherwise.
"""

from __future__ import annotations

import argparse
import platform
from pathlib import Path

import sqlalchemy

from proof.environment import ROOT
from proof.storm.databases import PLACES
from proof.storm.running import Result, Size, Storm, processes, run

TABLE = ROOT / "docs" / "proof" / "storm.md"
HEADER = """# Storms

Written by `python -m proof.storm --write`. {size.processes} processes take {size.copies} copies each of
{size.things} rows with their parts (some rows are hotter than others), hold up to six copies at a time, edit each up to
three times (a column, a column with a conflict function that keeps both, a part added, changed or removed) and bring
one or two home in a transaction of their own. With `attach()` the copies are drafts, documents
(`loads(dumps(draft))`) and detached instances, in turn at random; with `merge()` detached instances. What the
database asks to run again is run again with the same copy.

*acknowledged*: edits whose `commit()` returned. *reported*: edits that were refused, by `ConflictError` here and by
`StaleDataError` or `IntegrityError` there. *lost*: acknowledged edits that are not in the database, though nobody who
had seen them wrote over them. *odd*: values in the database that no acknowledged edit explains. Each edit has a value
of its own and a line in a log written in the same transaction, so both numbers are exact (`proof/storm/checking.py`).
*untrue*: conflicts about something that the copy had not edited, or where the two sides agree.
For SQLite the second column is the journal mode.

Python {python}, SQLAlchemy {sqlalchemy}, seed {size.seed}.

"""
COLUMNS = (
    *("database", "isolation", "version column", "by", "acknowledged", "reported", "run again"),
    *("lost", "odd", "untrue", "seconds"),
)


def main() -> int:
    """Run, print, write the table if asked, and return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    default = Size()
    for name in ("processes", "things", "copies", "seed"):
        parser.add_argument(f"--{name}", type=int, default=getattr(default, name))
    parser.add_argument("--only", help="one database: SQLite, PostgreSQL or MariaDB")
    parser.add_argument("--write", action="store_true", help="write docs/proof/storm.md")
    options = parser.parse_args()
    size = Size(options.processes, options.things, options.copies, options.seed)
    lines = [_line(COLUMNS), _line(("---",) * len(COLUMNS))]
    print("\n".join(lines), flush=True)
    results = []
    with processes(size.processes) as in_processes:
        for storm in storms(options.only):
            results.append(run(storm, size, in_processes))
            lines.append(_line(row(results[-1])))
            print(lines[-1], flush=True)
    if options.write:
        write(TABLE, size, lines)
    return int(not is_proof(results))


def storms(only: str | None) -> list[Storm]:
    """Return every storm; of one database if *only* names it."""
    return [
        Storm(place, versioned, method)
        for place in PLACES
        if only in {None, place.database}
        for versioned in (False, True)
        for method in ("attach", "merge")
    ]


def row(result: Result) -> tuple[str, ...]:
    """Return what came of a storm as a row of the table."""
    storm, found = result.storm, result.verdict
    counts = (result.acknowledged, result.reported, result.retried)
    wrong = (len(found.lost), len(found.unexplained), len(result.untrue))
    return (
        storm.place.database,
        storm.place.isolation,
        "yes" if storm.versioned else "no",
        f"`{storm.method}()`",
        *map(str, counts + wrong),
        f"{result.seconds:.0f}",
    )


def is_proof(results: list[Result]) -> bool:
    """Return whether attach() lost nothing anywhere, and merge() something everywhere."""
    ours = [result for result in results if result.storm.method == "attach"]
    others = [result for result in results if result.storm.method == "merge"]
    clean = not any(one.verdict.lost or one.verdict.unexplained or one.untrue for one in ours)
    return clean and all(one.verdict.lost for one in others)


def write(path: Path, size: Size, lines: list[str]) -> None:
    """Write the table with its explanation."""
    header = HEADER.format(size=size, python=platform.python_version(), sqlalchemy=sqlalchemy.__version__)
    path.write_text(header + "\n".join(lines) + "\n")


def _line(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    raise SystemExit(main())
