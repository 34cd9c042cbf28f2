"""Sessions that live as long as the process: in a global that a function binds, or on an object that there is once.

What a module makes when it is imported is told by ``entry.shared_sessions``. Here it is what a function leaves behind.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from tether.check.abstract.state import State
from tether.check.abstract.things import OPEN, Frame, Object, Session, Where
from tether.check.abstract.values import NOTHING, Class, External, Value
from tether.check.interpreting.interpreter import Interpreter
from tether.check.lowering import ops
from tether.check.lowering.definitions import definitions
from tether.check.python.singletons import is_singleton

COMMITTING = ("commit", "flush")
# Functions that make things ready for one test, and take them down after it.
OF_TESTS = ("setup", "set_up", "asyncsetup", "teardown", "tear_down", "test")
ENDING = ("__enter__", "__exit__", "__aenter__", "__aexit__")


class Lasting(NamedTuple):
    """Where a Session is that lives as long as the process; where it is used, and committed.

    Attributes:
        place: In words: "the global x", "x, and there is one Store for the whole process".
        serialised: The object's own methods use it in ``with`` blocks of what may be a lock only.
    """

    place: str
    used: Where | None = None
    committed: Where | None = None
    serialised: bool = False


def tell_lasting(interpreter: Interpreter, name: str, index: int, state: State) -> None:
    """Tell of Sessions that a function of a module leaves behind for the rest of the process."""
    module = interpreter.project.module(name)
    body = module.bodies[index]
    if is_script(module) or is_of_tests(name, body):
        return
    for number, session, found in (
        *in_globals(interpreter, name, state),
        *on_self(interpreter, name, body, state),
    ):
        assert session.made is not None
        interpreter.tell("global session", session.made, number=number, session=session, detail=found)


def is_script(module: Any) -> bool:
    """Return whether a module is a program of its own: it asks for ``__main__``."""
    return any(
        isinstance(op, ops.Constant) and op.value == "__main__"
        for block in module.bodies[0].blocks
        for op in block.ops
    )


def reads_command_line(module: Any) -> bool:
    """Return whether a module parses the command line as soon as it runs: then nobody imports it."""
    return not is_script(module) and any(
        isinstance(op, ops.GetAttribute) and op.name in ("parse_args", "parse_known_args")
        for block in module.bodies[0].blocks
        for op in block.ops
    )


def is_of_tests(name: str, body: ops.Body) -> bool:
    """Return whether a function belongs to tests, which end soon."""
    last = name.rpartition(".")[2]
    return (
        last == "conftest"
        or last.startswith("test_")
        or body.name.lower().startswith(OF_TESTS)
        or any("fixture" in decorator for decorator in body.decorators)
    )


def kept_sessions(state: State, value: Value) -> Iterator[tuple[int, Session]]:
    """Yield the Sessions of a value that were made by the program, and may be open."""
    for number, session in state.of(value, Session):
        if (
            session.owner in ("own", "global")
            and session.sure
            and session.made
            and OPEN in session.life
            and number not in state.base
        ):
            yield number, session


# -------------------------------------------------------------------- globals


def in_globals(interpreter: Interpreter, name: str, state: State) -> Iterator[tuple[int, Session, Lasting]]:
    """Yield the Sessions that are bound to globals now, and were not when the module had been imported."""
    at = interpreter.module_frame(name)
    frame, before = state.things.get(at or -1), interpreter.base.get(at or -1)
    if not isinstance(frame, Frame) or not isinstance(before, Frame):
        return
    module = interpreter.project.module(name)
    for variable, value in frame.variables.items():
        if value == before.variables.get(variable):
            continue
        makers = [index for index, body in enumerate(module.bodies) if stores(body, variable)]
        if not makers or all(is_of_tests(name, module.bodies[index]) for index in makers):
            continue
        where = next(uses_of_global(name, module, variable, makers), None)
        for number, session in kept_sessions(state, value) if where is not None else ():
            yield number, session, Lasting(f"the global {variable}", where)


def stores(body: ops.Body, variable: str) -> bool:
    """Return whether a function binds a global."""
    return body.kind != "module" and any(
        isinstance(op, ops.Store) and op.name == variable and op.scope == "global" and op.source != ops.NONE
        for block in body.blocks
        for op in block.ops
    )


def uses_of_global(name: str, module: Any, variable: str, makers: list[int]) -> Iterator[Where]:
    """Yield where functions that do not bind a global read it, and where one that does gives it to its caller."""
    for index, body in enumerate(module.bodies):
        defined = definitions(body)
        for op in (op for block in body.blocks for op in block.ops) if body.kind != "module" else ():
            read = op if index not in makers else None
            if index in makers and isinstance(op, ops.Return | ops.Yield):
                read = defined.get(op.source)
            if isinstance(read, ops.Load) and read.name == variable and read.scope == "global":
                yield Where(name, index, *op.span)


# --------------------------------------------------------------------- objects


def on_self(
    interpreter: Interpreter, name: str, body: ops.Body, state: State
) -> Iterator[tuple[int, Session, Lasting]]:
    """Yield the Sessions that a method has put on its object, if there is one such object for the whole process."""
    module = interpreter.project.module(name)
    parent = module.bodies[body.parent] if body.parent >= 0 else None
    if parent is None or parent.kind != "class" or body.name in ENDING:
        return
    class_ = Class(name, parent.qualname)
    thing = state.things.get(interpreter.derived("self", class_))
    if not isinstance(thing, Object):
        return
    for attribute, value in thing.fields.items():
        found = [(number, session) for number, session in kept_sessions(state, value)]
        why = one_for_process(interpreter, name, body.parent, class_, state) if found else ""
        for number, session in found if why else ():
            maker = body.name if body.name != "__init__" else ""
            uses = list(uses_of_attribute(name, module, body, attribute, maker))
            used = next((where for _, where in uses), None)
            committed = next((where for member, where in uses if member in COMMITTING), None)
            if used is not None:
                place = f"`{parent.name}.{attribute}`, and {why}"
                serialised = is_serialised(module, body.parent, attribute, maker)
                yield number, session, Lasting(place, used, committed, serialised)


def one_for_process(interpreter: Interpreter, name: str, at: int, class_: Class, state: State) -> str:
    """Return in words why there is one object of a class for the whole process; "" if nothing says so."""
    module = interpreter.project.module(name)
    last = class_.qualname.rpartition(".")[2]
    if is_singleton(interpreter, class_, state):
        return f"there is one {last} for the whole process"
    for body in module.bodies:
        defined = definitions(body)
        for op in (op for block in body.blocks for op in block.ops):
            if isinstance(op, ops.Store) and (body.kind == "module" or op.scope == "global"):
                if body.kind == "module" and next(uses_of_global(name, module, op.name, []), None) is None:
                    continue
                made = defined.get(op.source)
                called = defined.get(made.function) if isinstance(made, ops.Call) else None
                if isinstance(called, ops.Load) and called.name == last:
                    return f"the global {op.name} keeps one {last} for the whole process"
            elif (
                isinstance(op, ops.Call)
                and body.parent == at
                and registers_exit(interpreter, name, defined, op)
            ):
                return f"the {last} lives until the process ends"
    return ""


def registers_exit(interpreter: Interpreter, name: str, defined: dict[int, Any], op: ops.Call) -> bool:
    """Return whether a call gives ``atexit`` a method of the object."""
    called = defined.get(op.function)
    holder = defined.get(called.of) if isinstance(called, ops.GetAttribute) else None
    if isinstance(called, ops.GetAttribute) and isinstance(holder, ops.Load):
        full = f"{holder.name}.{called.name}"
    else:
        known = interpreter.variable(name, called.name) if isinstance(called, ops.Load) else NOTHING
        full = next((atom.name for atom in known if isinstance(atom, External)), "")
    return full == "atexit.register" and any(is_on_self(defined, register) for register in op.positional)


def is_self(defined: dict[int, Any], register: int) -> bool:
    """Return whether a register is ``self``."""
    op = defined.get(register)
    return isinstance(op, ops.Load) and op.name == "self"


def is_on_self(defined: dict[int, Any], register: int, name: str = "") -> bool:
    """Return whether a register is ``self.name``; of any name if none is given."""
    op = defined.get(register)
    if not isinstance(op, ops.GetAttribute) or name not in ("", op.name):
        return False
    return is_self(defined, op.of)


def is_serialised(module: Any, parent: int, attribute: str, maker: str) -> bool:
    """Return whether methods bind and use ``self.attribute``, and what *maker* gives, in blocks of a lock only."""
    guarded = False
    for body in module.bodies:
        if body.parent != parent or attribute not in body.names | {maker} or body.name == "__init__":
            continue
        defined = definitions(body)
        for block in body.blocks:
            for op in block.ops:
                called = defined.get(op.function) if isinstance(op, ops.Call) else None
                of = defined.get(called.of) if isinstance(called, ops.GetAttribute) else None
                given = defined.get(of.function) if isinstance(of, ops.Call) else of
                used = isinstance(given, ops.GetAttribute) and given.name in {attribute, maker}
                if not used and not (isinstance(op, ops.SetAttribute) and op.name == attribute):
                    continue
                if not is_in_lock(body, block, defined):
                    return False
                guarded = True
    return guarded


def is_in_lock(body: ops.Body, block: ops.Block, defined: dict[int, Any]) -> bool:
    """Return whether a block is inside ``with`` something that was there before, as a lock is."""
    at = block.handler
    while at >= 0:
        for op in body.blocks[at].ops:
            if isinstance(op, ops.Exit) and isinstance(defined.get(op.manager), ops.GetAttribute | ops.Load):
                return True
        at = body.blocks[at].handler
    return False


def uses_of_attribute(
    name: str, module: Any, made_in: ops.Body, attribute: str, maker: str
) -> Iterator[tuple[str, Where]]:
    """Yield what is called, and where, on ``self.attribute`` in other methods, or on what the method *maker* gives."""
    for index, body in enumerate(module.bodies):
        defined = definitions(body)
        for op in (op for block in body.blocks for op in block.ops) if body is not made_in else ():
            called = defined.get(op.function) if isinstance(op, ops.Call) else None
            if not isinstance(called, ops.GetAttribute):
                continue
            of = defined.get(called.of)
            given = defined.get(of.function) if isinstance(of, ops.Call) else None
            direct = body.parent == made_in.parent and is_on_self(defined, called.of, attribute)
            asked = bool(maker) and isinstance(given, ops.GetAttribute) and given.name == maker
            if direct or asked or (maker and called.name == maker):
                yield called.name, Where(name, index, *op.span)
