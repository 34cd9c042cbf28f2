"""Calls that only write to a log. They raise nothing: what goes wrong in a handler of the log stays there."""

from __future__ import annotations

from tether.check.lowering import ops
from tether.check.lowering.definitions import definitions

WRITING = frozenset(
    {"debug", "info", "warning", "warn", "error", "exception", "critical", "fatal", "log", "trace", "success"}
)


def only_logs(body: ops.Body, call: ops.Call) -> bool:
    """Return whether a call is ``logger.error(...)``, by its name and that of what it is a method of."""
    defined = definitions(body)
    method = defined.get(call.function)
    if not isinstance(method, ops.GetAttribute) or method.name not in WRITING:
        return False
    holder = defined.get(method.of)
    return isinstance(holder, ops.Load | ops.GetAttribute) and is_named_like_a_log(holder.name)


def is_named_like_a_log(name: str) -> bool:
    """Return whether a variable is called ``log``, ``logger``, ``LOG``, ``_logger``, ``audit_log``."""
    return name.lower().strip("_").endswith(("log", "logger", "logging"))
