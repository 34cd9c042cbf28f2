"""Python's own functions, decorators and collections, as far as they pass instances on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tether.check import ops
from tether.check.arguments import asked
from tether.check.attributes import run_get_attribute, write_instance
from tether.check.interpreter import Interpreter
from tether.check.keeping import keep
from tether.check.mapped import mapped
from tether.check.methods import SUPER
from tether.check.missing import is_never_there
from tether.check.queries import rows_of
from tether.check.responses import read_fields
from tether.check.state import State
from tether.check.subjects import instances_in
from tether.check.things import Collection, Coroutine, Frame, Instance, Object, Result, Session
from tether.check.values import (
    NONE,
    NOTHING,
    UNKNOWN,
    Class,
    External,
    Function,
    Ref,
    Value,
    as_text,
    constant,
    join,
    literal,
    one,
)

# What a decorator makes of the function below it.
WRAPPERS = {
    "contextlib.contextmanager": "manager",
    "contextlib.asynccontextmanager": "manager",
    "builtins.property": "property",
    "functools.cached_property": "cached_property",
    "sqlalchemy.ext.hybrid.hybrid_property": "hybrid_property",
    "builtins.staticmethod": "staticmethod",
    "builtins.classmethod": "classmethod",
    "functools.lru_cache": "cached",
    "functools.cache": "cached",
}
# Functions that do nothing to what they are given, or only read its columns.
READERS = frozenset({
    "print", "repr", "str", "len", "isinstance", "issubclass", "hasattr", "id", "type", "bool", "int", "float", "hash",
    "callable", "format", "range", "super", "object", "abs", "round", "ord", "chr", "divmod", "sum", "input", "open",
    "dir", "globals", "locals", "iter", "next", "slice", "bytes",
    "ascii", "bin", "hex", "pow", "delattr", "exit", "quit",
})  # fmt: skip
COPIES = {"list": "list", "tuple": "tuple", "set": "set", "frozenset": "set", "sorted": "list", "reversed": "iterator",
          "iter": "iterator", "dict": "dict"}  # fmt: skip
# Containers of the standard library, with the number of arguments that are not elements.
CONTAINERS = {"collections.deque": 0, "collections.OrderedDict": 0, "collections.defaultdict": 1,
              "collections.ChainMap": 0, "cachetools.TTLCache": 2, "cachetools.LRUCache": 1}  # fmt: skip
# Modules whose functions do nothing to instances they are given.
HARMLESS_MODULES = ("builtins.", "logging.", "typing.", "datetime.", "decimal.", "uuid.", "os.", "sys.", "re.", "math.",
                    "time.", "random.", "warnings.", "string.", "itertools.", "enum.", "hashlib.", "secrets.",
                    "pathlib.", "sqlalchemy.func.", "traceback.", "textwrap.")  # fmt: skip
BUILTIN: dict[str, Callable[[Interpreter, Any, State, External], Value | None]] = {}
AWAITING = ("asyncio.gather", "asyncio.wait", "asyncio.as_completed")

CallBuiltin = Callable[[Interpreter, Any, State, External], Value | None]


def builtin(*names: str) -> Callable[[CallBuiltin], CallBuiltin]:
    """Register a function as what a call of these names does."""

    def register(function: CallBuiltin) -> CallBuiltin:
        for name in names:
            BUILTIN[name] = function
        return function

    return register


def is_harmless(interpreter: Interpreter, atom: Any) -> bool:
    """Return whether a call of *atom* raises no error that is not looked at where the call is run."""
    if isinstance(atom, Class):
        return mapped(interpreter, atom) is not None
    return isinstance(atom, External) and (
        atom.name.startswith(("builtins.", "collection.", "statement."))
        or atom.name in WRAPPERS
        or interpreter.canonical(atom.name) in interpreter.table.rows
    )


def call_builtin(interpreter: Interpreter, site: Any, state: State, function: External) -> Value | None:
    """Return what a call of Python's own gives; None if it is none of those."""
    name = function.name
    if name.startswith("collection."):
        return call_collection(interpreter, site, state, function)
    if name in WRAPPERS or name.endswith((".fixture",)):
        return wrapped(site, WRAPPERS.get(name, ""), function)
    if name in BUILTIN:
        return BUILTIN[name](interpreter, site, state, function)
    short = name.removeprefix("builtins.")
    if name in CONTAINERS:
        return copied(
            interpreter, replace(site, positional=site.positional[CONTAINERS[name] :]), state, "list"
        )
    if short in COPIES and name.startswith("builtins."):
        return copied(interpreter, site, state, COPIES[short])
    if name.startswith("builtins.") and (short in READERS or short[:1].isupper()):
        if short in ("str", "repr", "format", "int"):
            return as_text(site.positional[:1])
        return constant(...) if short == "bool" else UNKNOWN
    if name in interpreter.table.rows:
        return None
    if name.startswith(HARMLESS_MODULES) or ".getLogger" in name:
        return UNKNOWN if "." in short else None
    return None


