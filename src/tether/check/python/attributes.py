"""Reading and writing attributes: of instances, where it matters most, and of everything else."""

from __future__ import annotations

from typing import Any

from tether.check.abstract.changing import replace
from tether.check.abstract.state import UNRECOVERED, State
from tether.check.abstract.things import (
    Collection,
    Coroutine,
    Factory,
    Instance,
    Loader,
    Manager,
    Object,
    Result,
    Session,
    Statement,
)
from tether.check.abstract.values import (
    ANYTHING,
    UNKNOWN,
    Attribute,
    Class,
    Constant,
    External,
    Function,
    Module,
    Ref,
    Value,
    constant,
    join,
    one,
    without_none,
)
from tether.check.interpreting.flow import Activation
from tether.check.interpreting.interpreter import Interpreter, step
from tether.check.interpreting.module_names import of_module
from tether.check.lowering import ops
from tether.check.orm.contexts import registry_of
from tether.check.orm.failing import FAILED, doubt
from tether.check.orm.mapped import mapped
from tether.check.python.methods import SUPER, ancestors, behind, bound_to, class_member, read_property
from tether.check.python.own_fields import is_set_later
from tether.check.python.reading_rows import AWAITABLE, all_raise, read_awaited, read_instance

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
    if isinstance(thing, Instance) and op.name == "awaitable_attrs":
        state.registers[op.to] = one(External(AWAITABLE, atom))
        return [state]
    if isinstance(thing, Instance):
        return read_instance(interpreter, activation, op, state, atom.id, sure=sure)
    if isinstance(atom, External) and atom.name == AWAITABLE and isinstance(atom.receiver, Ref):
        read_awaited(interpreter, state, atom.receiver.id, op.name)
        state.registers[op.to] = UNKNOWN
        return [state]
    if isinstance(thing, Object):
        return read_object(interpreter, activation, op, state, atom, thing)
    own: Value = frozenset()
    if isinstance(thing, Session) and thing.subclass is not None:
        members = class_member(interpreter, state, thing.subclass, op.name)
        own = frozenset(bound_to(held, atom, thing.subclass) for held in members)
    elif isinstance(thing, Session) and op.name == "is_active":
        own = constant(FAILED not in thing.must)
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
        for _, registry in state.of(registry_of_model(interpreter, state, class_), Factory):
            number = interpreter.derived("query", class_, registry.ambient)
            state.things[number] = Statement(verb="select", entities=(one(class_),), session=registry.ambient)
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


def registry_of_model(interpreter: Interpreter, state: State, class_: Class) -> Value:
    """Return the registry of Sessions that belongs to ``db.Model``, which a class derives from; UNKNOWN for others."""
    for base in ancestors(interpreter, class_):
        if isinstance(base, External) and isinstance(base.receiver, Ref) and base.name.endswith(".Model"):
            session = base.name.removesuffix("Model") + "session"
            return registry_of(interpreter, state, session, base.receiver) or UNKNOWN
        holder = extension_of(interpreter, state, base) if isinstance(base, Class) else None
        if holder is not None:
            thing = state.get(holder.id, Object)
            external = thing.external if thing is not None else ""
            return registry_of(interpreter, state, f"{external}.session", holder) or UNKNOWN
    return UNKNOWN


def extension_of(interpreter: Interpreter, state: State, class_: Class) -> Ref | None:
    """Return the ``db`` of ``class User(db.Model)`` as it is written: in a ring of imports it was not there yet."""
    module = interpreter.project.module(class_.module)
    facts = module.classes.get(class_.qualname) if module is not None else None
    for base in facts.bases if facts is not None else ():
        target = interpreter.project.resolve(class_.module, base.text) if base.kind == "name" else None
        if target is not None and target.kind == "variable" and target.rest == ("Model",):
            for atom in interpreter.variable(target.module, target.name):
                if isinstance(atom, Ref) and state.get(atom.id, Object) is not None:
                    return atom
    return None


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
