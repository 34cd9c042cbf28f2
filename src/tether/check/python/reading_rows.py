"""Reading an attribute of an instance: what it gives, what it loads, and where it raises."""

from __future__ import annotations

from typing import Any

from tether.check.abstract.changing import replace
from tether.check.abstract.idling import not_idle
from tether.check.abstract.state import State
from tether.check.abstract.things import (
    DETACHED,
    EXPIRED,
    LOADED,
    PENDING,
    PERSISTENT,
    TRANSIENT,
    UNLOADED,
    UNSURE,
    Collection,
    Facts,
    Instance,
    Options,
    Session,
    Where,
    surely,
)
from tether.check.abstract.values import NONE, UNKNOWN, Ref, RowKey, Value, number_in, one
from tether.check.interpreting.flow import Activation
from tether.check.interpreting.interpreter import Interpreter
from tether.check.lowering import ops
from tether.check.orm.failing import cannot_be_read
from tether.check.orm.mapped import Mapped, mapped
from tether.check.orm.presence import may_be_loaded, may_be_there
from tether.check.orm.queries import load
from tether.check.python.methods import read_property

# Before the name of an attribute ("" for all columns): which loops loaded it of each row; and before their lines.
IN_LOOP = "in a loop: "
AWAITABLE = "sqlalchemy.ext.asyncio.AsyncAttrs.awaitable_attrs"


def read_awaited(interpreter: Interpreter, state: State, number: int, name: str) -> None:
    """``await user.awaitable_attrs.orders``: it is loaded afterwards, and so is each of several rows in a loop."""
    instance = state.get(number, Instance)
    mapping = mapped(interpreter, instance.model) if instance is not None else None
    if instance is None or mapping is None:
        return
    not_idle(state, instance.session)
    facts = facts_of(mapping, instance, name)
    attributes = {**instance.attributes, name: frozenset({LOADED})}
    columns = frozenset({LOADED}) if mapping.kind(name) == "column" and EXPIRED in facts else instance.columns
    state.things[number] = replace(instance, attributes=attributes, columns=columns)


def facts_of(mapping: Mapped, instance: Instance, name: str) -> Facts:
    """Return whether an attribute is loaded: as the program made it, or as the mapping says."""
    found = instance.attributes.get(name)
    kind = mapping.kind(name)
    if found is None:
        if kind == "column":
            deferred = mapping.is_deferred(name) and not instance.states & {TRANSIENT, PENDING}
            found = frozenset({UNLOADED}) if deferred and LOADED in instance.columns else instance.columns
            if surely(found, UNLOADED) and name in mapping.primary_key():
                found = frozenset(
                    {LOADED}
                )  # load_only() of other columns, and defer("*"), load it all the same
        elif kind != "relationship":
            return frozenset({UNSURE})
        elif instance.states & {TRANSIENT, PENDING}:
            found = frozenset({LOADED})
        elif "all expired" in instance.flags:
            found = frozenset({EXPIRED})
        elif (instance.fresh or "inserted" in instance.flags) and "queried" not in instance.flags:
            empty = (
                mapping.lazy(name) == "noload"
            )  # run on 2.0 and 2.1: nothing is asked, not even of a new row
            found = frozenset({LOADED if empty else UNLOADED})
        else:
            found = mapping.queried(name)
    if is_loaded_by_loop(instance, name) or (kind == "column" and is_loaded_by_loop(instance, "")):
        found |= {UNSURE}
    if instance.others and found <= {UNLOADED}:
        found |= {UNSURE}
    if instance.flags & {"asked", "tried"} or ("unsure" in instance.flags and kind == "relationship"):
        found |= {UNSURE}
    return found


def is_loaded_by_loop(instance: Instance, name: str) -> bool:
    """Return whether a loop has loaded an attribute of each row, turn by turn, and this is behind that loop."""
    loops = instance.attributes.get(IN_LOOP + name)
    if loops is None:
        return False
    here = loop_of(instance.loop) if instance.loop is not None else ""
    return any(loop.startswith(IN_LOOP) and loop != here for loop in loops)


def loop_of(loop: Where) -> str:
    """Return the fact that a loop has loaded something of each row."""
    return f"{IN_LOOP}{loop.module}:{loop.line}:{loop.column}"


