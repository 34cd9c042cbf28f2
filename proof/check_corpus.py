"""``tether check`` on programs that nobody here wrote, beside what a person says of each finding.

    python -m proof.check_corpus --corpus DIR [PROJECT ...] [--write] [--unclear] [--tether COMMAND]

DIR is what ``python -m proof.corpus DIR`` made. Prints each finding that is new, with its places and six lines around
it, then those that are gone, then the share of true ones for each hazard. ``--write`` writes the new ones to
``proof/check/judged/PROJECT.jsonl`` with the verdict "unclear", and drops those that are gone; a person then writes
verdict and reason there. ``--unclear`` shows those that still wait in the same way. Exit status 0: every finding has
a verdict and none is gone. 1: otherwise. 2: ``tether check`` could not run.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from proof.corpus import VERSIONS, version_in
from proof.verdicts import ENOUGH, Comparison, Judged, Share, as_judged, compare, read, shares, write

AROUND = 6  # lines of source that are shown with a finding


def findings_in(folder: Path, tether: list[str]) -> list[dict[str, Any]]:
    """Return the findings of ``tether check`` in one project, with paths from its folder.

    Raises:
        SystemExit: It could not do its work; status 2, and the message is its own last line.
    """
    command = [*tether, "check", "--format", "json", "--no-cache", "."]
    finished = subprocess.run(command, check=False, cwd=folder, capture_output=True, text=True)
    if finished.returncode not in (0, 1):
        words = finished.stderr.strip().splitlines() or [f"status {finished.returncode}"]
        print(f"tether check did not run in {folder.name}: {words[-1]}", file=sys.stderr)
        raise SystemExit(2)
    found: list[dict[str, Any]] = json.loads(finished.stdout)["findings"]
    return found


def shown(finding: dict[str, Any], folder: Path) -> str:
    """Return a finding as a judge reads it: what it says, its places, and the lines around it."""
    lines = [f"{finding['path']}:{finding['line']} {finding['hazard']} ({finding['severity']})"]
    lines.append(f"    {finding['message']}")
    for place in finding["places"]:
        where = f"{place['path']}:{place['line']}" if place.get("line") else place.get("note", "")
        lines.append(f"    {place['role']:10} {where}  {place.get('text', '')}")
    return "\n".join([*lines, *around(folder / finding["path"], finding["line"]), ""])


def around(path: Path, line: int) -> list[str]:
    """Return six lines of a file with their numbers, the given one marked."""
    text = path.read_text(encoding="utf-8", errors="replace").splitlines()
    first = max(1, line - AROUND // 2)
    return [
        f"  {'>' if number == line else ' '} {number:5} {text[number - 1]}"
        for number in range(first, min(first + AROUND, len(text) + 1))
    ]


def table(of: dict[str, Share]) -> str:
    """Return the shares of each hazard, and which are below nine in ten."""
    rows = ["| hazard | true | false | unclear | share |", "|---|---:|---:|---:|---:|"]
    for hazard, share in of.items():
        part = "" if share.of_judged is None else f"{share.of_judged:.0%}"
        low = share.of_judged is not None and share.of_judged < ENOUGH
        rows.append(
            f"| {hazard} | {share.true} | {share.false} | {share.unclear} | {part}{' low' if low else ''} |"
        )
    total = Share(*(sum(column) for column in zip(*of.values(), strict=True))) if of else Share(0, 0, 0)
    part = "" if total.of_judged is None else f"{total.of_judged:.0%}"
    rows.append(f"| all | {total.true} | {total.false} | {total.unclear} | {part} |")
    return "\n".join(rows)


def report(project: str, comparison: Comparison, wanted: Iterable[Judged], found: dict[Any, str]) -> None:
    """Print what is new or waits, and what is gone."""
    print(
        f"## {project}: {len(comparison.kept)} judged, {len(comparison.new)} new, {len(comparison.gone)} gone\n"
    )
    for entry in wanted:
        print(found[entry.key])
    for entry in comparison.gone:
        print(f"gone: {entry.path}:{entry.line} {entry.hazard} {entry.subject} ({entry.verdict})")


def look_at(project: str, options: argparse.Namespace) -> Comparison:
    """Check one project, print the differences, and write them if asked."""
    folder = options.corpus / project
    version = version_in(folder)
    found = findings_in(folder, shlex.split(options.tether))
    entries = {entry.key: finding for finding in found for entry in (as_judged(project, version, finding),)}
    now = [as_judged(project, version, finding) for finding in entries.values()]
    comparison = compare(read(project), now)
    waiting = [entry for entry in comparison.kept if entry.verdict == "unclear"] if options.unclear else []
    wanted = [*comparison.new, *waiting]
    report(project, comparison, wanted, {entry.key: shown(entries[entry.key], folder) for entry in wanted})
    if options.write:
        write(project, [*comparison.kept, *comparison.new])
    return comparison


def arguments() -> argparse.Namespace:
    """Return the parsed command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("projects", nargs="*", metavar="PROJECT", help=f"of {', '.join(VERSIONS)}")
    parser.add_argument("--corpus", type=Path, required=True, metavar="DIR", help="where their source is")
    parser.add_argument("--write", action="store_true", help="keep the new findings, to be judged")
    parser.add_argument("--unclear", action="store_true", help="show those that are not judged yet, too")
    parser.add_argument("--tether", default=f"{shlex.quote(sys.executable)} -m tether", help="the command")
    return parser.parse_args()


def main() -> int:
    """Look at every project and return the exit status."""
    options = arguments()
    options.corpus = options.corpus.resolve()
    projects = options.projects or list(VERSIONS)
    if missing := [name for name in projects if not (options.corpus / name).is_dir()]:
        raise SystemExit(f"{options.corpus} has no {missing[0]}; `python -m proof.corpus DIR` fetches it")
    comparisons = [look_at(project, options) for project in projects]
    now = [entry for comparison in comparisons for entry in (*comparison.kept, *comparison.new)]
    print(table(shares(now)))
    settled = all(entry.verdict != "unclear" for entry in now)
    return 0 if settled and not any(comparison.gone for comparison in comparisons) else 1


if __name__ == "__main__":
    sys.exit(main())
