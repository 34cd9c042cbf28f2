"""Is an exception already on its way? Then it explains what is lost, and tether has nothing to add."""

from __future__ import annotations

import dis
import sys
from functools import lru_cache
from itertools import islice
from types import CodeType, FrameType

from tether.watch.site import awaiting, frames_outward

_COPY = dis.opmap["COPY"]
_REACH = 30  # frames from one of our hooks to the function a framework ends a request with


def exception_in_flight() -> bool:
    """Return True while an exception propagates or is handled, also across greenlets and teardown functions.

    ``sys.exc_info()`` belongs to one greenlet, so an ``await session.rollback()`` in an ``except``
    block does not see it; the handler is then recognised in the frame of the coroutine that awaits.
    """
    if sys.exc_info()[0] is not None:
        return True
    known = awaiting.get()
    if known is not None and known[1]:
        return True
    if any(_is_given_an_error(frame) for frame in islice(frames_outward(), _REACH)):
        return True
    greenlets = sys.modules.get("greenlet")
    if greenlets is None or greenlets.getcurrent().parent is None:
        return False
    return any(
        frame.f_code.co_flags & 0x80 and _in_handler(frame.f_code, frame.f_lasti)
        for frame in frames_outward()
    )


def _is_given_an_error(frame: FrameType) -> bool:
    """Return True if a caller passes on an exception that it has caught.

    Flask turns an exception into a response, and then ends the request by functions that take the
    exception: ``teardown_appcontext(exc)``, where Flask-SQLAlchemy closes the Session.
    """
    names = _error_parameters(frame.f_code)
    if not names or frame.f_globals.get("__name__", "").startswith("tether."):  # we explain errors ourselves
        return False
    return any(isinstance(frame.f_locals.get(name), BaseException) for name in names)


@lru_cache(maxsize=1024)
def _error_parameters(code: CodeType) -> tuple[str, ...]:
    parameters = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    return tuple(name for name in parameters if "exc" in name.lower() or "err" in name.lower())


@lru_cache(maxsize=1024)
def _in_handler(code: CodeType, lasti: int) -> bool:
    """Return True if the instruction lies in an ``except`` or ``finally`` block that an exception entered.

    CPython 3.11 and later guard the body of a handler by a table entry that leads to ``COPY 3``,
    ``POP_EXCEPT``, ``RERAISE``; every other entry leads to ``PUSH_EXC_INFO``.
    """
    table = dis._parse_exception_table(code)  # type: ignore[attr-defined]
    instructions = code.co_code
    return any(
        entry.start <= lasti < entry.end and instructions[entry.target] == _COPY and entry.lasti
        for entry in table
    )


@lru_cache(maxsize=1024)
def error_is_expected(code: CodeType, lasti: int) -> bool:
    """Return True if the instruction lies in a ``try`` that has an ``except SomeError`` clause."""
    table = dis._parse_exception_table(code)  # type: ignore[attr-defined]
    targets = {entry.target for entry in table if entry.start <= lasti < entry.end}
    return any(_catches(code, target) for target in targets)


def _catches(code: CodeType, target: int) -> bool:
    """Return True if the handler at *target* compares the exception with a class, as ``except`` does."""
    instructions = code.co_code
    if instructions[target] != dis.opmap["PUSH_EXC_INFO"]:
        return False
    for index in range(target, len(instructions), 2):
        name = dis.opname[instructions[index]]
        if name in ("CHECK_EXC_MATCH", "CHECK_EG_MATCH"):
            return True
        if name in ("WITH_EXCEPT_START", "RERAISE", "POP_EXCEPT"):
            return False
    return False
