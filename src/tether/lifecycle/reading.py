"""From TOML's tables to rows. What is written wrongly is said in one sentence that names the key.

Effects are written as a person says them::

    flush all when autoflush
    expire instance.attribute_names given attribute_names
    perhaps load result

that is ``[perhaps] VERB SUBJECT[.ATTRIBUTES] [when CONDITION] [given PARAMETER | without PARAMETER]``. A subject
that is not ``session``, ``all`` or ``result`` is the parameter that holds the instance; ``self`` is the receiver.

What a call returns is ``[awaited] [persistent] KIND [of statement | of receiver | of class PARAMETER | like PARAMETER]
[as TYPE]``: ``optional instance of class entity``, ``instance like instance``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from functools import cache
from typing import Any

from tether.core.settings import SettingError
from tether.lifecycle.rows import CONDITIONS, KINDS, SUBJECTS, VERBS, Effect, Option, Returns, Row, Source
from tether.lifecycle.rows import Mapping as MappingFact

# The keys of a row that hold a list of strings, one string, and true or false.
LISTS = ("on", "parameters", "needs", "effects", "leaving", "failing")
STRINGS = ("returns", "session", "package", "since", "until", "fact", "why")
BOOLEANS = ("raises", "attribute")
ROW_KEYS = (*LISTS, *STRINGS, *BOOLEANS, "defaults")
SOURCE_KEYS = ("annotations", "names", "kind", "owner", "expire-on-commit")


def _alternatives(words: Iterable[str]) -> str:
    """Return a pattern that matches one of *words*, the longest that fits."""
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


_EFFECT = re.compile(
    rf"(?P<perhaps>perhaps )?(?P<verb>{_alternatives(VERBS)}) (?P<subject>\w+)(?:\.(?P<attributes>\w+))?"
    rf"(?: when (?P<when>{_alternatives(filter(None, CONDITIONS))}))?"
    r"(?: (?P<how>given|without) (?P<given>\w+(?:=\w+)?))?"
)
_RETURNS = re.compile(
    rf"(?P<awaited>awaited )?(?P<state>persistent )?(?P<kind>{_alternatives(KINDS)})"
    r"(?: (?:of (?P<of>statement|receiver)|of class (?P<entity>\w+)|like (?P<argument>\w+)))?"
    r"(?: as (?P<type>[\w.()]+))?"
)


@cache
def effect(text: str) -> Effect:
    """Return the effect that *text* says.

    Raises:
        SettingError: It says none.
    """
    found = _EFFECT.fullmatch(text)
    if not found:
        raise SettingError(_not_an_effect(text), text)
    subject, given = found["subject"], found["given"] or ""
    of_call = subject in SUBJECTS
    return Effect(
        verb=found["verb"],
        to=subject if of_call else "argument",
        argument="" if of_call else subject,
        attributes=found["attributes"] or "",
        when=found["when"] or "",
        given=f"!{given}" if found["how"] == "without" else given,
        sure=not found["perhaps"],
    )


def _not_an_effect(text: str) -> str:
    """Return what is wrong with *text*, in one sentence."""
    words = text.removeprefix("perhaps ").split()
    first = " ".join(words[:1])
    if first and not any(f"{text.removeprefix('perhaps ')} ".startswith(f"{verb} ") for verb in VERBS):
        return f"{unknown('verb', first, VERBS)} (in {text!r})"
    if (at := text.find(" when ")) >= 0:
        condition = re.split(" given | without ", text[at + 6 :])[0]
        if condition not in CONDITIONS:
            return f"{unknown('condition', condition, CONDITIONS[1:])} (in {text!r})"
    return (
        f"{text!r} is no effect; write a verb, its subject and, if need be, a condition, such as"
        " 'expire all when expire_on_commit'."
    )


def unknown(what: str, word: str, known: Iterable[str]) -> str:
    """Return that there is no *what* called *word*, with those that are near, or all of them."""
    near = get_close_matches(word, known, n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(known)}."
    return f"there is no {what} called {word!r}; {hint}"


@cache
def returns(text: str) -> Returns:
    """Return what *text* says a call gives.

    Raises:
        SettingError: It says nothing of the kind.
    """
    found = _RETURNS.fullmatch(text)
    if not found:
        near = unknown("kind of result", re.split(" of | as | like ", text)[0], KINDS)
        raise SettingError(f"{near} (in {text!r})", text)
    of = found["of"] or ("entity" if found["entity"] else "argument" if found["argument"] else "")
    return Returns(
        kind=found["kind"],
        of=of,
        argument=found["entity"] or found["argument"] or "",
        awaited=bool(found["awaited"]),
        state=(found["state"] or "").strip(),
        type=found["type"] or KINDS[found["kind"]],
    )


def row(role: str, table: Mapping[str, Any]) -> Row:
    """Return the row of *role* that *table* spells, which has been checked or is ours."""
    values = dict(table)
    for key in ("effects", "leaving", "failing"):
        if key in values:
            values[key] = tuple(map(effect, values[key]))
    for key in ("on", "parameters", "needs"):
        if key in values:
            values[key] = tuple(values[key])
    if "returns" in values:
        values["returns"] = returns(values["returns"])
    if "defaults" in values:
        values["defaults"] = tuple(values["defaults"].items())
    return Row(role=role, **values)


def option(table: Mapping[str, Any]) -> Option:
    """Return the loader option that *table* spells; it is a function and a method of Load."""
    values = dict(table)
    values["on"] = tuple(
        f"{place}.{name}" for name in table["on"] for place in ("sqlalchemy.orm", "sqlalchemy.orm.Load")
    )
    values["given"] = tuple(table.get("given", ("", "")))
    return Option(**values)


def mapping(table: Mapping[str, Any]) -> MappingFact:
    """Return the fact about a mapping that *table* spells."""
    return MappingFact(**{**table, "values": tuple(table.get("values", ()))})


def source(table: Mapping[str, Any]) -> Source:
    """Return the source that *table* spells, which has been checked or is ours."""
    values: dict[str, Any] = {
        key.replace("-", "_"): tuple(value) if isinstance(value, list) else value
        for key, value in table.items()
    }
    return Source(**values)
