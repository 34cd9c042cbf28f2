"""Whether a Session surely has no transaction: then nothing refers to it but the program."""

from __future__ import annotations

from tether.check.abstract.changing import replace
from tether.check.abstract.state import UNRECOVERED, State
from tether.check.abstract.things import IDLE, Session


def idle(state: State, number: int, *, sure: bool) -> None:
    """Note that a transaction ended; one that failed may live on with the traceback."""
    state.path -= {UNRECOVERED}
    session = state.get(number, Session)
    if session is not None and sure and not state.in_handler():
        state.things[number] = replace(session, must=session.must | {IDLE})


def not_idle(state: State, number: int) -> None:
    """Note that a Session may have begun a transaction."""
    session = state.get(number, Session)
    if session is not None and IDLE in session.must:
        state.things[number] = replace(session, must=session.must - {IDLE})


def is_idle(state: State, number: int) -> bool:
    """Return whether a Session surely has no transaction: nor was a row of it changed, or given away, since."""
    session = state.get(number, Session)
    return (
        session is not None
        and IDLE in session.must
        and not any(
            instance.changed or instance.touched or "escaped" in instance.flags
            for _, instance in state.members(number)
        )
    )
