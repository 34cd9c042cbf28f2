"""What decorators ask about the arguments they were given."""

from __future__ import annotations

from typing import Any

from tether.check.abstract.state import State
from tether.check.abstract.values import NOTHING, UNKNOWN, Class, External, Function, Value, constant
from tether.check.interpreting.arguments import whole
from tether.check.interpreting.interpreter import Interpreter
from tether.check.python.builtin import builtin


@builtin("builtins.len")
def call_len(_interpreter: Interpreter, site: Any, state: State, _function: External) -> Value | None:
    """``len(args)``."""
    held = whole(state, site.positional[0]) if site.positional else None
    return constant(len(held)) if held is not None else UNKNOWN


@builtin("builtins.callable")
def call_callable(_interpreter: Interpreter, site: Any, _state: State, _function: External) -> Value | None:
    """``callable(x)``."""
    atoms = site.positional[0] if site.positional else NOTHING
    known = bool(atoms) and all(isinstance(atom, Function | Class) for atom in atoms)
    return constant(True) if known else UNKNOWN
