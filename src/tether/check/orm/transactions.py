"""The package ``transaction``, whose transactions end the Sessions that zope.sqlalchemy has joined to them.

Which Sessions those are is told by ``register()``, or by an extension of the sessionmaker. Believed is a registry of
Sessions whose module imports zope.sqlalchemy and says nothing of ``keep_session``, where there is only one in what the
program has imported here.
"""

from __future__ import annotations

from collections.abc import Collection

from tether.check.abstract.state import State
from tether.check.abstract.things import Factory, Session
from tether.check.abstract.values import External, Value, single
from tether.check.interpreting.flow import Activation
from tether.check.interpreting.interpreter import Interpreter
from tether.check.lowering.ops import Span
from tether.check.orm.effects import apply_effects

PACKAGE = "zope.sqlalchemy"
MANAGER = "transaction.manager"


def joined_session(interpreter: Interpreter, state: State) -> int:
    """Return the number of the Session that ends with a transaction of the package; -1 if that is not known."""
    imported = interpreter.files_used()  # others were imported by files that have nothing to do with this one
    found = {
        thing.ambient
        for things in (interpreter.base, state.things)
        for thing in things.values()
        if isinstance(thing, Factory)
        and thing.ambient >= 0
        and is_joined(interpreter, state, thing.ambient, imported)
    }
    return found.pop() if len(found) == 1 else -1


def is_joined(interpreter: Interpreter, state: State, number: int, files: Collection[str]) -> bool:
    """Return whether the module that makes a registry's Session, one of *files*, has it joined by zope.sqlalchemy."""
    session = state.get(number, Session)
    if session is None or session.made is None:
        return False
    module = interpreter.project.module(session.made.module)
    if module.path not in files:
        return False
    bindings = (binding for bound in module.facts.names.values() for binding in bound)
    imported = any(
        binding.kind == "import" and f"{binding.module}.".startswith(f"{PACKAGE}.") for binding in bindings
    )
    return imported and not any("keep_session" in line for line in module.lines)


def ends_transaction(
    interpreter: Interpreter, activation: Activation, span: Span, state: State, value: Value, *, raised: bool
) -> bool:
    """Enter or leave ``with transaction.manager:``; False if *value* is any other context manager."""
    atom = single(value)
    if not isinstance(atom, External) or interpreter.canonical(atom.name) != MANAGER:
        return False
    row, number = interpreter.row(MANAGER), joined_session(interpreter, state)
    if row is not None and number >= 0:
        effects = row.failing if raised else row.leaving
        apply_effects(interpreter, activation, span, state, effects, number, {}, row, raised=raised)
    return True