def wrapped(site: Any, wrapper: str, function: External) -> Value:
    """Return what a decorator makes of a function; of a decorator with arguments, the decorator."""
    values = site.positional[0] if site.positional else NOTHING
    functions = [atom for atom in values if isinstance(atom, Function)]
    if not functions:
        return one(function)
    return frozenset(replace(atom, wrapper=wrapper or atom.wrapper) for atom in functions)


def copied(interpreter: Interpreter, site: Any, state: State, kind: str) -> Value | None:
    """``list(x)`` and its like: a collection of the same elements. Results and Queries are iterated elsewhere."""
    number = interpreter.number(site.activation, site.op.to, "copy")
    where = site.activation.where(site.span)
    if not site.positional:
        named = dict(site.named)
        state.things[number] = Collection(
            kind=kind, element=join(list(named.values())) if named else NOTHING, items=named, made=where
        )
        return one(Ref(number))
    elements: list[Value] = []
    items: dict[Any, Value] = {}
    for atom in site.positional[0]:
        thing = state.thing(atom.id) if isinstance(atom, Ref) else None
        if isinstance(thing, Collection):
            state.things[atom.id] = replace(thing, uses=thing.uses | {"other"})
            elements.append(thing.element)
            items = dict(thing.items) if kind == thing.kind or {kind, thing.kind} <= {"list", "tuple"} else {}
        elif isinstance(thing, Result):
            elements.append(elements_of(interpreter, site, state, atom))
        else:
            return UNKNOWN
    state.things[number] = Collection(kind=kind, element=join(elements), items=items, made=where)
    return one(Ref(number))


# ------------------------------------------------------------------ collections

ADDING = {"append": 0, "add": 0, "appendleft": 0, "insert": 1, "put": 0, "put_nowait": 0, "setdefault": 1}


def call_collection(interpreter: Interpreter, site: Any, state: State, function: External) -> Value:
    """Call a method of a list, set or dictionary."""
    name = function.name.removeprefix("collection.")
    receiver = function.receiver
    thing = state.get(receiver.id, Collection) if isinstance(receiver, Ref) else None
    if thing is None or not isinstance(receiver, Ref):
        return UNKNOWN
    if name in ADDING and len(site.positional) > ADDING[name]:
        added = site.positional[ADDING[name]]
        return add_to(interpreter, site, state, receiver, thing, added, name)
    if name in ("extend", "update") and site.positional:
        elements = [elements_of(interpreter, site, state, atom) for atom in site.positional[0]]
        return add_to(interpreter, site, state, receiver, thing, join(elements), name)
    state.things[receiver.id] = replace(
        thing, uses=thing.uses | {"iterated" if name in ITERATING else "other"}
    )
    if name in ("pop", "get", "popleft", "popitem", "__getitem__"):
        key = literal(site.positional[0]) if site.positional else ...
        missing = asked(state, receiver, thing, name, key)
        if missing:
            return site.positional[1] if len(site.positional) > 1 else NONE
        found = thing.items[key] if key is not ... and key in thing.items else thing.element or UNKNOWN
        if name == "get":
            found |= site.positional[1] if len(site.positional) > 1 else NONE
        return found
    if name in ITERATING:
        return part_of(interpreter, site, state, thing, name)
    if name == "copy":
        return one(receiver)
    owner, attribute = thing.owner
    if owner >= 0 and name in ("clear", "remove", "discard"):
        write_instance(
            interpreter, site.activation, site.span, state, owner, attribute, one(receiver), sure=True
        )
    return NONE if name in ("clear", "remove", "discard", "sort", "reverse") else UNKNOWN


