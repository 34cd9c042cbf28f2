"""Loops, ``with`` and ``try``: where control goes, and what is done on each way out."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

from tether.check.lowering.graph import Draft
from tether.check.lowering.ops import (
    NONE,
    Caught,
    Delete,
    Enter,
    Exit,
    Next,
    Raise,
    Raised,
    Register,
    Span,
    Store,
)
from tether.check.lowering.patterns import Patterns
from tether.check.lowering.text import dotted

_TAKES_ALL = {"BaseException", "Exception", "builtins.BaseException", "builtins.Exception"}


class Loop:
    """A loop around this place: where ``continue`` goes, and the blocks that end in ``break``."""

    def __init__(self, head: Draft, handler: int) -> None:
        self.head = head
        self.handler = handler
        self.breaks: list[Draft | None] = []


class Finally:
    """A ``finally`` around this place: each way out of it goes through a copy of its body."""

    def __init__(self, body: list[ast.stmt], handler: int) -> None:
        self.body = body
        self.handler = handler


class With:
    """A ``with`` around this place: each way out of it goes through an Exit."""

    def __init__(self, leave: Exit, handler: int) -> None:
        self.leave = leave
        self.handler = handler


class Handling:
    """An exception is being handled here: what ``raise`` alone raises, and the name to delete at the end."""

    def __init__(self, exception: Register, delete: Delete | None, handler: int) -> None:
        self.exception = exception
        self.delete = delete
        self.handler = handler


class Flow(Patterns):
    """Writes the statements that decide where control goes."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.ways: list[Loop | Finally | With | Handling] = []

    # ------------------------------------------------------------------ ways out

    def leave(self, depth: int) -> None:
        """Write what is done on the way out of all that is around this place, down to *depth*."""
        ways, handler = self.ways, self.handler
        while len(self.ways) > depth and self.here is not None:
            way = self.ways[-1]
            self.ways = self.ways[:-1]
            if isinstance(way, Finally):
                self.guard(way.handler)
                self.statements(way.body)
            elif isinstance(way, With):
                self.guard(way.handler)
                self.emit(way.leave)
            elif isinstance(way, Handling):
                self._unbind(way)
        self.ways, self.handler = ways, handler

    def _loop_around(self) -> tuple[int, Loop] | None:
        """Return the innermost loop, with its place among the ways."""
        for depth in reversed(range(len(self.ways))):
            way = self.ways[depth]
            if isinstance(way, Loop):
                return depth, way
        return None  # outside a loop it is a syntax error, which `ast.parse` lets pass

    def break_(self, _node: ast.Break) -> None:
        """Write ``break``."""
        if found := self._loop_around():
            self.leave(found[0] + 1)
            found[1].breaks.append(self.here)
        self.here = None

    def continue_(self, _node: ast.Continue) -> None:
        """Write ``continue``."""
        if found := self._loop_around():
            self.leave(found[0] + 1)
            self.go(found[1].head)
        self.here = None

    def exception_here(self) -> Register:
        """Return the register of the exception that is being handled at this place; NONE for none."""
        handled = [way.exception for way in self.ways if isinstance(way, Handling)]
        return handled[-1] if handled else NONE

    # ------------------------------------------------------------------ loops

    def for_(self, node: ast.For | ast.AsyncFor) -> None:
        """Write a ``for`` loop."""
        iterator = self.iterate(node.iter, asynchronous=isinstance(node, ast.AsyncFor))
        head = self.block()
        self.start(head)
        element = self.register()
        self.emit(Next(element, iterator, self.source.span(node.target)))
        body, after = self.block(), self.block()
        head.then = (body.index, after.index)
        self.here = body
        loop = Loop(head, self.handler)
        self.ways.append(loop)
        self.assign(node.target, element)
        self.statements(node.body)
        self.go(head)
        self._after_loop(loop, [after], node.orelse)

    def while_(self, node: ast.While) -> None:
        """Write a ``while`` loop; ``while True`` has no test."""
        head = self.block()
        self.start(head)
        over: list[Draft | None] = []
        if not (isinstance(node.test, ast.Constant) and node.test.value):
            yes, no = self.branches(node.test)
            over = [draft for draft, _ in no]
            self.meet(yes)
        loop = Loop(head, self.handler)
        self.ways.append(loop)
        self.statements(node.body)
        self.go(head)
        self._after_loop(loop, over, node.orelse)

    def _after_loop(self, loop: Loop, over: list[Draft | None], orelse: list[ast.stmt]) -> None:
        """Write the ``else`` of a loop, and go on where it and the breaks meet."""
        self.ways.pop()
        self.join(over)
        self.statements(orelse)
        self.join([self.here, *loop.breaks])

    # ------------------------------------------------------------------ with

    def with_(self, items: Sequence[ast.withitem], body: list[ast.stmt], *, asynchronous: bool) -> None:
        """Write ``with`` of several items, each inside the one before it."""
        if not items:
            self.statements(body)
            return
        item, outer = items[0], self.handler
        manager, value = self.expression(item.context_expr), self.register()
        span = self.source.between(item.context_expr, item.optional_vars or item.context_expr)
        self.emit(Enter(value, manager, asynchronous, span))
        failure = self.block()
        self.ways.append(With(Exit(manager, asynchronous, False, span), outer))
        self.guard(failure.index)
        if item.optional_vars is not None:
            self.assign(item.optional_vars, value)
        self.with_(items[1:], body, asynchronous=asynchronous)
        self.ways.pop()
        self.guard(outer)
        self.emit(Exit(manager, asynchronous, False, span))
        done, self.here = self.here, failure
        exception = self._raised(span)
        self.emit(Exit(manager, asynchronous, True, span))
        again, after = self.block(), self.block()
        failure.then = (again.index, after.index)
        self.here = again
        self.emit(Raise(exception, span))
        self.join([done, after])

    def _raised(self, span: Span) -> Register:
        """Write the beginning of an exception's way; return its register."""
        exception = self.register()
        self.emit(Raised(exception, span))
        return exception

    # ------------------------------------------------------------------ try

    def try_(self, node: ast.Try | ast.TryStar) -> None:
        """Write ``try``: the ``finally`` goes around all the rest of it."""
        if not node.finalbody:
            self._try_except(node)
            return
        outer = self.handler
        failure = self.block()
        self.ways.append(Finally(node.finalbody, outer))
        self.guard(failure.index)
        self._try_except(node)
        self.ways.pop()
        self.guard(outer)
        self.statements(node.finalbody)
        done, self.here = self.here, failure
        span = self.source.span(node.finalbody[0])
        exception = self._raised(span)
        self.ways.append(Handling(exception, None, outer))
        self.statements(node.finalbody)
        self.ways.pop()
        self.emit(Raise(exception, span))
        self.here = done

    def _try_except(self, node: ast.Try | ast.TryStar) -> None:
        """Write the body, the clauses and the ``else`` of a ``try``."""
        if not node.handlers:
            self.statements(node.body)
            return
        outer = self.handler
        dispatch = self.block()
        self.guard(dispatch.index)
        self.statements(node.body)
        self.guard(outer)
        self.statements(node.orelse)
        if isinstance(node, ast.TryStar):
            self._groups(node, dispatch)
        else:
            self._clauses(node, dispatch)

    def _clauses(self, node: ast.Try, dispatch: Draft) -> None:
        ends = [self.here]
        for clause in node.handlers:
            self.here = self.block()
            dispatch.then += (self.here.index,)
            takes_all = self._clause(clause)
            ends.append(self.here)
            if takes_all:
                break
        else:
            dispatch.then += (self._again(node),)
        self.join(ends)

    def _groups(self, node: ast.TryStar, dispatch: Draft) -> None:
        """``except*``: one group may go through several clauses."""
        done = self.here
        for clause in node.handlers:
            taken, following = self.block(), self.block()
            dispatch.then = (taken.index, following.index)
            self.here = taken
            self._clause(clause)
            self.go(following)
            dispatch = following
        after = self.block()
        dispatch.then = (after.index, self._again(node))
        self.join([done, after])

    def _again(self, node: ast.Try | ast.TryStar) -> int:
        """Write the block of an exception that no clause took; return its number."""
        self.here = block = self.block()
        span = self.source.span(node.handlers[-1])
        span = (*span[:2], span[0], span[1] + len("except") - 1)
        self.emit(Raise(self._raised(span), span))
        self.here = None
        return block.index

    def _clause(self, clause: ast.ExceptHandler) -> bool:
        """Write one ``except`` clause; return True if it takes every exception."""
        types = self._types(clause.type)
        exception, span = self.register(), self.source.span(clause)
        header = self.source.span(clause.type) if clause.type is not None else (*span[:2], *span[:2])
        span = (*span[:2], *header[2:])
        self.emit(Caught(exception, types, span))
        delete = None
        if clause.name is not None:
            name, scope = self.scope.resolve(clause.name)
            self.emit(Store(name, scope, exception, "", span))
            delete = Delete(name, scope, span)
        handling = Handling(exception, delete, self.handler)
        self.ways.append(handling)
        self.statements(clause.body)
        self.ways.pop()
        self._unbind(handling)
        return not types or not _TAKES_ALL.isdisjoint(types)

    def _unbind(self, way: Handling) -> None:
        """Delete the name of a clause; as in Python it is bound first, as the clause may have deleted it itself."""
        delete = way.delete
        if delete is not None:
            self.emit(Store(delete.name, delete.scope, way.exception, "", delete.span))
            self.emit(delete)

    def _types(self, node: ast.expr | None) -> tuple[str, ...]:
        """Return the dotted names of the types of an ``except`` clause."""
        if node is None:
            return ()
        if isinstance(node, ast.Tuple):
            return tuple([dotted(one) for one in node.elts]) or ("",)
        return (dotted(node),)
