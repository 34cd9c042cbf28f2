"""What watching costs: ratios to bare SQLAlchemy, measured in one interleaved run.

    python bench/watch.py [--rounds N] [--json FILE] [--only WORKLOAD ...] [--seed N]

Every round runs each variant once, in random order, over all workloads in random order. The figures are
process CPU time, with the cyclic garbage collector held off during a measurement and run before it. A cell is
the ratio of medians to bare, with the ratio of minima in brackets. "bare again" is bare SQLAlchemy a second
time: how far it is from 1.00 is how much of any other figure is noise. Standard library only: what is
measured is in worker.py.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import statistics
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
BARE = "bare"
# A tool that cannot be switched off once it is imported gets a process of its own.
PROCESSES = (("bare", "bare again", "tether", "tether sites", "queryspy"), ("nplusone",))
# How many queries the workload sends, where the cost of one query is of interest.
QUERIES = {"small_queries": 1_000}

Samples = dict[str, dict[str, list[float]]]  # workload -> variant -> seconds


class Worker:
    """A process that runs variants when told to."""

    def __init__(self, names: tuple[str, ...]) -> None:
        command = [sys.executable, "-m", "bench.worker", *names]
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=_environment()
        )
        self.facts = self._answer()

    def run(self, variant: str, workloads: list[str]) -> dict[str, Any]:
        """Return the seconds of each workload, and what the variant saw."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps([variant, workloads]) + "\n")
        self.process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        """Let the process end: its input ends."""
        self.process.communicate()

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"a worker ended early, with status {self.process.wait()}; its message is above")
        answer: dict[str, Any] = json.loads(line)
        return answer


def measure(
    workers: list[Worker], wanted: list[str], rounds: int, seed: int
) -> tuple[Samples, dict[str, Any]]:
    """Run every variant once a round in random order; return all samples and what each variant saw last."""
    shuffled = random.Random(seed)
    turns = [(worker, name) for worker in workers for name in worker.facts["ready"]]
    samples: Samples = {workload: {name: [] for _, name in turns} for workload in wanted}
    seen: dict[str, Any] = {}
    for number in range(rounds):
        shuffled.shuffle(turns)
        for worker, name in turns:
            answer = worker.run(name, shuffled.sample(wanted, len(wanted)))
            seen[name] = answer["seen"]
            for workload, seconds in answer["seconds"].items():
                samples[workload][name].append(seconds)
        print(f"\rround {number + 1} of {rounds}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return samples, seen


def summary(samples: Samples) -> dict[str, dict[str, dict[str, float]]]:
    """Return medians and minima in milliseconds and their ratios to bare, per workload and variant."""
    return {
        workload: {name: _figures(seconds, of[BARE], QUERIES.get(workload)) for name, seconds in of.items()}
        for workload, of in samples.items()
    }


def _figures(seconds: list[float], bare: list[float], queries: int | None) -> dict[str, float]:
    median, least = statistics.median(seconds), min(seconds)
    figures = {
        "median_ms": round(median * 1e3, 4),
        "min_ms": round(least * 1e3, 4),
        "ratio": round(median / statistics.median(bare), 4),
        "ratio_min": round(least / min(bare), 4),
    }
    if queries:
        figures["added_us_per_query"] = round((median - statistics.median(bare)) / queries * 1e6, 3)
        figures["added_us_per_query_min"] = round((least - min(bare)) / queries * 1e6, 3)
    return figures


def table(figures: dict[str, dict[str, dict[str, float]]], variants: list[str]) -> str:
    """Return the figures as a Markdown table; one more row where the cost of a query is of interest."""
    others = [name for name in variants if name != BARE]
    rows = [f"| workload | bare ms | {' | '.join(others)} |", f"|---|---:|{'---:|' * len(others)}"]
    for workload, of in figures.items():
        cells = [f"{of[name]['ratio']:.2f} ({of[name]['ratio_min']:.2f})" for name in others]
        rows.append(f"| {workload} | {of[BARE]['median_ms']:.2f} | {' | '.join(cells)} |")
        if workload in QUERIES:
            rows.append(_per_query(of, others, QUERIES[workload]))
    return "\n".join(rows)


def _per_query(of: dict[str, dict[str, float]], others: list[str], queries: int) -> str:
    cells = [
        f"{of[name]['added_us_per_query']:+.1f} ({of[name]['added_us_per_query_min']:+.1f}) µs"
        for name in others
    ]
    each = of[BARE]["median_ms"] * 1e3 / queries
    return f"| … added to each query | {each:.1f} µs | {' | '.join(cells)} |"


def environment_facts(workers: list[Worker]) -> dict[str, str]:
    """Return versions and the kind of system; no host name, user name or path."""
    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "sqlalchemy": workers[0].facts["sqlalchemy"],
        "system": f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors",
        **{name: _version(name) for name in ("tether", "queryspy", "nplusone", "greenlet")},
    }


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "not installed"


def _environment() -> dict[str, str]:
    """Return the environment of a worker: the same hashes in each, and no tether switched on from outside."""
    without = {name: value for name, value in os.environ.items() if not name.startswith("TETHER")}
    return {**without, "PYTHONHASHSEED": "0"}


def arguments() -> argparse.Namespace:
    """Return the parsed command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=21, help="how often each variant runs (default: 21)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE too")
    parser.add_argument("--only", nargs="+", metavar="WORKLOAD", help="run these workloads only")
    parser.add_argument("--seed", type=int, default=1, help="of the random order (default: 1)")
    return parser.parse_args()


def main() -> None:
    """Measure, print the table, write the JSON file if asked."""
    options = arguments()
    workers = [Worker(names) for names in PROCESSES]
    known = workers[0].facts["workloads"]
    if unknown := set(options.only or ()) - set(known):
        raise SystemExit(f"there is no workload {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    samples, seen = measure(workers, options.only or known, options.rounds, options.seed)
    unavailable = {name: why for worker in workers for name, why in worker.facts["unavailable"].items()}
    facts, figures = environment_facts(workers), summary(samples)
    for worker in workers:
        worker.close()
    variants = [name for names in PROCESSES for name in names if name not in unavailable]
    print(", ".join(f"{name} {value}" if name != "system" else value for name, value in facts.items()))
    print(f"{options.rounds} rounds; ratio of medians to bare, ratio of minima in brackets\n")
    print(table(figures, variants))
    for name, why in unavailable.items():
        print(f"\n{name}: {why}")
    for name, what in seen.items():
        for sentence in what.get("disabled", ()):
            print(f"\n{name}: {sentence}")
    if options.json:
        document = {"version": 1, "environment": facts, "rounds": options.rounds, "unavailable": unavailable}
        text = json.dumps({**document, "seen": seen, "workloads": figures}, indent=2)
        options.json.write_text(text + "\n")


if __name__ == "__main__":
    main()
