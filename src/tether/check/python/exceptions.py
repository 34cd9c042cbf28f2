"""What a handler of exceptions begins with."""

from __future__ import annotations

from tether.check.abstract.state import UNRECOVERED, State
from tether.check.abstract.values import UNKNOWN
from tether.check.interpreting.flow import CANCELLED, DATABASE_ERROR, EXITS, FLUSH_ERROR, RAISED, Activation
from tether.check.interpreting.interpreter import Interpreter, step
from tether.check.lowering import ops

# Ends of the names of errors that come from a database, and nothing else.
DATABASE_ERRORS = (
    "IntegrityError", "OperationalError", "SQLAlchemyError", "DBAPIError", "DatabaseError", "StaleDataError",
    "DataError", "ProgrammingError", "InterfaceError", "StatementError", "UniqueViolation",
    "FlushError", "NoResultFound",
    "MultipleResultsFound",
)  # fmt: skip


# Of those, what a query raises about its rows; no flush does.
ABOUT_ROWS = ("NoResultFound", "MultipleResultsFound")

TAKING_EXITS = (*EXITS, "BaseException")

# Built-in errors that no database call raises.
OTHER_ERRORS = frozenset({
    "ValueError", "KeyError", "TypeError", "AttributeError", "IndexError", "ImportError", "ModuleNotFoundError",
    "StopIteration", "FileNotFoundError", "OSError", "UnicodeDecodeError", "ZeroDivisionError", "AssertionError",
    "NotImplementedError", "RecursionError", "KeyboardInterrupt", "SystemExit", "GeneratorExit", "LookupError",
    "CancelledError", "asyncio.CancelledError",
})  # fmt: skip

# Libraries whose exceptions are about requests and about what came with them.
WITHOUT_DATABASE = frozenset({
    "werkzeug", "flask", "starlette", "fastapi", "pyramid", "tornado", "aiohttp", "requests", "httpx", "urllib3",
    "urllib", "http", "json", "pydantic", "pydantic_core", "marshmallow", "wtforms", "jsonschema", "jwt", "click",
    "typer", "yaml", "botocore", "subprocess",
})  # fmt: skip


@step(ops.Caught)
def run_caught(interpreter: Interpreter, activation: Activation, op: ops.Caught, state: State) -> list[State]:
    """An ``except`` clause begins: from here on this is a path of its own."""
    of_database = DATABASE_ERROR in state.path
    if op.types and all(name.endswith(DATABASE_ERRORS) for name in op.types) and not of_database:
        return []
    if CANCELLED in state.path and op.types and not any(name.endswith(TAKING_EXITS) for name in op.types):
        return []
    if FLUSH_ERROR in state.path and op.types and all(name.endswith(ABOUT_ROWS) for name in op.types):
        return []
    if of_database and op.types and all(is_another_error(interpreter, activation, name) for name in op.types):
        return []
    state.registers[op.to] = UNKNOWN
    error = FLUSH_ERROR if FLUSH_ERROR in state.path else DATABASE_ERROR if of_database else ""
    handler = (activation.context, activation.module, activation.index, op.span[0], error)
    passed = {handler, UNRECOVERED} if error == FLUSH_ERROR else {handler}
    state.path = (state.path - {DATABASE_ERROR, FLUSH_ERROR, RAISED, CANCELLED}) | passed
    return [state]


def is_another_error(interpreter: Interpreter, activation: Activation, name: str) -> bool:
    """Return whether no error of a database is of this type: a built-in one, or a class of the program's own."""
    if name in OTHER_ERRORS:
        return True
    found = interpreter.project.resolve(activation.module, name) if name else None
    if found is not None and found.kind == "external":
        return found.name.partition(".")[0] in WITHOUT_DATABASE
    return found is not None and found.kind == "class" and not found.rest


@step(ops.Raised)
def run_raised(
    _interpreter: Interpreter, _activation: Activation, op: ops.Raised, state: State
) -> list[State]:
    """An exception is on its way."""
    state.registers[op.to] = UNKNOWN
    return [state]
