"""Writes programs, checks them with one command, runs them, and compares.

    python -m proof.check_programs [--count N] [--seed N] [--show N] [--tether COMMAND]

Exit status 0: every finding is true. 1: one is not. 2: ``tether check`` did not run. Errors that no finding explains
are counted and shown with ``--show``; they do not change the status, for silence is allowed.
"""

from __future__ import annotations

import argparse
import json
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from proof.check_programs.compare import Verdict, verdicts
from proof.check_programs.generator import programs
from proof.environment import ROOT

SHOP = Path(__file__).with_name("shop.py")


def findings_in(folder: Path, tether: list[str]) -> dict[str, list[dict[str, Any]]]:
    """Return the findings in each program.

    Raises:
        SystemExit: The command did not do its work; status 2.
    """
    command = [*tether, "check", "--format", "json", "--no-cache", "."]
    finished = subprocess.run(command, check=False, cwd=folder, capture_output=True, text=True)
    if finished.returncode not in (0, 1):
        print(f"tether check did not run: {finished.stderr.strip()}", file=sys.stderr)
        raise SystemExit(2)
    found = defaultdict(list)
    for finding in json.loads(finished.stdout)["findings"]:
        found[Path(finding["path"]).stem].append(finding)
    return found


def truths_of(folder: Path) -> list[dict[str, Any]]:
    """Return what happened in each program.

    Raises:
        SystemExit: The process that runs them ended early; its own words are the message.
    """
    command = [sys.executable, "-m", "proof.check_programs.truth", str(folder)]
    finished = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True)
    if finished.returncode:
        raise SystemExit(finished.stderr)
    return [json.loads(line) for line in finished.stdout.splitlines()]


def main() -> int:
    """Compare and print the counts, and the programs in which a finding is false."""
    parser = argparse.ArgumentParser(prog="python -m proof.check_programs")
    parser.add_argument("--count", type=int, default=400, help="how many programs (default: 400)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", type=int, default=5, help="how many of each kind are shown (default: 5)")
    parser.add_argument("--tether", default=f"{shlex.quote(sys.executable)} -m tether", help="the command")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        shutil.copy(SHOP, folder)
        sources = dict(programs(options.count, options.seed))
        for name, text in sources.items():
            (folder / f"{name}.py").write_text(text)
        found = findings_in(folder, shlex.split(options.tether))
        truths = truths_of(folder)
    counts: Counter[tuple[str, str]] = Counter()
    shown: Counter[str] = Counter()
    for truth in truths:
        for told in verdicts(truth, found.get(truth["name"], [])):
            counts[told.hazard, told.kind] += 1
            if told.kind in ("false", "missed") and shown[told.kind] < options.show:
                shown[told.kind] += 1
                print(page(told, truth, sources[truth["name"]]))
    for (hazard, kind), number in sorted(counts.items()):
        print(f"{hazard:32} {kind:12} {number:5}")
    return 1 if any(kind == "false" for _, kind in counts) else 0


def page(told: Verdict, truth: dict[str, Any], source: str) -> str:
    """Return a program with the line in question marked, and what happened in it."""
    lines = source.splitlines()
    first = next(number for number, text in enumerate(lines, 1) if "def main" in text)
    text = [
        f"{told.kind}: {told.hazard} at line {told.line}; the run raised {truth['raised']} at {truth['at']}"
    ]
    for number, line in enumerate(lines[first - 1 :], first):
        text.append(f"  {'>' if number == told.line else ' '} {number:3} {line}")
    return "\n".join([*text, f"  kept: {', '.join(truth['kept'])}", ""])


if __name__ == "__main__":
    sys.exit(main())
