"""``match``: each pattern becomes tests and bindings."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any

from tether.check.lowering.graph import Draft, Exit
from tether.check.lowering.ops import NONE, GetAttribute, GetItem, Load, Register, Span, Store, Unpack
from tether.check.lowering.targets import Targets

# What a pattern binds once all of it has matched: names, with the register of the value.
Captures = dict[str, Register]


class Patterns(Targets):
    """Writes ``match`` statements."""

    def statements(self, body: Sequence[ast.stmt]) -> None:
        """Write a suite."""
        raise NotImplementedError

    def match(self, node: ast.Match) -> None:
        """Write a ``match`` statement: its cases in order, nothing where none of them fits."""
        subject = self.expression(node.subject)
        ends: list[Draft | None] = []
        for case in node.cases:
            if self.here is None:
                break
            captures: Captures = {}
            failed = self._pattern(case.pattern, subject, captures)
            for name, value in captures.items():
                self.store(name, value, self.source.span(case.pattern))
            if case.guard is not None:
                yes, no = self.branches(case.guard)
                failed += no
                self.meet(yes)
            self.statements(case.body)
            ends.append(self.here)
            self.meet(failed)
        self.join([*ends, self.here])

    def _pattern(self, pattern: ast.pattern, subject: Register, captures: Captures) -> list[Exit]:
        """Write the tests of a pattern and go on where it matches; return the branches where it does not."""
        return _PATTERNS[type(pattern)](self, pattern, subject, captures)

    def _value(self, pattern: ast.MatchValue, subject: Register, _captures: Captures) -> list[Exit]:
        return self._demand("==", subject, self.expression(pattern.value), span=self.source.span(pattern))

    def _singleton(self, pattern: ast.MatchSingleton, subject: Register, _captures: Captures) -> list[Exit]:
        span = self.source.span(pattern)
        return self._demand("is", subject, self.constant(pattern.value, span), span=span)

    def _capture(self, pattern: ast.MatchAs, subject: Register, captures: Captures) -> list[Exit]:
        failed = [] if pattern.pattern is None else self._pattern(pattern.pattern, subject, captures)
        if pattern.name is not None:
            captures[pattern.name] = subject
        return failed

    def _demand(self, operator: str, *operands: Register, span: Span) -> list[Exit]:
        """Write a test and go on where it is true; return the branches where it is not."""
        yes, no = self.branch(self.operate(operator, *operands, span=span), span)
        self.meet(yes)
        return no

    def _sequence(self, pattern: ast.MatchSequence, subject: Register, captures: Captures) -> list[Exit]:
        span = self.source.span(pattern)
        stars = [place for place, part in enumerate(pattern.patterns) if isinstance(part, ast.MatchStar)]
        length = len(pattern.patterns) - len(stars)
        failed = self._demand("is sequence", subject, span=span)
        if length or not stars:
            operator = "length >=" if stars else "length =="
            failed += self._demand(operator, subject, self.constant(length, span), span=span)
        parts = tuple([self.register() for _ in pattern.patterns])
        if parts:
            self.emit(Unpack(parts, subject, stars[0] if stars else -1, span))
        for part, value in zip(pattern.patterns, parts, strict=True):
            if not isinstance(part, ast.MatchStar):
                failed += self._pattern(part, value, captures)
            elif part.name is not None:
                captures[part.name] = value
        return failed

    def _mapping(self, pattern: ast.MatchMapping, subject: Register, captures: Captures) -> list[Exit]:
        span = self.source.span(pattern)
        failed = self._demand("is mapping", subject, span=span)
        keys = [self.expression(key) for key in pattern.keys]
        for key in keys:
            failed += self._demand("in", key, subject, span=span)
        for key, part in zip(keys, pattern.patterns, strict=True):
            value = self.register()
            self.emit(GetItem(value, subject, key, self.source.span(part)))
            failed += self._pattern(part, value, captures)
        if pattern.rest is not None:
            captures[pattern.rest] = self.operate("without", subject, *keys, span=span)
        return failed

    def _class_pattern(self, pattern: ast.MatchClass, subject: Register, captures: Captures) -> list[Exit]:
        span = self.source.span(pattern)
        expected = self.expression(pattern.cls)
        failed = self._demand("isinstance", subject, expected, span=span)
        for position, part in enumerate(pattern.patterns):
            place = self.source.span(part)
            number = self.constant(position, place)
            failed += self._demand("has argument", subject, expected, number, span=place)
            value = self.operate("argument", subject, expected, number, span=place)
            failed += self._pattern(part, value, captures)
        for name, part in zip(pattern.kwd_attrs, pattern.kwd_patterns, strict=True):
            place = self.source.span(part)
            failed += self._demand("has attribute", subject, self.constant(name, place), span=place)
            value = self.register()
            self.emit(GetAttribute(value, subject, name, place))
            failed += self._pattern(part, value, captures)
        return failed

    def _alternatives(self, pattern: ast.MatchOr, subject: Register, captures: Captures) -> list[Exit]:
        """``a | b``: all alternatives bind the same names, through a variable for each."""
        span = self.source.span(pattern)
        temporaries: dict[str, str] = {}
        ends: list[Draft | None] = []
        failed: list[Exit] = []
        for part in pattern.patterns:
            self.meet(failed) if failed else None
            found: Captures = {}
            failed = self._pattern(part, subject, found)
            for name, value in found.items():
                temporary = temporaries.setdefault(name, "") or self.temporary()
                temporaries[name] = temporary
                self.emit(Store(temporary, "local", value, "", span))
            ends.append(self.here)
            self.here = None
        self.join(ends)
        for name, temporary in temporaries.items():
            value = self.register()
            self.emit(Load(value, temporary, "local", span))
            captures[name] = value
        return [(draft, NONE) for draft, _ in failed]


_PATTERNS: dict[type[ast.AST], Callable[[Patterns, Any, Register, Captures], list[Exit]]] = {
    ast.MatchValue: Patterns._value,
    ast.MatchSingleton: Patterns._singleton,
    ast.MatchSequence: Patterns._sequence,
    ast.MatchMapping: Patterns._mapping,
    ast.MatchClass: Patterns._class_pattern,
    ast.MatchOr: Patterns._alternatives,
    ast.MatchAs: Patterns._capture,
}
