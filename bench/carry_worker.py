"""One process that measures one table: JSON out, at the end.

    python -m bench.carry_worker TABLE SETTINGS

carry.py starts it.
"""

from __future__ import annotations

import gc
import json
import os
import platform
import random
import sys
import time
import warnings
from importlib.metadata import distributions
from typing import Any

from bench.carry_tables import Table, Variant, made

# A variant that takes longer than this is run fewer times, so that a whole table stays affordable.
SLOW_SECONDS, SLOW_ROUNDS = 1.0, 3
MEASURED = (
    "sqlalchemy", "msgspec", "orjson", "pydantic", "marshmallow", "marshmallow-sqlalchemy", "sqlalchemy-serializer",
)  # fmt: skip


def main(name: str, settings: dict[str, int]) -> None:
    """Measure a table and print what was found."""
    warnings.simplefilter("ignore")
    table = made(name, settings["orders"])
    seconds, facts = measure(table, settings["rounds"], settings["seed"])
    found = {
        "title": table.title,
        "reference": table.reference,
        "environment": environment(),
        "seconds": seconds,
        "facts": facts,
        "notes": {"unavailable": table.unavailable},
    }
    sys.stdout.write(json.dumps(found) + "\n")


def measure(table: Table, rounds: int, seed: int) -> tuple[dict[str, list[float]], dict[str, Any]]:
    """Run every variant once a round in random order; return all samples, and the last facts of each variant."""
    shuffled = random.Random(seed)
    turns = list(table.variants)
    samples: dict[str, list[float]] = {variant.name: [] for variant in turns}
    facts: dict[str, Any] = {}
    for number in range(rounds):
        shuffled.shuffle(turns)
        for variant in turns:
            of = samples[variant.name]
            if len(of) >= SLOW_ROUNDS and min(of) > SLOW_SECONDS:
                continue
            took, facts[variant.name] = timed(variant)
            of.append(took)
        print(f"\rround {number + 1} of {rounds}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return samples, facts


def timed(variant: Variant) -> tuple[float, Any]:
    """Return the process CPU seconds of one run, with the collector on, and what can be said of its result."""
    prepared = variant.prepare()
    gc.collect()
    started = time.process_time()
    result = variant.run(prepared)
    took = time.process_time() - started
    return took, variant.finish(prepared, result)


def environment() -> dict[str, str]:
    """Return versions and the kind of system; no host name, user name or path."""
    versions = {found.name.lower(): found.version for found in distributions()}
    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors",
        **{name: versions[name] for name in MEASURED if name in versions},
    }


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
