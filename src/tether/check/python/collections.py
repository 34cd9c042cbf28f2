"""The methods of Python's own collections, as far as they pass instances on."""

from __future__ import annotations

from typing import Any

from tether.check.abstract.changing import replace
from tether.check.abstract.state import State
from tether.check.abstract.things import Collection, Instance, Result
from tether.check.abstract.values import NONE, UNKNOWN, External, Ref, Value, join, literal, one
from tether.check.interpreting.arguments import asked
from tether.check.interpreting.interpreter import Interpreter
from tether.check.orm.keeping import keep
from tether.check.orm.queries import rows_of
from tether.check.python.applied import apply
from tether.check.python.items import item_of
from tether.check.python.writing import write_instance

ADDING = {"append": 0, "add": 0, "appendleft": 0, "insert": 1, "put": 0, "put_nowait": 0, "setdefault": 1}
ITERATING = ("values", "items", "keys")


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
    if name == "sort" and "key" in site.named:
        apply(interpreter, site, state, site.named["key"], thing.element)
    state.things[receiver.id] = replace(
        thing, uses=thing.uses | {"iterated" if name in ITERATING else "other"}
    )
    if name in ("pop", "get", "popleft", "popitem", "__getitem__"):
        key = literal(site.positional[0]) if site.positional else ...
        missing = asked(state, receiver, thing, name, key)
        if missing:
            return site.positional[1] if len(site.positional) > 1 else NONE
        found = item_of(thing, key)
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
