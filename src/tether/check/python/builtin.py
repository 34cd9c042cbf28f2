"""Python's own functions, decorators and collections, as far as they pass instances on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tether.check.abstract.changing import replace
from tether.check.abstract.state import UNRECOVERED, State
from tether.check.abstract.things import Collection, Frame, Instance, Object, Result
from tether.check.abstract.values import (
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
from tether.check.interpreting.flow import CANCELLED, RAISED
from tether.check.interpreting.interpreter import Interpreter
from tether.check.lowering import ops
from tether.check.orm.mapped import mapped
from tether.check.orm.subjects import instances_in
from tether.check.python.applied import apply
from tether.check.python.attributes import run_get_attribute
from tether.check.python.collections import call_collection, elements_of
from tether.check.python.loops import element_of
from tether.check.python.methods import SUPER
from tether.check.python.missing import is_never_there
from tether.check.python.responses import Reading
from tether.check.python.writing import write_instance

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
# Functions that never return; the second raise what is no Exception.
LEAVING = ("flask.abort", "quart.abort", "bottle.abort", "werkzeug.exceptions.abort")
ENDING_THE_PROCESS = (
    "sys.exit", "os._exit", "builtins.exit", "builtins.quit", "pytest.fail", "pytest.skip", "pytest.exit",
    "pytest.xfail",
)  # fmt: skip
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
    if WRAPPERS.get(name) == "cached" and site.activation.body.kind not in ("module", "class"):
        return wrapped(site, "", function)  # it is gone with what holds it, or cleared by who made it
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
        given = literal(site.named.get("from_attributes", NOTHING)) is True
        reading = Reading(interpreter, site.activation, site.span, given=given)
        after = reading.read(state, site.positional[0], function.receiver)
        if after is None:
            state.dead = True
            if interpreter.run is not None:
                interpreter.run.raise_from(state)
    return UNKNOWN


@builtin(*LEAVING, *ENDING_THE_PROCESS)
def call_leaving(interpreter: Interpreter, site: Any, state: State, function: External) -> Value | None:
    """``abort(404)``, ``pytest.fail()``: an exception leaves, and nothing comes behind it."""
    state.path |= {RAISED, CANCELLED} if function.name in ENDING_THE_PROCESS else {RAISED}
    state.dead = True
    # Which clause takes what abort() raises depends on its number: where a failed flush is handled, do not guess.
    if interpreter.run is not None and (UNRECOVERED not in state.path or function.name in ENDING_THE_PROCESS):
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


@builtin("operator.attrgetter")
def call_attrgetter(interpreter: Interpreter, site: Any, state: State, function: External) -> Value | None:
    """``attrgetter("name")``."""
    if len(site.positional) != 1:
        return UNKNOWN
    number = interpreter.number(site.activation, site.op.to, "getter")
    state.things[number] = Object(external=function.name, fields={"name": site.positional[0]})
    return one(Ref(number))


@builtin("builtins.map", "builtins.filter")
def call_map(interpreter: Interpreter, site: Any, state: State, function: External) -> Value | None:
    """``map(f, rows)``: what *f* gives for each; ``filter(f, rows)``: some of them."""
    if len(site.positional) != 2:
        return None
    called, several = site.positional
    held = [element_of(interpreter, site.activation, site.op, state, atom) for atom in several]
    elements = join(held) if held else UNKNOWN
    given = apply(interpreter, site, state, called, elements)
    if function.name.endswith("filter") and (given is not None or called == NONE):
        given = elements
    if given is None:
        return None
    number = interpreter.number(site.activation, site.op.to, "mapped")
    made = site.activation.where(site.span)
    state.things[number] = Collection(kind="iterator", element=given, items={}, made=made)
    return one(Ref(number))


@builtin("builtins.sorted")
def call_sorted(interpreter: Interpreter, site: Any, state: State, _function: External) -> Value | None:
    """``sorted(rows, key=f)``: a list of them, *f* called with each."""
    value = copied(interpreter, replace(site, named={}), state, "list")
    for _, made in list(state.of(value or NOTHING, Collection)) if "key" in site.named else ():
        apply(interpreter, site, state, site.named["key"], made.element)
    return value


@builtin("builtins.next", "builtins.max", "builtins.min")
def call_next(interpreter: Interpreter, site: Any, state: State, _function: External) -> Value | None:
    """One of the elements."""
    if not site.positional:
        return UNKNOWN
    if "key" in site.named and len(site.positional) == 1:
        for _, several in list(state.of(site.positional[0], Collection)):
            apply(interpreter, site, state, site.named["key"], several.element)
    found = [thing.element for _, thing in state.of(site.positional[0], Collection)]
    return join([*found, *site.positional[1:2]]) if found else UNKNOWN
