"""``defaultdict(list)``: whatever key is asked for, there is a collection that takes elements."""

from __future__ import annotations

from typing import Any

from tether.check.abstract.changing import replace
from tether.check.abstract.state import State
from tether.check.abstract.things import Collection
from tether.check.abstract.values import NOTHING, External, Ref, Value, one, single
from tether.check.interpreting.interpreter import Interpreter
from tether.check.python.builtin import builtin, copied

KINDS = {"builtins.list": "list", "builtins.set": "set", "collections.deque": "list"}


@builtin("collections.defaultdict")
def call_defaultdict(interpreter: Interpreter, site: Any, state: State, _function: External) -> Value | None:
    """A dictionary whose values are collections; all of them are taken for one."""
    factory = single(site.positional[0] if site.positional else NOTHING)
    kind = KINDS.get(factory.name, "") if isinstance(factory, External) else ""
    if not kind or len(site.positional) > 1 or site.named:
        return copied(interpreter, replace(site, positional=site.positional[1:]), state, "list")
    where = site.activation.where(site.span)
    inner = interpreter.number(site.activation, site.op.to, "each value")
    number = interpreter.number(site.activation, site.op.to, "copy")
    state.things[inner] = Collection(kind=kind, items={}, made=where)
    state.things[number] = Collection(kind="dict", element=one(Ref(inner)), items={}, made=where)
    return one(Ref(number))
