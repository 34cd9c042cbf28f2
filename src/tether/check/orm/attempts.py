"""What the program tried: where a row could not be refreshed, nobody could have read it again."""

from __future__ import annotations

from collections.abc import Mapping

from tether.check.abstract.changing import replace
from tether.check.abstract.state import State
from tether.check.abstract.values import Value
from tether.check.interpreting.interpreter import Interpreter
from tether.check.orm.queries import may_be
from tether.check.orm.subjects import instances_in
from tether.lifecycle.rows import Row


def note_attempt(
    interpreter: Interpreter, state: State, session: int, row: Row, arguments: Mapping[str, Value]
) -> None:
    """Note, where a call failed, of which instances it should have loaded the columns.

    A handler that goes on from there has done what can be done: the flag ``tried`` makes what is read then unsure,
    until something expires the instance once more. The row may have other names in the program.
    """
    for effect in row.effects:
        if effect.verb != "load" or effect.to != "argument" or effect.argument not in arguments:
            continue
        for given, instance in list(instances_in(state, arguments[effect.argument])):
            for number, held in [(given, instance), *state.members(session)]:
                if may_be(interpreter, held.model, instance.model):
                    state.things[number] = replace(held, flags=held.flags | {"tried"})
