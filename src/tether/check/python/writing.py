"""Writing attributes, and deleting them."""

from __future__ import annotations

from typing import Any

from tether.check.abstract.changing import replace
from tether.check.abstract.idling import not_idle
from tether.check.abstract.state import State
from tether.check.abstract.things import (
    DETACHED,
    LOADED,
    PENDING,
    PERSISTENT,
    UNSURE,
    Instance,
    Object,
    Session,
    surely,
)
from tether.check.abstract.values import UNKNOWN, External, Ref, Unknown, Value, join, number_in, without_none
from tether.check.interpreting.flow import Activation
from tether.check.interpreting.interpreter import Interpreter, step
from tether.check.interpreting.origins import is_made_of
from tether.check.lowering import ops
from tether.check.orm.contexts import tell_setting
from tether.check.orm.keeping import keep
from tether.check.orm.mapped import mapped
from tether.check.python.reading_rows import facts_of
from tether.check.python.singletons import hold


@step(ops.SetAttribute)
def run_set_attribute(
    interpreter: Interpreter, activation: Activation, op: ops.SetAttribute, state: State
) -> list[State]:
    """``of.name = source``."""
    holder, source = state.read(op.of), state.read(op.source)
    sure = len(without_none(holder)) == 1
    for atom in holder:
        if isinstance(atom, Unknown | External):  # ``request.state.session = session``: others find it there
            for number, session in list(state.of(source, Session)):
                state.things[number] = replace(session, escaped=True)
        thing = state.thing(atom.id) if isinstance(atom, Ref) else None
        if isinstance(thing, Instance):
            sure_change = sure and not is_made_of(activation, op.source, op.name)
            write_instance(
                interpreter, activation, op.span, state, number_in(atom), op.name, source, sure=sure_change
            )
        elif isinstance(thing, Object):
            fields = {
                **thing.fields,
                op.name: source if sure else join((source, thing.fields.get(op.name, UNKNOWN))),
            }
            state.things[number_in(atom)] = replace(thing, fields=fields)
            if thing.class_ is not None:
                hold(interpreter, state, thing.class_, source)
        elif isinstance(thing, Session):
            tell_setting(state, number_in(atom), thing, op.name, source if sure else UNKNOWN)
    keep(interpreter, activation.where(op.span), state, source, holder)
    return [state]


def write_instance(
    interpreter: Interpreter, activation: Activation, span: ops.Span, state: State, number: int, name: str,
    source: Value, *, sure: bool,
) -> None:  # fmt: skip
    """Change an attribute of an instance."""
    instance = state.get(number, Instance)
    assert instance is not None
    mapping = mapped(interpreter, instance.model)
    kind = mapping.kind(name) if mapping else "unknown"
    where = activation.where(span)
    if kind not in ("column", "relationship"):
        return
    if (
        mapping is not None
        and kind == "relationship"
        and surely(instance.states, DETACHED)
        and mapping.is_many(name) is False
        and not surely(facts_of(mapping, instance, name), LOADED)
    ):
        return  # often no change at all: what the foreign key says anyway, put in so that nothing has to load it
    session = state.get(instance.session, Session)
    interpreter.tell("write", where, number=number, instance=instance, attribute=name, session=session,
                     detail=(source, sure))  # fmt: skip
    not_idle(state, instance.session)
    session = state.get(instance.session, Session)
    if instance.many or not sure:
        return
    changes: dict[str, Any] = {
        "attributes": {**instance.attributes, name: frozenset({LOADED})},
        "changed": {**instance.changed, name: where},
        "touched": instance.touched or (where if mapping is not None and mapping.updates_row(name) else None),
        "held": {**instance.held, name: source},
    }
    if surely(instance.states, DETACHED) or (
        instance.merged is not None and not instance.states & {PERSISTENT, PENDING}
    ):
        changes["written"] = {**instance.written, name: where}
    state.things[number] = replace(instance, **changes)
    if session is not None and surely(instance.states, PERSISTENT):
        state.things[instance.session] = replace(
            session, work=session.work | {"changed"}, changed=session.changed or where
        )


@step(ops.DeleteAttribute)
def run_delete_attribute(
    _interpreter: Interpreter, _activation: Activation, op: ops.DeleteAttribute, state: State
) -> list[State]:
    """``del of.name``."""
    for number, instance in list(state.of(state.read(op.of), Instance)):
        facts = {**instance.attributes, op.name: frozenset({UNSURE})}
        state.things[number] = replace(instance, attributes=facts)
    return [state]