def loaded_by_loop(state: State, instance: Instance, name: str, facts: Facts) -> None:
    """Note on what stands for all rows what a turn of a loop loads of one of them; a column brings all the others."""
    every = state.get(instance.of, Instance)
    session = state.get(instance.session, Session)
    if every is None or instance.loop is None or session is None or session.asynchronous:
        return
    key = IN_LOOP + ("" if EXPIRED in facts else name)
    loops = every.attributes.get(key, frozenset()) | {loop_of(instance.loop)}
    state.things[instance.of] = replace(every, attributes={**every.attributes, key: loops})


def read_instance(
    interpreter: Interpreter, activation: Activation, op: Any, state: State, number: int, *, sure: bool
) -> list[State]:
    """Read an attribute of an instance; what it loads is loaded afterwards."""
    instance = state.get(number, Instance)
    assert instance is not None
    mapping = mapped(interpreter, instance.model)
    kind = mapping.kind(op.name) if mapping else "unknown"
    if op.name == "__dict__":
        state.things[number] = replace(instance, flags=instance.flags | {"asked"})
        state.registers[op.to] = UNKNOWN
        return [state]
    if mapping is None or kind in ("", "property", "hybrid"):
        return read_property(interpreter, activation, op, state, Ref(number), instance.model)
    if kind == "proxy":
        return read_proxy(interpreter, activation, op, state, number, mapping, sure=sure)
    if "perhaps" in instance.flags:  # it is not None, or this would not go on
        instance = state.things[number] = replace(instance, flags=instance.flags - {"perhaps"})
    if sure and cannot_be_read(interpreter, activation, op, state, number):
        return []
    session = state.get(instance.session, Session)
    facts = facts_of(mapping, instance, op.name)
    if session is not None and session.asynchronous and surely(facts, UNLOADED):
        facts |= perhaps_there(interpreter, state, number, instance, mapping, op.name, kind)
    guarded = bool(interpreter.run and interpreter.run.is_guarded())
    interpreter.tell(
        "guard" if guarded else "read", activation.where(op.span), number=number, instance=instance,
        attribute=op.name, session=session,
        asynchronous=bool(session and session.asynchronous), in_loop=instance.loop,
        detail=(facts, kind, sure, mapping, guarded),
    )  # fmt: skip
    if sure and surely_raises(mapping, instance, op.name, kind, facts, session):
        if interpreter.run is not None:
            interpreter.run.raise_from(state)
        return []
    if sure and is_null_or_raises(mapping, instance, op.name, kind, facts, session):
        value = NONE
    else:
        value = held_by(interpreter, activation, op, state, number, instance, mapping, kind, facts)
    state.registers[op.to] = value
    loaded(state, number, instance, op.name, kind, facts)
    if instance.of >= 0 and not surely(facts, LOADED):
        loaded_by_loop(state, instance, op.name, facts if kind == "column" else frozenset())
    if kind == "relationship" and not instance.many and value != UNKNOWN:
        # read once more, it is the same: what has happened to it meanwhile has happened
        instance = state.get(number, Instance) or instance
        state.things[number] = replace(instance, held={**instance.held, op.name: value})
    return [state]


def read_proxy(
    interpreter: Interpreter, activation: Activation, op: Any, state: State, number: int, mapping: Mapped, *,
    sure: bool,
) -> list[State]:  # fmt: skip
    """Read an association proxy: the relationship that it goes through is read."""
    through = mapping.proxied(op.name)
    after = [state]
    if through:
        inner = ops.GetAttribute(op.to, op.of, through, op.span)
        after = read_instance(interpreter, activation, inner, state, number, sure=sure)
    for held in after:
        held.registers[op.to] = UNKNOWN
    return after


def perhaps_there(
    interpreter: Interpreter, state: State, number: int, instance: Instance, mapping: Mapped, name: str, kind: str
) -> Facts:  # fmt: skip
    """Return UNSURE where the Session may have what this instance's query did not load."""
    if may_be_loaded(interpreter, state, number, instance, name):
        return frozenset({UNSURE})
    if (
        kind == "relationship"
        and mapping.leads_by_key(name)
        and may_be_there(interpreter, state, instance, name)
    ):
        return frozenset({UNSURE})
    return frozenset()


