"""What ``tether check`` costs beside other linters, and how many real bugs it finds, measured in one interleaved run.

    python bench/check.py FOLDER ... [--rounds N] [--json FILE] [--recall SCORE --repos DIR]

FOLDER is source code: give apache-airflow-core and apache-superset for the figures of the README (``python -m
proof.corpus DIR`` fetches them). Every round runs each variant once, in random order, over all folders at once. The
figures are CPU time, user and system, of the process and those it started. "cold" has no cache; "first" writes one,
and "warm" is the run after it, with nothing changed. A cell is the median; ratios are of medians.

``--recall`` is the path of a program that scores ``tether check`` on known bugs and prints JSON with ``--json``;
``--repos`` is passed on to it. Standard library only.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
DONE = (0, 1)  # exit statuses of a linter that did its work
BASE = "ruff"


class UnavailableError(Exception):
    """A variant cannot run here; the message says why."""


class Cost(NamedTuple):
    """What one run cost, in seconds."""

    cpu: float
    wall: float


Samples = dict[str, list[Cost]]  # variant -> one for each round


@dataclass(frozen=True)
class Variant:
    """A command that is timed.

    Attributes:
        command: Without the folders.
        before: Called before each timed run, and not timed.
    """

    name: str
    command: tuple[str, ...]
    before: Callable[[], None] | None = None


def timed(command: list[str]) -> Cost:
    """Run a command and return what it cost.

    Raises:
        UnavailableError: It cannot be started, or did not do its work; the message holds the last line it wrote.
    """
    started = time.perf_counter()
    with tempfile.TemporaryFile("w+") as errors:
        try:
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors)
        except OSError as error:
            raise UnavailableError(str(error)) from None
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - started
        errors.seek(0)
        words = errors.read().strip().splitlines()
    if process.returncode not in DONE:
        last = words[-1] if words else "it wrote nothing"
        raise UnavailableError(f"{shlex.join(command[:4])} ended with status {process.returncode}: {last}")
    return Cost(usage.ru_utime + usage.ru_stime, wall)


def variants(tether: list[str], cache: Path) -> list[Variant]:
    """Return what is measured: neighbours with their own rules and no configuration, and tether in three ways."""

    def forget() -> None:
        shutil.rmtree(cache, ignore_errors=True)

    kept = ("--cache-dir", str(cache))
    check = (*tether, "check", "--format", "json")
    fill = [*check, *kept]
    return [
        Variant("ruff", (program("ruff"), "check", "--no-cache", "--isolated", "--quiet")),
        Variant("flake8", (program("flake8"), "--isolated", "--quiet")),
        Variant("tether cold", (*check, "--no-cache")),
        Variant("tether first", (*fill,), forget),
        Variant("tether warm", (*fill,)),
    ]


def program(name: str) -> str:
    """Return a program that is installed beside this Python, or found on the path."""
    beside = Path(sys.executable).with_name(name)
    return str(beside) if beside.exists() else shutil.which(name) or name


def measure(
    wanted: Iterable[Variant], folders: list[str], rounds: int, seed: int
) -> tuple[Samples, dict[str, str]]:
    """Run each variant once a round in random order; return the samples, and why a variant has none.

    The first run of each is not counted: it brings the files into memory, and fills the cache of "warm".
    """
    ready, unavailable = [], {}
    for variant in wanted:
        try:
            timed([*variant.command, *folders])
        except UnavailableError as reason:
            unavailable[variant.name] = str(reason)
        else:
            ready.append(variant)
    samples: Samples = {variant.name: [] for variant in ready}
    shuffled = random.Random(seed)
    for number in range(rounds):
        for variant in in_turn(ready, shuffled):
            if variant.before:
                variant.before()
            samples[variant.name].append(timed([*variant.command, *folders]))
        print(f"\rround {number + 1} of {rounds}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return samples, unavailable


def in_turn(ready: list[Variant], shuffled: random.Random) -> list[Variant]:
    """Return the variants in random order, "warm" right after the run that fills its cache."""
    order = [variant for variant in ready if variant.name != "tether warm"]
    shuffled.shuffle(order)
    for place, variant in enumerate(order):
        if variant.name == "tether first":
            return order[: place + 1] + [v for v in ready if v.name == "tether warm"] + order[place + 1 :]
    return order


def figures(samples: Samples, lines: int) -> dict[str, dict[str, float]]:
    """Return median seconds, thousand lines a CPU second, and the ratio of medians to ruff where it ran."""
    base = statistics.median(cost.cpu for cost in samples[BASE]) if samples.get(BASE) else None
    table = {}
    for name, costs in samples.items():
        cpu = statistics.median(cost.cpu for cost in costs)
        table[name] = {
            "cpu_s": round(cpu, 4),
            "cpu_min_s": round(min(cost.cpu for cost in costs), 4),
            "wall_s": round(statistics.median(cost.wall for cost in costs), 4),
            "klines_per_cpu_s": round(lines / 1000 / cpu, 1),
        }
        if base:
            table[name]["ratio_to_ruff"] = round(cpu / base, 3)
    return table


def size(folders: Iterable[str]) -> dict[str, int]:
    """Return how many Python files and lines the folders hold."""
    files = [path for folder in folders for path in Path(folder).rglob("*.py")]
    return {"files": len(files), "lines": sum(path.read_bytes().count(b"\n") for path in files)}


def recall(score: Path, repos: Path, tether: list[str]) -> dict[str, Any]:
    """Return what the scoring program says in total, or why it says nothing."""
    command = [sys.executable, str(score), "--repos", str(repos), "--tether", shlex.join(tether), "--json"]
    finished = subprocess.run(command, check=False, capture_output=True, text=True)
    if finished.returncode:
        words = finished.stderr.strip().splitlines()
        return {"not_scored": words[-1] if words else f"status {finished.returncode}"}
    total: dict[str, Any] = json.loads(finished.stdout)["total"]
    return total


def versions(tether: list[str]) -> dict[str, str]:
    """Return versions and the kind of system; no host name, user name or path."""
    found = {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors",
    }
    for name, command in {"ruff": [program("ruff")], "flake8": [program("flake8")], "tether": tether}.items():
        try:
            run = subprocess.run([*command, "--version"], check=False, capture_output=True, text=True)
            found[name] = run.stdout.split("\n")[0].strip() or "unknown"
        except OSError:
            found[name] = "not installed"
    return found


def table(of: dict[str, dict[str, float]]) -> str:
    """Return the figures as a Markdown table."""
    rows = ["| | CPU s | wall s | thousand lines a CPU second | to ruff |", "|---|---:|---:|---:|---:|"]
    for name, row in of.items():
        ratio = f"{row['ratio_to_ruff']:.2f}" if "ratio_to_ruff" in row else ""
        cells = (f"{row['cpu_s']:.2f}", f"{row['wall_s']:.2f}", f"{row['klines_per_cpu_s']:.0f}", ratio)
        rows.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(rows)


def arguments() -> argparse.Namespace:
    """Return the parsed command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("folders", nargs="+", metavar="FOLDER", help="source code to check")
    parser.add_argument("--rounds", type=int, default=7, help="how often each variant runs (default: 7)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE too")
    parser.add_argument("--seed", type=int, default=1, help="of the random order (default: 1)")
    parser.add_argument("--tether", default=f"{shlex.quote(sys.executable)} -m tether", help="the command")
    parser.add_argument("--recall", type=Path, metavar="SCORE", help="a program that scores known bugs")
    parser.add_argument("--repos", type=Path, metavar="DIR", help="copies of the repositories, for --recall")
    return parser.parse_args()


