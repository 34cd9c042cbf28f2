"""Detectors: one file per hazard, named after it. The folder is the registry."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from tether.watch.detectors.base import Detector


@cache
def all_detectors() -> dict[str, type[Detector]]:
    """Return every detector by the name of its hazard."""
    found = {}
    for module in sorted(module.name for module in iter_modules(__path__)):
        if module == "base":
            continue
        for thing in vars(import_module(f"{__name__}.{module}")).values():
            if isinstance(thing, type) and issubclass(thing, Detector) and thing.__module__.endswith(module):
                found[thing.hazard.name] = thing
    return found
