"""One process that runs workloads under variants when told to: one JSON line in, one out.

    python -m bench.worker VARIANT ...

watch.py starts it. First line out: what can run here. Then for each ``[variant, [workload, ...]]`` read: the
seconds of each workload.
"""

from __future__ import annotations

import gc
import json
import sys
import time
import warnings
from typing import Any

from bench.variants import VARIANTS, UnavailableError, Variant

# These take long enough to pay for their own warming up.
UNWARMED = {"big_query", "small_queries"}


def main(names: list[str]) -> None:
    """Answer requests until the input ends."""
    warnings.simplefilter("ignore")
    ready, unavailable = _prepare(names)
    from bench.shop import open_shop  # after the variants: some patch SQLAlchemy when they are imported
    from bench.workloads import WORKLOADS

    shop = open_shop()
    _say({"ready": sorted(ready), "unavailable": unavailable, "workloads": list(WORKLOADS), **_versions()})
    for line in sys.stdin:
        name, wanted = json.loads(line)
        seconds = {}
        with ready[name]() as seen:
            for workload in wanted:
                seconds[workload] = _timed(WORKLOADS[workload], shop, warm=workload not in UNWARMED)
        _say({"seconds": seconds, "seen": seen})


def _prepare(names: list[str]) -> tuple[dict[str, Variant], dict[str, str]]:
    """Return the variants that can run here, and why the others cannot."""
    ready: dict[str, Variant] = {}
    unavailable: dict[str, str] = {}
    for name in names:
        try:
            ready[name] = VARIANTS[name]()
        except UnavailableError as reason:
            unavailable[name] = str(reason)
    return ready, unavailable


def _timed(workload: Any, shop: Any, *, warm: bool) -> float:
    """Return the process CPU seconds of one run, without the collector: it would strike by chance."""
    if warm:
        workload(shop)()
    run = workload(shop)
    gc.collect()
    gc.disable()
    try:
        started = time.process_time()
        run()
        return time.process_time() - started
    finally:
        gc.enable()


def _versions() -> dict[str, str]:
    import sqlalchemy

    return {"sqlalchemy": sqlalchemy.__version__}


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
