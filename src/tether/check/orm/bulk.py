"""``update(Model)`` through a Session: which instances it surely changes, and what it leaves of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tether.check.abstract.changing import replace
from tether.check.abstract.state import UNREAD, State
from tether.check.abstract.things import EXPIRED, PERSISTENT, Collection, Statement, Where
from tether.check.abstract.values import (
    NONE,
    UNKNOWN,
    Attribute,
    Class,
    KeyTest,
    RowKey,
    Value,
    literal,
    one,
    single,
)
from tether.check.interpreting.interpreter import Interpreter
from tether.check.orm.mapped import Mapped, mapped
from tether.check.orm.queries import may_be


def key_test(left: Value, right: Value) -> KeyTest | None:
    """Return what ``User.id == user.id`` tests."""
    column, key = single(left), single(right)
    return KeyTest(column.name, key) if isinstance(column, Attribute) and isinstance(key, RowKey) else None


def compared(operator: str, values: Sequence[Value]) -> Value:
    """Return what an operator gives that computes nothing: a test of a key, or anything."""
    if operator != "==" or len(values) != 2:
        return UNKNOWN
    test = key_test(*values) or key_test(*reversed(values))
    return one(test) if test is not None else UNKNOWN


def told_more(
    state: State, found: Statement, name: str, positional: Sequence[Value], named: Mapping[str, Value]
) -> Statement:
    """Return an UPDATE after a method: its rows, its columns, and whether the Session is told."""
    if found.verb != "update":
        return found
    if name in ("where", "filter"):
        keys = [
            atom for value in positional if len(value) == 1 for atom in value if isinstance(atom, KeyTest)
        ]
        return replace(found, keys=found.keys | frozenset(keys))
    if name == "values":
        return replace(found, sets=found.sets | frozenset(named) | names_in(state, positional))
    if name == "execution_options" and literal(named.get("synchronize_session", NONE)) is False:
        return replace(found, target=frozenset())
    return found


def names_in(state: State, values: Sequence[Value]) -> frozenset[str]:
    """Return the names of columns in ``values({User.name: "ann", "age": 3})``."""
    names: set[str] = set()
    for value in values:
        for _, thing in state.of(value, Collection):
            names |= {key for key in thing.items if isinstance(key, str)}
            names |= {key.name for key in thing.items if isinstance(key, Attribute)}
    return frozenset(names)


def update_rows(interpreter: Interpreter, state: State, session: int, found: Statement, where: Where) -> None:
    """Unload what the database computed of the rows that an UPDATE changed.

    Run on 2.0.58 and 2.1.9, with synchronize_session "auto", "evaluate" and "fetch"; before 2.0.36 it stays loaded.
    What ``returning(Model)`` gives is loaded at once.
    """
    models = [atom for atom in found.target if isinstance(atom, Class)]
    loaded = found.returning and any(models == list(entity) for entity in found.entities)
    if found.verb != "update" or len(models) != 1 or loaded:
        return
    for number, instance in state.members(session):
        mapping = mapped(interpreter, instance.model)
        if mapping is None or not may_be(interpreter, instance.model, models[0]):
            continue
        sure = is_row_of(mapping, number, found) and instance.states == {PERSISTENT} and not instance.many
        facts = frozenset({EXPIRED})
        unread = {
            name: facts if sure else instance.attributes.get(name, instance.columns) | facts
            for name in mapping.computed_on_update(found.sets)
        }
        if unread:
            attributes = {**instance.attributes, **unread}
            state.things[number] = replace(
                instance, attributes=attributes, expired=where if sure else instance.expired
            )
            if sure:
                state.path |= {UNREAD}


def is_row_of(mapping: Mapped, number: int, found: Statement) -> bool:
    """Return whether an UPDATE is for the row with the key of this instance, and no other condition is known of."""
    key = mapping.primary_key()
    return len(key) == 1 and any(
        test.attribute == key[0] and test.key == RowKey(number, key[0]) for test in found.keys
    )
