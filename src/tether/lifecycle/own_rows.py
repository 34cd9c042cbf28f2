"""Rows that a user writes in ``[tool.tether.lifecycle]``. Everything in them is checked; nothing is guessed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import Any, NoReturn

from tether.core.settings import SettingError, kind
from tether.errors import ConfigError
from tether.lifecycle import gathering, reading
from tether.lifecycle.rows import ROLES, Effect, Row, Table

_ARRAYS = (*ROLES, "source")
_TABLES = ("aliases", "bases")
_OWNERS = ("parameter", "request", "ambient")
_SOURCE_KINDS = ("session", "async session", "scoped session", "factory")
_PLACES = ("receiver", "result", "ambient", "every")


def read_rows(mapping: Mapping[str, Any], where: str = "pyproject.toml") -> Table:
    """Return the table that ``[tool.tether.lifecycle]`` spells; `joined` puts it over the one that is known.

    Args:
        mapping: What was written there, as TOML's values: ``Config.lifecycle``.
        where: The file, for errors.

    Raises:
        ConfigError: A key is unknown or its value cannot be used. The sentence names the key.
    """
    _known_keys(mapping, (*_ARRAYS, *_TABLES), "lifecycle", where)
    for role in ROLES:
        for place, spelled in _entries(mapping, role, where):
            _check_row(role, spelled, place, where)
    for place, spelled in _entries(mapping, "source", where):
        _check_source(spelled, place, where)
    for key in _TABLES:
        if not isinstance(mapping.get(key, {}), dict):
            _refuse(where, f"`lifecycle.{key}` must be a table, not {kind(mapping[key])}.")
    for name, of in mapping.get("aliases", {}).items():
        if not isinstance(of, str):
            _refuse(where, f"`lifecycle.aliases.{name}` must be a dotted name, not {kind(of)}.")
    for name, bases in mapping.get("bases", {}).items():
        _strings(bases, f"lifecycle.bases.{name}", where)
    return gathering.read({"package": "", **mapping})


def _entries(mapping: Mapping[str, Any], key: str, where: str) -> list[tuple[str, Mapping[str, Any]]]:
    """Return each table of the array *key* with words that say which one it is."""
    value = mapping.get(key, [])
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        _refuse(
            where, f"`lifecycle.{key}` must be an array of tables; write `[[tool.tether.lifecycle.{key}]]`."
        )
    return [(f"lifecycle.{key}` number {number}", one) for number, one in enumerate(value, 1)]


def _check_row(role: str, spelled: Mapping[str, Any], place: str, where: str) -> None:
    """Refuse a row that cannot be used, in a sentence."""
    _known_keys(spelled, reading.ROW_KEYS, place, where)
    for key in reading.LISTS:
        _strings(spelled.get(key, []), f"{place}: `{key}", where)
    for key in reading.STRINGS:
        if not isinstance(spelled.get(key, ""), str):
            _refuse(where, f"`{place}: `{key}` must be a string, not {kind(spelled[key])}.")
    for key in reading.BOOLEANS:
        if not isinstance(spelled.get(key, False), bool):
            _refuse(where, f"`{place}: `{key}` must be true or false, not {kind(spelled[key])}.")
    if not spelled.get("on"):
        _refuse(where, f'`{place} does not say what it is about; write on = ["package.module.function"].')
    if not isinstance(spelled.get("defaults", {}), dict):
        _refuse(where, f"`{place}: `defaults` must be a table, not {kind(spelled['defaults'])}.")
    try:
        row = reading.row(role, spelled)
    except SettingError as wrong:
        _refuse(where, f"`{place}: {wrong.problem}")
    _check_names(row, place, where)


def _check_names(row: Row, place: str, where: str) -> None:
    """Refuse a row that speaks of a parameter it does not have."""
    known = (*(name.removeprefix("*") for name in row.parameters), "self")
    for effect in (*row.effects, *row.leaving, *row.failing):
        for name in _parameters_of(effect):
            if name not in known:
                _refuse(where, f"`{place}: {reading.unknown('parameter', name, known)}")
    if row.session not in (*_PLACES, *row.parameters):
        _refuse(
            where,
            f"`{place}: {reading.unknown('place of a Session', row.session, (*_PLACES, *row.parameters))}",
        )


def _parameters_of(effect: Effect) -> list[str]:
    """Return the names of parameters that *effect* speaks of."""
    given = effect.given.removeprefix("!").partition("=")[0]
    return [name for name in (effect.argument, effect.attributes, given) if name]


def _check_source(spelled: Mapping[str, Any], place: str, where: str) -> None:
    """Refuse a source of Sessions that cannot be used, in a sentence."""
    _known_keys(spelled, reading.SOURCE_KEYS, place, where)
    for key in ("annotations", "names"):
        _strings(spelled.get(key, []), f"{place}: `{key}", where)
    for key, known in (("kind", _SOURCE_KINDS), ("owner", _OWNERS), ("expire-on-commit", ("true", "false"))):
        value = spelled.get(key, known[0])
        if value not in known:
            written = value if isinstance(value, str) else kind(value)
            _refuse(where, f"`{place}: {reading.unknown(key, written, known)}")


def _known_keys(spelled: Mapping[str, Any], known: Collection[str], place: str, where: str) -> None:
    """Refuse a key that is not one of *known*."""
    for key in spelled:
        if key not in known:
            near = get_close_matches(key, known, n=3)
            hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(known)}."
            end = "" if "`" in place else "`"
            _refuse(where, f"there is no key {key!r} in `{place}{end}; {hint}")


def _strings(value: Any, place: str, where: str) -> None:
    """Refuse what is no list of strings with something in them."""
    if not isinstance(value, list) or not all(isinstance(one, str) and one for one in value):
        written = "an array with something else in it" if isinstance(value, list) else kind(value)
        _refuse(where, f"`{place}` must be an array of strings, not {written}.")


def _refuse(where: str, problem: str) -> NoReturn:
    raise ConfigError(where, problem)