def main() -> None:
    """Measure, print the table, write the JSON file if asked."""
    options = arguments()
    if (options.recall is None) != (options.repos is None):
        raise SystemExit("--recall and --repos belong together")
    if missing := [folder for folder in options.folders if not Path(folder).is_dir()]:
        raise SystemExit(f"there is no folder {missing[0]}")
    tether = shlex.split(options.tether)
    with tempfile.TemporaryDirectory() as scratch:
        wanted = variants(tether, Path(scratch) / "cache")
        samples, unavailable = measure(wanted, options.folders, options.rounds, options.seed)
    corpus, facts = size(options.folders), versions(tether)
    of = figures(samples, corpus["lines"])
    print(", ".join(f"{name} {value}" for name, value in facts.items()))
    print(f"{corpus['files']:,} files, {corpus['lines']:,} lines; medians of {options.rounds} rounds\n")
    print(table(of))
    for name, why in unavailable.items():
        print(f"\n{name} was not measured: {why}")
    document = {"version": 1, "environment": facts, "corpus": corpus, "rounds": options.rounds}
    document |= {"unavailable": unavailable, "variants": of}
    if options.recall:
        document["recall"] = recall(options.recall, options.repos, tether)
        print(f"\nreal bugs: {json.dumps(document['recall'])}")
    if options.json:
        options.json.write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()
