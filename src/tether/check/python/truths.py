"""What counts as true in a test, with what the state knows of it."""

from __future__ import annotations

from typing import Any

from tether.check.abstract.state import State
from tether.check.abstract.things import Instance
from tether.check.abstract.values import Class, Ref, one, truth
from tether.check.interpreting.arguments import whole
from tether.check.interpreting.interpreter import Interpreter
from tether.check.orm.subjects import CALLERS
from tether.check.python.methods import ancestors, class_member

KNOWN = ("sqlalchemy.", "sqlmodel.", "flask_sqlalchemy.", "builtins.")
ASKED = ("__bool__", "__len__")
# Flags of an instance that may be None after all: asked for by its key, or a parameter that may have been left out.
NOT_SURE = frozenset({"perhaps", CALLERS})


def truth_in(interpreter: Interpreter, state: State, atom: Any) -> bool | None:
    """Return whether an atom counts as true: ``*args`` and ``**kwargs`` by what is in them, and a row that is there."""
    if not isinstance(atom, Ref):
        return truth(atom)
    held = whole(state, one(atom))
    if held is not None:
        return bool(held)
    instance = state.get(atom.id, Instance)
    if instance is not None and instance.flags.isdisjoint(NOT_SURE) and is_plain(interpreter, instance.model):
        return True
    return None


def is_plain(interpreter: Interpreter, model: Class) -> bool:
    """Return whether no class of the project, and none from outside but SQLAlchemy's, says when it is true."""
    state = State(interpreter.base)
    return not any(class_member(interpreter, state, model, name) for name in ASKED) and all(
        isinstance(found, Class) or found.name.startswith(KNOWN) for found in ancestors(interpreter, model)
    )