def elements_of(interpreter: Interpreter, site: Any, state: State, atom: Any) -> Value:
    """Return what the elements of an atom are, where it is put into a collection whole."""
    thing = state.thing(atom.id) if isinstance(atom, Ref) else None
    if isinstance(thing, Collection):
        return thing.element
    if isinstance(thing, Result):
        return rows_of(interpreter, site.activation, site.span, state, thing, "copied")
    return UNKNOWN


ITERATING = ("values", "items", "keys")


def part_of(interpreter: Interpreter, site: Any, state: State, thing: Collection, name: str) -> Value:
    """``d.values()``, ``d.items()``, ``d.keys()``."""
    number = interpreter.number(site.activation, site.op.to, name)
    element = thing.element
    if name == "keys":
        element = UNKNOWN
    elif name == "items":
        pair = interpreter.number(site.activation, site.op.to, "pair")
        state.things[pair] = Collection(
            kind="tuple", element=join((UNKNOWN, thing.element)), items={0: UNKNOWN, 1: thing.element}
        )
        element = one(Ref(pair))
    state.things[number] = Collection(kind="iterator", element=element, items={}, made=thing.made)
    return one(Ref(number))


def add_to(
    interpreter: Interpreter,
    site: Any,
    state: State,
    receiver: Ref,
    thing: Collection,
    added: Value,
    name: str,
) -> Value:
    """Add an element to a collection; to a relationship's, it is a change of the instance."""
    where = site.activation.where(site.span)
    known = name == "append" and len(thing.items) < 8 and (thing.items or not thing.element)
    items = {**thing.items, len(thing.items): added} if known and thing.kind == "list" else {}
    state.things[receiver.id] = replace(thing, element=join((thing.element, added)), items=items)
    owner, attribute = thing.owner
    if owner >= 0 and added and added <= thing.element:
        return NONE  # it is there already, or was taken out a moment ago
    if owner >= 0 and state.get(owner, Instance) is not None:
        write_instance(
            interpreter, site.activation, site.span, state, owner, attribute, one(receiver), sure=True
        )
    keep(interpreter, where, state, added, one(receiver))
    return NONE


# --------------------------------------------------------------- single functions


@builtin("builtins.super")
def call_super(interpreter: Interpreter, site: Any, state: State, _function: External) -> Value | None:
    """``super()`` in a method: its members are those of the bases behind the class that the method is in."""
    activation = site.activation
    bodies = interpreter.project.module(activation.module).bodies
    parent, frame = bodies[activation.body.parent], state.get(activation.frame, Frame)
    first = activation.body.parameters[:1]
    if parent.kind != "class" or frame is None or not first:
        return UNKNOWN
    number = interpreter.number(activation, site.op.to, "super")
    fields = {"self": frame.variables.get(first[0].name, UNKNOWN)}
    class_ = Class(activation.module, parent.qualname)
    state.things[number] = Object(class_=class_, external=SUPER, fields=fields)
    return one(Ref(number))


@builtin("builtins.getattr")
def call_getattr(interpreter: Interpreter, site: Any, state: State, _function: External) -> Value | None:
    """``getattr(x, "name", default)``: a read; the default guards against AttributeError only."""
    name = literal(site.positional[1]) if len(site.positional) > 1 else ...
    if not isinstance(name, str):
        return UNKNOWN
    if len(site.positional) > 2 and is_never_there(
        interpreter, site.activation, state, site.positional[0], name
    ):
        return frozenset(site.positional[2])
    register = -1000 - site.op.to
    state.registers[register] = site.positional[0]
    op = ops.GetAttribute(register - 1, register, name, site.span)
    begun, found = len(interpreter.events), NOTHING
    state.dead = True
    for after in run_get_attribute(interpreter, site.activation, op, state):
        state.things, state.dead = after.things, False
        found = after.registers.get(register - 1, UNKNOWN)
    if len(site.positional) > 2:
        interpreter.events[begun:] = [
            event._replace(kind="guard") if event.kind == "read" else event
            for event in interpreter.events[begun:]
        ]
        found |= site.positional[2]
    return found


@builtin("builtins.hasattr")
def call_hasattr(interpreter: Interpreter, site: Any, state: State, function: External) -> Value | None:
    """``hasattr(x, "name")`` is ``getattr()`` with a handler for AttributeError."""
    inner = replace(site, positional=[*site.positional[:2], NONE])
    call_getattr(interpreter, inner, state, function)
    return UNKNOWN


