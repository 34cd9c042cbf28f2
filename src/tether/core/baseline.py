"""The baseline: a file of findings that are known, so that only new ones are reported.

Findings are told apart by their fingerprint, which holds no line number, so the file stays true while other
lines come and go. Two findings with one fingerprint are two alike expressions in one function; how often a
program ran through a line (``Finding.count``) is not recorded, because it changes from run to run.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tether.core.finding import Finding
from tether.core.paths import shown_path
from tether.errors import ConfigError

BASELINE_VERSION = 1


def write_baseline(path: str | Path, findings: Iterable[Finding]) -> None:
    """Replace the baseline at *path* by one that holds *findings*, one line each, sorted by file.

    The same findings, in any order, give the same bytes. An old file is
    replaced only when the new one is complete.

    Raises:
        ConfigError: The file cannot be written.
    """
    lines = ",\n".join(f"    {json.dumps(entry, ensure_ascii=False)}" for entry in _entries(findings))
    body = f"[\n{lines}\n  ]" if lines else "[]"
    text = f'{{\n  "version": {BASELINE_VERSION},\n  "findings": {body}\n}}\n'
    unfinished = Path(f"{path}.{os.getpid()}.unfinished")
    try:
        unfinished.write_bytes(
            text.encode("utf-8", "replace")
        )  # "replace": a path may hold undecodable bytes
        unfinished.replace(path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise ConfigError(
            shown_path(path), f"the baseline cannot be written here: {error.strerror}."
        ) from error


def read_baseline(path: str | Path) -> Counter[str]:
    """Return how many findings the baseline at *path* holds, by fingerprint.

    Raises:
        ConfigError: There is no such file, or it is not a baseline.
    """
    document = _load(Path(path))
    counts: Counter[str] = Counter()
    try:
        if document["version"] != BASELINE_VERSION:
            raise _not_usable(
                path, f"its version is {document['version']!r}, and this tether reads {BASELINE_VERSION}"
            )
        for entry in document["findings"]:
            counts[_text(entry["fingerprint"])] += _positive(entry["count"])
    except (KeyError, TypeError) as error:
        raise _not_usable(path, "a part is missing or not what it should be") from error
    return counts


def without_known(findings: Iterable[Finding], baseline: Mapping[str, int]) -> list[Finding]:
    """Return the findings that *baseline* does not hold, in the order given.

    Of more findings with one fingerprint than it holds, the last ones are new.
    """
    left = Counter(baseline)
    new = []
    for finding in findings:
        if left[finding.fingerprint] > 0:
            left[finding.fingerprint] -= 1
        else:
            new.append(finding)
    return new


def _entries(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """Return one entry for each fingerprint, sorted by what a person looks for first."""
    found = list(findings)
    counts = Counter(finding.fingerprint for finding in found)
    entries = {finding.fingerprint: _entry(finding, counts[finding.fingerprint]) for finding in found}
    return sorted(entries.values(), key=lambda entry: tuple(entry[name] for name in _SORTED_BY))


_SORTED_BY = ("path", "hazard", "function", "fingerprint")


def _entry(finding: Finding, count: int) -> dict[str, Any]:
    return {
        "hazard": finding.hazard,
        "path": finding.path,
        "function": finding.where.function,
        "fingerprint": finding.fingerprint,
        "count": count,
    }


def _load(path: Path) -> Any:
    """Return the JSON document in *path*."""
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError as error:
        problem = "there is no such baseline; write one with `tether run --write-baseline FILE`."
        raise ConfigError(shown_path(path), problem) from error
    except OSError as error:
        raise ConfigError(shown_path(path), f"the baseline cannot be read: {error.strerror}.") from error
    except json.JSONDecodeError as error:
        raise _not_usable(path, f"{error.msg!r}, says json", error.lineno) from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise _not_usable(path, "it is not JSON in UTF-8") from error


def _not_usable(path: str | Path, reason: str, line: int = 0) -> ConfigError:
    where = f"{shown_path(path)}:{line}" if line else shown_path(path)
    return ConfigError(
        where, f"this is not a baseline ({reason}); write it again with `tether run --write-baseline`."
    )


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise TypeError(value)


def _positive(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    raise TypeError(value)
