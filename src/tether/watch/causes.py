"""Which of SQLAlchemy's operations is running, read off its own frames."""

from __future__ import annotations

import sys
from typing import Final

from tether.core.states import Cause

# Innermost first. `_close_impl` runs for close(), reset() and invalidate() alike, and calls expunge_all().
_BY_FUNCTION: Final = {
    "_remove_snapshot": Cause.DELETE,  # a commit detaches only what was deleted
    "_restore_snapshot": Cause.ROLLBACK,
    "_remove_newly_deleted": Cause.DELETE,
    "expunge": Cause.EXPUNGE,
    "refresh": Cause.REFRESH,
    "expire": Cause.EXPIRE,
    "expire_all": Cause.EXPIRE_ALL,
    "reset": Cause.RESET,
    "invalidate": Cause.INVALIDATE,
    "close": Cause.CLOSE,
    "make_transient": Cause.EXPUNGE,
}
_REACH: Final = 16


def running_cause() -> Cause:
    """Return SQLAlchemy's name for the operation that is running; ``Cause.UNKNOWN`` if none is known."""
    frame = sys._getframe(2)  # below are the probe and its wrapper
    inside_expunge_all = False
    for _ in range(_REACH):
        name = frame.f_code.co_name
        if name == "expunge_all":
            inside_expunge_all = True
        elif name in _BY_FUNCTION and "self" in frame.f_code.co_varnames:
            return _BY_FUNCTION[name]
        elif inside_expunge_all and name != "_close_impl":
            return Cause.EXPUNGE_ALL
        if frame.f_back is None:
            break
        frame = frame.f_back
    return Cause.EXPUNGE_ALL if inside_expunge_all else Cause.UNKNOWN
