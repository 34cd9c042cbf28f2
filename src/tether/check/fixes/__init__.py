"""The fixes of findings, one file per kind: edits of the file that the finding is in. The folder is the registry.

A module has ``HAZARDS``, the names of those it can end, and ``fix(finding, file)``, which returns a `Fix`, or None
where it is not certain that the edits are what a person would write.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from tether.check.fixes.file import File, read_file
from tether.core.finding import Finding, Fix

Maker = Callable[[Finding, File], "Fix | None"]


@cache
def all_fixes() -> dict[str, tuple[Maker, ...]]:
    """Return what can end a finding, by the name of its hazard."""
    makers: dict[str, tuple[Maker, ...]] = {}
    for name in sorted(module.name for module in iter_modules(__path__)):
        module = import_module(f"{__name__}.{name}")
        for hazard in getattr(module, "HAZARDS", ()):
            makers[hazard] = (*makers.get(hazard, ()), module.fix)
    return makers


def with_fixes(findings: Iterable[Finding], lines: Callable[[str], list[str]]) -> Iterator[Finding]:
    """Yield the findings, those with a fix where one is certain.

    Args:
        findings: In any order.
        lines: Gives the lines of a file, without their ends, by its path as it is shown.
    """
    files: dict[str, File | None] = {}
    for finding in findings:
        makers = all_fixes().get(finding.hazard, ()) if finding.fix is None else ()
        if makers and finding.path not in files:
            files[finding.path] = read_file("\n".join(lines(finding.path)) + "\n")
        file = files.get(finding.path)
        made = (make(finding, file) for make in makers) if file is not None else ()
        yield replace(finding, fix=fix) if (fix := next(filter(None, made), None)) else finding
