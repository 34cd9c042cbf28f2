"""What the workloads run under: nothing, tether, or another tool. Each variant is a context manager factory.

A variant whose package is missing, or that cannot work with this SQLAlchemy, raises UnavailableError
with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType

# Hazards that only note places, and use them when an error is explained: nothing per row, read or write.
SITES = (
    "lazy-load-after-close",
    "expired-read-after-close",
    "implicit-io-in-async",
    "read-after-rollback",
)

Seen = dict[str, object]
Variant = Callable[[], AbstractContextManager[Seen]]


class UnavailableError(Exception):
    """A variant cannot run here; the message says why."""


def bare() -> Variant:
    """Return SQLAlchemy alone."""

    @contextmanager
    def switched_on() -> Iterator[Seen]:
        yield {}

    return switched_on


def tether_everything() -> Variant:
    """Return tether with every hazard that is on by default."""
    return _tether(only=None)


def tether_sites() -> Variant:
    """Return tether with the hazards that explain an error, and no other."""
    return _tether(only=SITES)


def _tether(only: tuple[str, ...] | None) -> Variant:
    tether = _installed("tether", "tether")

    @contextmanager
    def switched_on() -> Iterator[Seen]:
        seen: Seen = {}
        with tether.watching(mode="collect", only=only) as report:
            yield seen
            seen["findings"] = sorted({finding.hazard for finding in report.findings})
            seen["disabled"] = list(report.disabled)

    return switched_on


def queryspy() -> Variant:
    """Return queryspy's recorder, the part of it that watches without a limit."""
    spy = _installed("queryspy", "queryspy")

    @contextmanager
    def switched_on() -> Iterator[Seen]:
        with spy.record():
            yield {}

    return switched_on


def nplusone() -> Variant:
    """Return nplusone's profiler, told to note what it finds instead of raising.

    Importing it patches SQLAlchemy for good: it needs a process of its own. It follows the loads of
    ``Session.query()`` only, so in these workloads, which use ``select()``, it does less than it could.
    """
    _installed("nplusone", "nplusone.ext.sqlalchemy")
    profiler = _installed("nplusone", "nplusone.core.profiler").Profiler
    messages: list[object] = []
    quiet = type("Quiet", (profiler,), {"notify": lambda _self, message: messages.append(message)})

    @contextmanager
    def switched_on() -> Iterator[Seen]:
        messages.clear()
        with quiet():
            yield {}

    return switched_on


def _installed(distribution: str, module: str) -> ModuleType:
    """Return the module, or raise UnavailableError: not installed, or broken with this SQLAlchemy."""
    try:
        number = version(distribution)
    except PackageNotFoundError:
        raise UnavailableError("not installed") from None
    try:
        return import_module(module)
    except (ImportError, AttributeError) as error:
        # nplusone 1.0.0 asks SQLAlchemy 2.1 for a name that 2.1 renamed: AttributeError at import.
        raise UnavailableError(f"{distribution} {number} does not run here: {error}") from error


VARIANTS: dict[str, Callable[[], Variant]] = {
    "bare": bare,
    "bare again": bare,
    "tether": tether_everything,
    "tether sites": tether_sites,
    "queryspy": queryspy,
    "nplusone": nplusone,
}