def surely_raises(
    mapping: Mapped, instance: Instance, name: str, kind: str, facts: Facts, session: Session | None
) -> bool:
    """Return whether a read surely raises: what is there to load, and no Session, or one that must be awaited."""
    if not (surely(facts, UNLOADED) or surely(facts, EXPIRED)) or mapping.lazy(name) == "dynamic":
        return False
    if surely(instance.states, DETACHED):
        return True
    awaited = is_awaited(instance, session)
    return awaited and (kind == "column" or surely(facts, EXPIRED) or mapping.is_many(name) is True)


def is_null_or_raises(
    mapping: Mapped, instance: Instance, name: str, kind: str, facts: Facts, session: Session | None
) -> bool:
    """Return whether a read brings no row: a many-to-one to load in an AsyncSession raises, or its key is NULL."""
    to_load = kind == "relationship" and surely(facts, UNLOADED) and mapping.leads_by_key(name)
    return to_load and mapping.lazy(name) != "dynamic" and is_awaited(instance, session)


def is_awaited(instance: Instance, session: Session | None) -> bool:
    """Return whether an instance is in an AsyncSession, where a read cannot load."""
    return session is not None and session.asynchronous and surely(instance.states, PERSISTENT)


def all_raise(interpreter: Interpreter, state: State, value: Value, name: str) -> bool:
    """Return whether a read surely raises, whichever of several instances it is of."""
    for atom in value:
        instance = state.get(number_in(atom), Instance)
        mapping = mapped(interpreter, instance.model) if instance is not None else None
        if (
            instance is None
            or mapping is None
            or (kind := mapping.kind(name)) not in ("column", "relationship")
        ):
            return False
        facts, session = facts_of(mapping, instance, name), state.get(instance.session, Session)
        if not surely_raises(mapping, instance, name, kind, facts, session):
            return False
    return bool(value)


def loaded(state: State, number: int, instance: Instance, name: str, kind: str, facts: Facts) -> None:
    """Note what a read loads: an expired column brings all expired columns with it."""
    instance = state.get(number, Instance) or instance
    if LOADED in facts and len(facts) == 1:
        return
    not_idle(state, instance.session)
    if instance.many:
        return
    session = state.get(instance.session, Session)
    unknown = not facts.isdisjoint((LOADED, UNSURE))
    if session is not None and surely(instance.states, PERSISTENT) and not unknown:
        state.things[instance.session] = replace(session, must=session.must | {"begun"})
    if kind == "column" and EXPIRED in facts and instance.columns != frozenset({LOADED}):
        columns = frozenset({LOADED})
        relations = {n: f for n, f in instance.attributes.items() if n != name}
        state.things[number] = replace(instance, columns=columns, attributes=relations)
    else:
        state.things[number] = replace(
            instance, attributes={**instance.attributes, name: frozenset({LOADED})}
        )


def held_by(
    interpreter: Interpreter, activation: Activation, op: Any, state: State, number: int, instance: Instance,
    mapping: Mapped, kind: str, facts: Facts,
) -> Value:  # fmt: skip
    """Return what an attribute holds: a relationship leads to other instances, in the same Session and state."""
    is_key = kind == "column" and op.name in mapping.primary_key() and not instance.many
    if is_key and instance.held.get(op.name, UNKNOWN) == UNKNOWN:
        return one(RowKey(number, op.name))
    if op.name in instance.held:
        return instance.held[op.name]
    target = mapping.target(op.name) if kind == "relationship" else None
    if target is None or (many := mapping.is_many(op.name)) is None:
        return UNKNOWN
    below: Options | None = next((tree for name, _, tree in instance.options if name == op.name), ())
    if UNSURE in facts or instance.flags & {"unsure", "merge result"}:  # who loaded it may have loaded more
        below = None
    child_number = interpreter.derived("held", number, op.name)
    child = load(
        interpreter, state, child_number, target, instance.session, instance.loaded or activation.where(op.span),
        options=below, many=many or instance.many,
    )  # fmt: skip
    states = frozenset(
        {PERSISTENT if state_name in (PENDING, TRANSIENT) else state_name for state_name in instance.states}
    )
    made = state.get(child_number, Instance)
    assert made is not None
    state.things[child_number] = replace(
        made, states=states, detached=instance.detached, expired=instance.expired, parent=number
    )
    if not many:
        return child | NONE
    collection = interpreter.derived("collection", number, op.name)
    state.things[collection] = Collection(
        kind="relation", element=child, items={}, owner=(number, op.name), made=activation.where(op.span)
    )
    return one(Ref(collection))