@builtin(
    "sqlalchemy.inspect",
    "sqlalchemy.orm.object_session",
    "sqlalchemy.orm.attributes.instance_state",
    "sqlalchemy.ext.asyncio.async_object_session",
)
def call_inspect(interpreter: Interpreter, site: Any, state: State, function: External) -> Value | None:
    """The program asks for itself what the state of an instance is: it may know more than can be seen."""
    for number, instance in list(state.of(site.positional[0] if site.positional else NOTHING, Instance)):
        state.things[number] = replace(instance, flags=instance.flags | {"asked"})
    return None if "object_session" in function.name else UNKNOWN


@builtin("pydantic.BaseModel.model_validate")
def call_validate(interpreter: Interpreter, site: Any, state: State, function: External) -> Value | None:
    """``UserOut.model_validate(user)``: each field is read."""
    if isinstance(function.receiver, Class) and site.positional:
        after = read_fields(
            interpreter, site.activation, site.span, state, site.positional[0], function.receiver
        )
        if after is None:
            state.dead = True
            if interpreter.run is not None:
                interpreter.run.raise_from(state)
    return UNKNOWN


@builtin("builtins.setattr")
def call_setattr(interpreter: Interpreter, site: Any, state: State, _function: External) -> Value | None:
    """``setattr(x, "name", value)``: a write; with a name that is not known, of any attribute."""
    name = literal(site.positional[1]) if len(site.positional) > 2 else ...
    for number, instance in list(state.of(site.positional[0] if site.positional else NOTHING, Instance)):
        if isinstance(name, str):
            write_instance(interpreter, site.activation, site.span, state, number, name, site.positional[2],
                           sure=len(site.positional[0]) == 1)  # fmt: skip
        else:
            where = site.activation.where(site.span)
            touched = instance.touched or (None if instance.many else where)
            state.things[number] = replace(instance, flags=instance.flags | {"unsure"}, touched=touched)
    return NONE


@builtin("builtins.vars")
def call_vars(interpreter: Interpreter, site: Any, state: State, _function: External) -> Value | None:
    """``vars(x)``: what is loaded at this moment and nothing else."""
    for number, instance in instances_in(state, site.positional[0] if site.positional else NOTHING, 0):
        interpreter.tell("serialise", site.activation.where(site.span), number=number, instance=instance,
                         detail="builtins.vars")  # fmt: skip
    return UNKNOWN


@builtin("copy.copy", "copy.deepcopy")
def call_copy(interpreter: Interpreter, site: Any, state: State, function: External) -> Value | None:
    """``copy.copy(x)``: of an instance it shares SQLAlchemy's state."""
    for number, instance in state.of(site.positional[0] if site.positional else NOTHING, Instance):
        if function.name == "copy.copy":
            made = interpreter.number(site.activation, site.op.to, "copy")
            state.things[made] = replace(
                instance, flags=instance.flags | {"shallow copy"}, session=-1, written={}
            )
            return one(Ref(made))
        interpreter.tell(
            "serialise", site.activation.where(site.span), number=number, instance=instance, detail="copy"
        )
    return UNKNOWN


@builtin("functools.wraps", "functools.update_wrapper")
def call_wraps(_interpreter: Interpreter, _site: Any, _state: State, _function: External) -> Value | None:
    """``@wraps(f)`` gives a decorator that leaves its function as it is."""
    return one(External("tether.as it is"))


@builtin("tether.as it is")
def call_as_it_is(_interpreter: Interpreter, site: Any, _state: State, _function: External) -> Value | None:
    """A decorator that gives what it is given."""
    return site.positional[0] if site.positional else UNKNOWN


@builtin(
    "sqlalchemy.create_engine",
    "sqlalchemy.ext.asyncio.create_async_engine",
    "sqlmodel.create_engine",
    "sqlalchemy.engine.create_engine",
)
def call_create_engine(
    interpreter: Interpreter, site: Any, state: State, _function: External
) -> Value | None:
    """An Engine: which one a Session is bound to tells databases apart."""
    number = interpreter.number(site.activation, site.op.to, "engine")
    state.things[number] = Object(external="sqlalchemy.Engine", fields={})
    return one(Ref(number))


@builtin("functools.partial")
def call_partial(interpreter: Interpreter, site: Any, state: State, function: External) -> Value | None:
    """``partial(f, ...)``."""
    number = interpreter.number(site.activation, site.op.to, "partial")
    fields = {f"@{position:03}": value for position, value in enumerate(site.positional[1:])}
    fields |= {"func": site.positional[0] if site.positional else UNKNOWN, **site.named}
    state.things[number] = Object(external=function.name, fields=fields)
    return one(Ref(number))


