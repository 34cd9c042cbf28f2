"""What each setting of ``[tool.tether]`` may be: one reader for each, from TOML's value to a checked one."""

from __future__ import annotations

from collections.abc import Callable, Collection
from difflib import get_close_matches
from typing import Any

from tether.core.hazard_names import no_such_hazard

MODES = ("collect", "warn", "log", "raise")

HazardsByKey = tuple[tuple[str, frozenset[str]], ...]


class SettingError(Exception):
    """A setting cannot be used as written.

    Attributes:
        problem: One sentence; ``<setting>`` in it stands for the setting's name.
        words: Words below the setting that lead to the line, outermost first.
    """

    def __init__(self, problem: str, *words: str) -> None:
        super().__init__(problem, *words)
        self.problem = problem
        self.words = words


def read_setting(key: str, value: Any, known: Collection[str]) -> Any:
    """Return *value* of the setting *key*, checked; *known* are the names of all hazards.

    Raises:
        SettingError: There is no such setting, or it cannot have this value.
    """
    if key in _READERS:
        return _READERS[key](value)
    if key in _HAZARD_READERS:
        return _HAZARD_READERS[key](value, known)
    near = get_close_matches(key, SETTINGS, n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else f"the settings are {', '.join(SETTINGS)}."
    raise SettingError(f"there is no setting called {key!r} in [tool.tether]; {hint}")


def kind(value: object) -> str:
    """Return TOML's word for what *value* is, with its article."""
    kinds = {
        bool: "a boolean",
        int: "an integer",
        float: "a float",
        str: "a string",
        list: "an array",
        dict: "a table",
    }
    return kinds.get(type(value), "a date or a time")


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise SettingError(f"<setting> must be true or false, not {kind(value)}.")


def _share(value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise SettingError(f"<setting> must be a number from 0.0 to 1.0, not {kind(value)}.")
    if not 0 <= value <= 1:  # also refuses TOML's nan
        raise SettingError(
            f"<setting> must be a number from 0.0 to 1.0, not {value}; 0.1 watches one Session in ten."
        )
    return float(value)


def _threshold(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise SettingError(f"<setting> must be a whole number from 1 upwards, not {kind(value)}.")
    if value < 1:
        raise SettingError(f"<setting> must be a whole number from 1 upwards, not {value}.")
    return value


def _mode(value: Any) -> str:
    if isinstance(value, str) and value in MODES:
        return value
    written = repr(value) if isinstance(value, str) else kind(value)
    raise SettingError(f"<setting> must be one of {', '.join(MODES)}, not {written}.")


def _file(value: Any) -> str:
    if isinstance(value, str) and value:
        return value
    written = "empty" if value == "" else kind(value)
    raise SettingError(
        f'<setting> must be the path of a file, such as "tether-baseline.json", not {written}.'
    )


def _strings(value: Any, example: str) -> list[str]:
    """Return *value* if it is a list of strings and none is empty."""
    if not isinstance(value, list):
        raise SettingError(f"<setting> must be an array of strings, such as {example}, not {kind(value)}.")
    for one in value:
        if not isinstance(one, str):
            raise SettingError(
                f"<setting> must hold nothing but strings, such as {example}; one of them is {kind(one)}."
            )
        if not one:
            raise SettingError(f"<setting> must not hold an empty string; write {example}, or take it out.")
    return value


def _skip(value: Any) -> tuple[str, ...]:
    return tuple(one.replace("\\", "/") for one in _strings(value, '["our_framework", "vendor/*"]'))


def _table(value: Any) -> dict[str, Any]:
    """Return the table *value*; what is in it is checked by the room that reads it."""
    if isinstance(value, dict):
        return value
    raise SettingError(
        f"<setting> must be a table, not {kind(value)}; write `[[tool.tether.lifecycle.call]]`."
    )


def _hazards(value: Any, known: Collection[str]) -> frozenset[str]:
    names = _strings(value, '["lazy-load-in-loop"]')
    for name in names:
        if name not in known:
            raise SettingError(no_such_hazard(name, known), name)
    return frozenset(names)


def _hazards_by_key(value: Any, known: Collection[str]) -> HazardsByKey:
    if not isinstance(value, dict):
        example = '{"tests/*" = ["lazy-load-in-loop"]}'
        raise SettingError(f"<setting> must be a table, such as {example}, not {kind(value)}.")
    return tuple((key.replace("\\", "/"), _hazards_of(key, names, known)) for key, names in value.items())


def _hazards_of(key: str, names: Any, known: Collection[str]) -> frozenset[str]:
    """Return the hazards written for one file or class; what is wrong with them is said of *key*."""
    try:
        return _hazards(names, known)
    except SettingError as wrong:
        problem = wrong.problem.replace("<setting>", f"<setting> for {key!r}")
        raise SettingError(problem, key, *wrong.words) from None


_READERS: dict[str, Callable[[Any], Any]] = {
    "baseline": _file,
    "rollback": _boolean,
    "values": _boolean,
    "sample": _share,
    "loop-threshold": _threshold,
    "rows-threshold": _threshold,
    "identity-map-threshold": _threshold,
    "skip": _skip,
    "mode": _mode,
    "lifecycle": _table,
}
_HAZARD_READERS: dict[str, Callable[[Any, Collection[str]], Any]] = {
    "allow": _hazards,
    "per-file": _hazards_by_key,
    "per-class": _hazards_by_key,
}
SETTINGS = (*_HAZARD_READERS, *_READERS)
