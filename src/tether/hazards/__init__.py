"""The catalogue: one file per hazard, data only. The folder is the registry."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from tether.core.hazard import Hazard
from tether.core.hazard_names import no_such_hazard


@cache
def all_hazards() -> dict[str, Hazard]:
    """Return every hazard by name, in alphabetical order."""
    modules = sorted(module.name for module in iter_modules(__path__))
    hazards = [import_module(f"{__name__}.{module}").HAZARD for module in modules]
    return {hazard.name: hazard for hazard in hazards}


def by_name(name: str) -> Hazard:
    """Return the hazard called *name*.

    Raises:
        KeyError: There is none; the message lists near names.
    """
    try:
        return all_hazards()[name]
    except KeyError:
        raise KeyError(no_such_hazard(name, all_hazards())) from None
