"""What carrying costs, beside other tools: tables of figures, each measured in one interleaved run.

    python bench/carry.py [TABLE ...] [--rounds N] [--orders N] [--json FILE] [--seed N]

Each table has a process of its own. Every round runs each variant once, in random order. The figures are process
CPU time with the cyclic garbage collector on, as it is in a program; it runs once before each measurement. A
variant with "again" is the same code a second time: how far the two are apart is how much of any other figure is
noise. Every variant's result is checked before it is timed. The tables stand in carry_tables.py. Standard library
only: what is measured is in the worker.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.carry_tables import TABLES  # noqa: E402


def measured(table: str, options: argparse.Namespace) -> dict[str, Any]:
    """Return what the worker says of one table: facts, and the samples of each variant."""
    settings = {"rounds": options.rounds, "orders": options.orders, "seed": options.seed}
    command = [sys.executable, "-m", "bench.carry_worker", table, json.dumps(settings)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TETHER")}
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**environment, "PYTHONHASHSEED": "0"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def summary(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return for each variant median and minimum in milliseconds, and how many times the reference they are."""
    reference = found["seconds"][found["reference"]]
    figures = {}
    for name, seconds in found["seconds"].items():
        median, least = statistics.median(seconds), min(seconds)
        figures[name] = {
            "median_ms": round(median * 1e3, 3),
            "min_ms": round(least * 1e3, 3),
            "ratio": round(median / statistics.median(reference), 4),
            "ratio_min": round(least / min(reference), 4),
            **found["facts"].get(name, {}),
        }
    return figures


def table(found: dict[str, Any], figures: dict[str, dict[str, Any]]) -> str:
    """Return the figures as a Markdown table, the fastest first."""
    columns = list(dict.fromkeys(name for facts in found["facts"].values() for name in facts))
    rows = [
        f"| variant | median ms | least ms | times the reference | {''.join(f'{name} | ' for name in columns)}",
        f"|---|---:|---:|---:|{'---:|' * len(columns)}",
    ]
    for name, of in sorted(figures.items(), key=lambda pair: pair[1]["min_ms"]):
        cells = "".join(f" {of.get(column, '')} |" for column in columns)
        mark = " (reference)" if name == found["reference"] else ""
        rows.append(
            f"| {name}{mark} | {of['median_ms']:.1f} | {of['min_ms']:.1f} "
            f"| {of['ratio']:.2f} ({of['ratio_min']:.2f}) |{cells}"
        )
    return "\n".join(row.rstrip() for row in rows)


def arguments() -> argparse.Namespace:
    """Return the parsed command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("tables", nargs="*", choices=[*TABLES, []], metavar="TABLE", help=", ".join(TABLES))
    parser.add_argument("--rounds", type=int, default=9, help="how often each variant runs (default: 9)")
    parser.add_argument("--orders", type=int, default=2_000, help="orders, of 3 items each (default: 2000)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE too")
    parser.add_argument("--seed", type=int, default=1, help="of the random order (default: 1)")
    return parser.parse_args()


def main() -> None:
    """Measure, print the tables, write the JSON file if asked."""
    options = arguments()
    document: dict[str, Any] = {
        "version": 1,
        "rounds": options.rounds,
        "orders": options.orders,
        "tables": {},
    }
    for name in options.tables or TABLES:
        found = measured(name, options)
        figures = summary(found)
        document["environment"] = found["environment"]
        document["tables"][name] = {"title": found["title"], "variants": figures, **found["notes"]}
        print(f"## {found['title']}\n")
        print(", ".join(f"{name} {value}" for name, value in found["environment"].items()))
        print(f"{options.rounds} rounds; times the reference: ratio of medians, of minima in brackets\n")
        print(table(found, figures), end="\n\n", flush=True)
        for variant, why in found["notes"]["unavailable"].items():
            print(f"{variant}: {why}\n")
    if options.json:
        options.json.write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()
