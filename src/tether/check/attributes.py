"""Reading and writing attributes: of instances, where it matters most, and of everything else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tether.check import ops
from tether.check.contexts import registry_of, tell_setting
from tether.check.failing import cannot_be_read, doubt
from tether.check.flow import Activation
from tether.check.idling import not_idle
from tether.check.interpreter import Interpreter, step
from tether.check.keeping import keep
from tether.check.mapped import Mapped, mapped
from tether.check.methods import SUPER, ancestors, behind, bound_to, class_member, read_property
from tether.check.module_names import of_module
from tether.check.origins import is_made_of
from tether.check.own_fields import is_set_later
from tether.check.presence import may_be_loaded, may_be_there
from tether.check.queries import load
from tether.check.singletons import hold
from tether.check.state import UNRECOVERED, State
from tether.check.things import (
    DETACHED,
    EXPIRED,
    LOADED,
    PENDING,
    PERSISTENT,
    TRANSIENT,
    UNLOADED,
    UNSURE,
    Collection,
    Coroutine,
    Factory,
    Facts,
    Instance,
    Loader,
    Manager,
    Object,
    Options,
    Result,
    Session,
    Statement,
    surely,
)
from tether.check.values import (
    ANYTHING,
    NONE,
    UNKNOWN,
    Attribute,
    Class,
    Constant,
    External,
    Function,
    Module,
    Ref,
    RowKey,
    Value,
    join,
    number_in,
    one,
    without_none,
)

# Class methods of pydantic models that read the fields of what they are given.
VALIDATING = ("model_validate", "from_orm", "parse_obj")


@step(ops.GetAttribute)
def run_get_attribute(
    interpreter: Interpreter, activation: Activation, op: ops.GetAttribute, state: State
) -> list[State]:
    """``of.name``."""
    value = without_none(state.read(op.of))
    if UNRECOVERED in state.path and (ANYTHING in value or not value):
        doubt(activation, op, state)
    states, found = [state], []
    sure = len(value) == 1 or all_raise(interpreter, state, value, op.name)
    for atom in value or UNKNOWN:
        states = [
            after for held in states for after in attribute_of(interpreter, activation, op, held, atom, sure)
        ]
        found.append([held.registers.get(op.to, UNKNOWN) for held in states])
    for position, held in enumerate(states):
        parts = [values[position] if position < len(values) else UNKNOWN for values in found]
        held.registers[op.to] = join(parts) if parts else UNKNOWN
    return states


def attribute_of(
    interpreter: Interpreter,
    activation: Activation,
    op: ops.GetAttribute,
    state: State,
    atom: Any,
    sure: bool,
) -> list[State]:
    """Put what an attribute of one atom is into the op's register."""
    thing = state.thing(atom.id) if isinstance(atom, Ref) else None
    if isinstance(thing, Instance):
        return read_instance(interpreter, activation, op, state, atom.id, sure=sure)
    if isinstance(thing, Object):
        return read_object(interpreter, activation, op, state, atom, thing)
    own: Value = frozenset()
    if isinstance(thing, Session) and thing.subclass is not None:
        members = class_member(interpreter, state, thing.subclass, op.name)
        own = frozenset(bound_to(held, atom, thing.subclass) for held in members)
    state.registers[op.to] = own or plain_attribute(interpreter, activation, op, state, atom, thing)
    return [state]


def plain_attribute(
    interpreter: Interpreter,
    activation: Activation,
    op: ops.GetAttribute,
    state: State,
    atom: Any,
    thing: Any,
) -> Value:
    """Return an attribute that no code of the program has to be run for."""
    name = op.name
    match thing:
        case Session(type=type_) | Factory(type=type_) | Result(type=type_):
            row = interpreter.row(type_, name)
            if row is not None and row.attribute and row.role == "manager":
                number = interpreter.derived("manager", atom, name)
                state.things[number] = Manager(
                    row=row, session=atom.id, gives=one(atom), arguments={}, registers={}
                )
                return one(Ref(number))
            if row is not None and row.attribute and row.returns and row.returns.kind in ("session", "self"):
                return one(atom)
            return one(External(f"{type_}.{name}", atom))
        case Statement(session=session):
            return one(External(f"{'sqlalchemy.orm.Query' if session >= 0 else 'statement'}.{name}", atom))
        case Collection():
            return one(External(f"collection.{name}", atom))
        case Manager(row=row) if row is not None and row.returns is not None and row.returns.type:
            return one(External(f"{row.returns.type}.{name}", atom))
        case Loader():
            return one(External(f"sqlalchemy.orm.Load.{name}", atom))
        case Coroutine():
            return UNKNOWN
    match atom:
        case Module(name=module):
            return of_module(interpreter, op, state, module)
        case Class():
            return class_attribute(interpreter, activation, state, atom, name)
        case External(name=outside, receiver=receiver):
            return one(External(interpreter.canonical(f"{outside}.{name}"), receiver))
    return UNKNOWN


