"""What a Session may have already: rows in its identity map, with what is loaded of them.

Run on 2.0 and 2.1: a query gives the instance that is there, with the relationships it has; and a many-to-one whose
row is there is read without SQL.
"""

from __future__ import annotations

from collections.abc import Iterator

from tether.check.abstract.state import State
from tether.check.abstract.things import LOADED, Instance, Options, Session
from tether.check.abstract.values import Class
from tether.check.interpreting.interpreter import Interpreter
from tether.check.orm.mapped import Mapped, mapped
from tether.check.orm.queries import is_own, may_be

DEEPEST = 4  # relationships that load each other by `lazy=`
LOADING = ("load", "keep")


def may_be_loaded(interpreter: Interpreter, state: State, number: int, instance: Instance, name: str) -> bool:
    """Return whether the row may be in the Session with a relationship that this instance's query did not load."""
    if is_a_callers(interpreter, state, instance, instance.model):
        return True
    if name in led_back(interpreter, instance):
        return True
    way = list(way_to(state, instance))
    parent = way[0] if way and is_of_same_class(state, way[0], instance) else -1
    for other, held in state.members(instance.session):
        if other in (number, parent):  # a row is not its own child
            continue
        if may_be(interpreter, held.model, instance.model) and may_have(interpreter, held, name):
            return True
        if parent < 0 or other not in way:
            for model, loaded in carried(interpreter, held.model, held.options):
                if name in loaded and may_be(interpreter, model, instance.model):
                    return True
    return False


def led_back(interpreter: Interpreter, instance: Instance) -> Iterator[str]:
    """Yield what the query of an instance loads of rows of its class that it comes back to by rows of another.

    Run on 2.0 and 2.1: ``selectinload(Order.user).selectinload(User.orders).selectinload(Order.lines)`` loads the lines
    of the first order too, which is one of its user's.
    """
    mapping = mapped(interpreter, instance.model)
    for name, _, below in instance.options:
        target = mapping.target(name) if mapping is not None and name else None
        if target is not None and not may_be(interpreter, target, instance.model):
            for model, loaded in carried(interpreter, target, below):
                if may_be(interpreter, model, instance.model):
                    yield from loaded


def way_to(state: State, instance: Instance) -> Iterator[int]:
    """Yield the instances whose relationships led to this one, nearest first, and the collections they are of."""
    seen: set[int] = set()
    held: Instance | None = instance
    while held is not None and held.parent >= 0 and held.parent not in seen:
        seen.add(held.parent)
        yield held.parent
        held = state.get(held.parent, Instance)
        if held is not None and held.of >= 0:
            yield held.of


def is_of_same_class(state: State, number: int, instance: Instance) -> bool:
    """Return whether the instance with a number is of the same class: then it is another row."""
    parent = state.get(number, Instance)
    return parent is not None and parent.model == instance.model


def may_have(interpreter: Interpreter, instance: Instance, name: str) -> bool:
    """Return whether an instance may have a relationship loaded: by its query, or since."""
    if instance.flags & {"unsure", "asked"} or instance.others:
        return True
    mapping = mapped(interpreter, instance.model)
    if mapping is None:
        return True
    facts = instance.attributes.get(name)
    return bool((facts if facts is not None else mapping.queried(name)) - {"unloaded"})


def may_be_there(interpreter: Interpreter, state: State, instance: Instance, name: str) -> bool:
    """Return whether the row that a many-to-one leads to may be in the Session, so that reading it sends no SQL.

    Where each row of a whole table has another one, it is not enough that one of those is there.
    """
    mapping = mapped(interpreter, instance.model)
    target = mapping.target(name) if mapping is not None else None
    if mapping is None or target is None:
        return True
    each = "whole" in instance.flags and instance.loop is not None and mapping.is_unique_to(name)
    if not each and (
        is_a_callers(interpreter, state, instance, target)
        or is_of_dependency(interpreter, state, instance, target)
    ):
        return True
    for _, held in state.members(instance.session):
        if held.model == instance.model and has_no_key(mapping, held):
            return True
        if may_be(interpreter, held.model, target) and (held.many or held.of >= 0 or not each):
            return True
        if any(
            may_be(interpreter, model, target) for model, _ in carried(interpreter, held.model, held.options)
        ):
            return True
    return False


def has_no_key(mapping: Mapped, instance: Instance) -> bool:
    """Return whether the program made the row without a foreign key, so that there is nothing to load."""
    return "created" in instance.flags and mapping.foreign_keys().isdisjoint(instance.attributes)


def is_a_callers(interpreter: Interpreter, state: State, instance: Instance, model: Class) -> bool:
    """Return whether the function was given a row of this class, which may be in the Session it was given."""
    session = state.get(instance.session, Session)
    if session is not None and is_own(state, instance.session, session):
        return False
    return interpreter.given is None or any(may_be(interpreter, held, model) for held in interpreter.given)


def is_of_dependency(interpreter: Interpreter, state: State, instance: Instance, model: Class) -> bool:
    """Return whether a dependency may have loaded a row of this class in the Session of the request.

    The Session is known, and the row of another parameter is not: ``Annotated[tuple[User, Shop], Depends(...)]``.
    """
    session = state.get(instance.session, Session)
    if session is None or not session.escaped:
        return False
    return any(may_be(interpreter, held, model) for held in interpreter.given or ())


def carried(
    interpreter: Interpreter, model: Class, options: Options, depth: int = 0
) -> Iterator[tuple[Class, frozenset[str]]]:
    """Yield the classes whose rows a query loads together with those of *model*, and what is loaded of them."""
    mapping = mapped(interpreter, model)
    if mapping is None or depth > DEEPEST:
        return
    told = {name: (effect, below) for name, effect, below in options}
    for name in (*told, *eager(mapping, told)):
        effect, below = told.get(name, ("load", ()))
        target = mapping.target(name) if name else None
        if target is None or effect not in LOADING:
            continue
        yield target, frozenset(inner for inner, how, _ in below if how == "load")
        yield from carried(interpreter, target, below, depth + 1)


def eager(mapping: Mapped, but: dict[str, object] | dict[str, tuple[str, Options]]) -> Iterator[str]:
    """Yield the relationships that the mapping loads with the row."""
    for name, attribute in mapping.model.attributes.items():
        if name not in but and attribute.relationship is not None and LOADED in mapping.queried(name):
            yield name