@builtin("contextlib.closing", "contextlib.aclosing")
def call_closing(interpreter: Interpreter, site: Any, state: State, function: External) -> Value | None:
    """``with closing(x)``: closed where the block ends."""
    number = interpreter.number(site.activation, site.op.to, "closing")
    fields = {"thing": site.positional[0] if site.positional else UNKNOWN}
    state.things[number] = Object(external="contextlib.closing", fields=fields)
    return one(Ref(number))


@builtin("builtins.enumerate", "builtins.zip")
def call_enumerate(interpreter: Interpreter, site: Any, state: State, function: External) -> Value | None:
    """``enumerate(x)`` and ``zip(x, y)``: pairs."""
    elements = []
    for value in site.positional[:1] if "enumerate" in function.name else site.positional:
        found = [thing.element for _, thing in state.of(value, Collection)]
        for number, thing in list(state.of(value, Collection)):
            state.things[number] = replace(thing, uses=thing.uses | {"iterated"})
        elements.append(join(found) if found and len(found) == len(value) else UNKNOWN)
    if "enumerate" in function.name:
        elements.insert(0, UNKNOWN)
    pair = interpreter.number(site.activation, site.op.to, "pair")
    number = interpreter.number(site.activation, site.op.to, "pairs")
    state.things[pair] = Collection(
        kind="tuple", element=join(elements) if elements else UNKNOWN, items=dict(enumerate(elements))
    )
    state.things[number] = Collection(
        kind="iterator", element=one(Ref(pair)), items={}, made=site.activation.where(site.span)
    )
    return one(Ref(number))


@builtin("builtins.next", "builtins.max", "builtins.min")
def call_next(interpreter: Interpreter, site: Any, state: State, _function: External) -> Value | None:
    """One of the elements."""
    if not site.positional:
        return UNKNOWN
    found = [thing.element for _, thing in state.of(site.positional[0], Collection)]
    return join([*found, *site.positional[1:2]]) if found else UNKNOWN


@builtin("asyncio.create_task", "asyncio.ensure_future", "asyncio.TaskGroup.create_task")
def call_start(interpreter: Interpreter, site: Any, state: State, function: External) -> Value | None:
    """``create_task(...)``: runs beside what comes next; a Session in it is shared if another task has it."""
    started = [pair for value in site.positional[:1] for pair in state.of(value, Coroutine)]
    for number, coroutine in started:
        for session in coroutine.sessions:
            thing = state.get(session, Session)
            if thing is not None:
                others = thing.tasks - {number}
                state.things[session] = replace(thing, tasks=thing.tasks | {number})
                if others:
                    detail = [(held, state.get(held, Coroutine)) for held in sorted(thing.tasks | {number})]
                    interpreter.tell("gather", site.activation.where(site.span),
                                     detail=(detail, state, False, function.name))  # fmt: skip
    return site.positional[0] if started else None


@builtin(*AWAITING)
def call_gather(interpreter: Interpreter, site: Any, state: State, function: External) -> Value | None:
    """``asyncio.gather(...)``: its coroutines run at the same time."""
    waiting = [(number, thing) for value in site.positional for number, thing in coroutines(state, value)]
    for register in site.op.star:  # gather(*[f(session, x) for x in several])
        for _, several in state.of(state.read(register), Collection):
            if not several.items:
                waiting += [
                    (number, replace(thing, many=True))
                    for number, thing in state.of(several.element, Coroutine)
                ]
    interpreter.tell(
        "gather", site.activation.where(site.span), detail=(waiting, state, site.more, function.name)
    )
    results = [thing.result for _, thing in waiting]
    number = interpreter.number(site.activation, site.op.to, "gathered")
    state.things[number] = Collection(
        kind="list", element=join(results) if results else UNKNOWN,
        items=dict(enumerate(results)) if len(results) == len(site.positional) and not site.more else {},
    )  # fmt: skip
    return one(Ref(number))


def coroutines(state: State, value: Value) -> list[tuple[int, Coroutine]]:
    """Return the coroutines a value is, or holds in a collection."""
    found = list(state.of(value, Coroutine))
    for _, thing in state.of(value, Collection):
        found += [
            pair
            for element in (thing.items.values() or [thing.element])
            for pair in state.of(element, Coroutine)
        ]
    return found