def class_attribute(
    interpreter: Interpreter, activation: Activation, state: State, class_: Class, name: str
) -> Value:
    """Return ``User.name``: a mapped attribute, or what the class body bound."""
    mapping = mapped(interpreter, class_)
    if mapping is not None and mapping.kind(name) in ("column", "relationship", "proxy", "unknown"):
        return one(Attribute(class_, name))
    held = class_member(interpreter, state, class_, name)
    if is_set_later(interpreter, class_, name, held):
        return held | UNKNOWN
    if not held and mapping is not None and name == "query":
        ambient = mapping.ambient_query(state)
        if ambient >= 0:
            number = interpreter.derived("query", class_, ambient)
            state.things[number] = Statement(verb="select", entities=(one(class_),), session=ambient)
            return one(Ref(number))
    if not held and name in VALIDATING:
        return one(External("pydantic.BaseModel.model_validate", class_))
    bound = [
        replace(atom, receiver=class_)
        if isinstance(atom, Function) and atom.wrapper == "classmethod"
        else atom
        for atom in held
    ]
    return frozenset(bound) if bound else UNKNOWN


# ------------------------------------------------------------------- instances


def facts_of(mapping: Mapped, instance: Instance, name: str) -> Facts:
    """Return whether an attribute is loaded: as the program made it, or as the mapping says."""
    found = instance.attributes.get(name)
    kind = mapping.kind(name)
    if found is None:
        if kind == "column":
            deferred = mapping.is_deferred(name) and not instance.states & {TRANSIENT, PENDING}
            found = frozenset({UNLOADED}) if deferred and LOADED in instance.columns else instance.columns
        elif kind != "relationship":
            return frozenset({UNSURE})
        elif instance.states & {TRANSIENT, PENDING}:
            found = frozenset({LOADED})
        elif "all expired" in instance.flags:
            found = frozenset({EXPIRED})
        elif (instance.fresh or "inserted" in instance.flags) and "queried" not in instance.flags:
            found = frozenset({UNLOADED})
        else:
            found = mapping.queried(name)
    if instance.others and found <= {UNLOADED}:
        found |= {UNSURE}
    if instance.flags & {"asked", "tried"} or ("unsure" in instance.flags and kind == "relationship"):
        found |= {UNSURE}
    return found


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
        through = mapping.proxied(op.name)
        if not through:
            state.registers[op.to] = UNKNOWN
            return [state]
        inner = ops.GetAttribute(op.to, op.of, through, op.span)
        after = read_instance(interpreter, activation, inner, state, number, sure=sure)
        for held in after:
            held.registers[op.to] = UNKNOWN
        return after
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
    value = held_by(interpreter, activation, op, state, number, instance, mapping, kind, facts)
    state.registers[op.to] = value
    loaded(state, number, instance, op.name, kind, facts)
    if kind == "relationship" and not instance.many and value != UNKNOWN:
        # read once more, it is the same: what has happened to it meanwhile has happened
        instance = state.get(number, Instance) or instance
        state.things[number] = replace(instance, held={**instance.held, op.name: value})
    return [state]


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
    awaited = session is not None and session.asynchronous and surely(instance.states, PERSISTENT)
    return awaited and (kind == "column" or surely(facts, EXPIRED) or mapping.is_many(name) is True)


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


@step(ops.SetAttribute)
def run_set_attribute(
    interpreter: Interpreter, activation: Activation, op: ops.SetAttribute, state: State
) -> list[State]:
    """``of.name = source``."""
    holder, source = state.read(op.of), state.read(op.source)
    sure = len(without_none(holder)) == 1
    for atom in holder:
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


# --------------------------------------------------------------------- objects


def read_object(
    interpreter: Interpreter,
    activation: Activation,
    op: ops.GetAttribute,
    state: State,
    atom: Ref,
    thing: Object,
) -> list[State]:
    """Read an attribute of an object that is not mapped."""
    if thing.external == SUPER:
        state.registers[op.to] = behind(interpreter, state, thing, op.name)
        return [state]
    if op.name in thing.fields:
        state.registers[op.to] = thing.fields[op.name]
        return [state]
    if thing.external:
        name = interpreter.canonical(f"{thing.external}.{op.name}")
        state.registers[op.to] = registry_of(interpreter, state, name, atom) or one(External(name, atom))
        return [state]
    if thing.class_ is not None:
        states = read_property(interpreter, activation, op, state, atom, thing.class_)
        if (thing.kept or atom.id in state.base) and is_setting(interpreter, thing.class_, op.name):
            for held in states:
                if all(isinstance(found, Constant) for found in held.read(op.to)):
                    held.registers[op.to] = UNKNOWN
        return [with_registry(interpreter, held, op.to, atom) for held in states]
    state.registers[op.to] = UNKNOWN
    return [state]


def is_setting(interpreter: Interpreter, class_: Class, name: str) -> bool:
    """Return whether a class declares an attribute: ``debug: bool = False`` holds where nothing else sets it."""
    return any(
        name in interpreter.annotations.get(found, {})
        for found in ancestors(interpreter, class_)
        if isinstance(found, Class)
    )


def with_registry(interpreter: Interpreter, state: State, register: int, holder: Ref) -> State:
    """Put the registry into a register that holds the name of an attribute which is one."""
    for atom in state.read(register):
        if isinstance(atom, External) and atom.receiver == holder:
            state.registers[register] = registry_of(interpreter, state, atom.name, holder) or one(atom)
    return state


@step(ops.DeleteAttribute)
def run_delete_attribute(
    _interpreter: Interpreter, _activation: Activation, op: ops.DeleteAttribute, state: State
) -> list[State]:
    """``del of.name``."""
    for number, instance in list(state.of(state.read(op.of), Instance)):
        facts = {**instance.attributes, op.name: frozenset({UNSURE})}
        state.things[number] = replace(instance, attributes=facts)
    return [state]
