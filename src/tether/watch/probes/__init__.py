"""Probes: hooks into SQLAlchemy that turn what happens into events. One file per place it happens at.

A probe reports facts and never judges; detectors judge. A probe is installed if some detector takes one
of its events, and each of its hooks can fail without the program noticing.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from tether.watch.probes.base import Probe


@cache
def all_probes() -> tuple[type[Probe], ...]:
    """Return every probe; the folder is the registry."""
    modules = [import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__)]
    found = [
        thing
        for module in modules
        for thing in vars(module).values()
        if isinstance(thing, type) and issubclass(thing, Probe) and thing.__module__ == module.__name__
    ]
    found = [probe for probe in found if not probe.__subclasses__()]  # the others are bases
    return tuple(sorted(found, key=lambda probe: (probe.order, probe.__name__)))
