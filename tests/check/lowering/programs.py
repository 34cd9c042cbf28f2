"""Random programs for lowering, and the world they run in: everything they do is traced, much of it fails."""

from __future__ import annotations

from copy import deepcopy
from random import Random
from typing import Any

VARIABLES = ("a", "b", "c")
MOST_STEPS = 150


class FirstError(Exception):
    pass


class SecondError(Exception):
    pass


class ThirdError(FirstError):
    pass


class OutOfStepsError(BaseException):
    pass


_ANSWERS = (0, 2, 3, None, "", "text", [1, 2], [1, (2, 3)], (), {"key": 1, "other": 2})
ERRORS = ("FirstError", "SecondError", "ThirdError", "Exception", "NameError", "(FirstError, SecondError)")


class Point:
    __match_args__ = ("x", "y")

    def __init__(self, x: Any, y: Any) -> None:
        self.x, self.y = x, y

    def __repr__(self) -> str:
        return f"Point({self.x!r}, {self.y!r})"


class World:
    """What a program calls: the trace of what it did, and a plan of what each step answers or raises."""

    def __init__(self, plan: int) -> None:
        self.random = Random(plan)
        self.trace: list[str] = []

    def answer(self, what: str) -> Any:
        """Trace a step; answer a number, None, a list or a dictionary, or raise an error."""
        self.note(what)
        if len(self.trace) > MOST_STEPS:
            raise OutOfStepsError
        chance = self.random.random()
        if chance < 0.06:
            raise self.random.choice((FirstError, SecondError, ThirdError))(len(self.trace))
        return 1 if chance < 0.5 else deepcopy(self.random.choice(_ANSWERS))

    def note(self, what: str) -> None:
        """Trace a step. What a comprehension reads is local to it or not, by the version of Python."""
        self.trace.append(what.replace("UnboundLocalError", "NameError"))

    def names(self) -> dict[str, Any]:
        """Return the namespace that a program starts with."""
        world = self

        def t(label: Any, *values: Any, **named: Any) -> Any:
            answer = world.answer(f"{label} {values!r} {named!r}")
            return Point(answer, len(values)) if label % 9 == 0 else answer

        async def at(label: Any, *values: Any) -> Any:
            return t(label, *values)

        async def each(label: Any, *values: Any) -> Any:
            for value in (label, *values):
                yield t(label, value)

        def decorate(function: Any) -> Any:
            world.answer(f"decorate {function.__qualname__}")
            return function

        errors = {one.__name__: one for one in (FirstError, SecondError, ThirdError)}
        return {
            "t": t,
            "say": lambda *told: world.note(repr(told)),
            "at": at,
            "each": each,
            "M": manager_of(world),
            "Point": Point,
            "decorate": decorate,
            **errors,
        }


def manager_of(world: World) -> type:
    """Return a context manager that traces, and swallows exceptions at random."""

    class Manager:
        def __init__(self, label: Any) -> None:
            self.label = label

        def __enter__(self) -> Any:
            return world.answer(f"enter {self.label}")

        def __exit__(self, kind: type | None, raised: Any, _: Any) -> bool:
            told = kind.__name__ if kind else None
            return bool(world.answer(f"exit {self.label} {told}")) and kind is not OutOfStepsError

        async def __aenter__(self) -> Any:
            return self.__enter__()

        async def __aexit__(self, *told: Any) -> bool:
            return self.__exit__(*told)

    return Manager


class Writer:
    """Writes a random program."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.labels = 0
        self.left = 40  # statements
        self.asynchronous = False
        self.generator = False
        self.handling = False

    def program(self) -> str:
        """Return the source of a program: functions, and calls of them at the level of the module."""
        lines = ["a = b = c = 1"]
        for name in ("f", "g", "i"):
            lines += self.function(name, 0)
            call = f"t({self.label()}, {name}(1), {name}(2), {name}(None))"
            lines += [
                "try:",
                f"    {call}",
                "except Exception as e:",
                f"    say({self.label()}, type(e).__name__)",
            ]
        lines += self.suite(0, loop=False, function=False)
        return "\n".join(lines) + "\n"

    def label(self) -> int:
        self.labels += 1
        return self.labels

    # ------------------------------------------------------------------ expressions

    def expression(self, depth: int = 2) -> str:
        if depth <= 0:
            return self.leaf()
        kind = self.random.choice(_EXPRESSIONS)
        parts = [self.expression(depth - 1) for _ in range(3)]
        return kind(self, *parts)

    def leaf(self) -> str:
        choice = self.random.randrange(5)
        if choice == 0:
            return self.random.choice(VARIABLES)
        if choice == 1:
            return self.random.choice(("0", "1", "2", "None", "True", "'text'"))
        return self.step()

    def step(self) -> str:
        if self.asynchronous and self.random.random() < 0.4:
            return f"(await at({self.label()}))"
        if self.generator and self.random.random() < 0.2:
            return f"(yield t({self.label()}))"
        return f"t({self.label()})"

    def comprehension(self, *parts: str) -> str:
        form = self.random.choice((
            "[t({0}, {v}, {1}) for {v} in ({2}, {3})]",
            "[{1} for {v} in (1, 2) if {2} for {w} in ({v}, {3})]",
            "{{{v}: {1} for {v} in (1, 2)}}",
            "[(lambda: {v})() for {v} in (1, {3}) if t({0})]",
            "[{w} for {v} in (1, 2) if ({w} := t({0}, {v}))]",
            "sum(1 for {v} in (1, 2) if t({0}, {v}))",
        ))  # fmt: skip
        if self.generator or self.asynchronous:
            parts = ("1", "2", "3")
        variable, other = self.random.sample(VARIABLES, 2)
        if ":=" in form and self.in_class:
            return "0"
        return form.format(self.label(), *parts, v=variable, w=other)

    in_class = False

    # ------------------------------------------------------------------ statements

    def suite(self, indent: int, *, loop: bool, function: bool) -> list[str]:
        lines: list[str] = []
        for _ in range(self.random.randint(1, 3)):
            lines += self.statement(indent, loop=loop, function=function)
        return lines

    def statement(self, indent: int, *, loop: bool, function: bool) -> list[str]:
        self.left -= 1
        pad = "    " * indent
        compound = self.left > 0 and indent < 5 and self.random.random() < 0.6
        if compound:
            return self.random.choice(_COMPOUND)(self, indent, loop, function)
        choices = [
            lambda: f"{self.random.choice(VARIABLES)} = {self.expression()}",
            lambda: f"{self.expression()}",
            lambda: f"{self.random.choice(VARIABLES)} += {self.expression(1)}",
            lambda: f"a, *b = {self.expression(1)}, {self.expression(1)}, 3",
            lambda: f"(a, b), c = {self.expression(1)}, {self.expression(1)}",
            lambda: f"assert {self.expression()}, {self.expression(1)}",
            lambda: f"{self.step()}",
            lambda: f"a = {self.step()}",
            lambda: f"b = 1; t({self.label()}, b); del b; b = 1",
            lambda: (
                f"raise {self.random.choice(('FirstError', 'SecondError(1)', 'ThirdError(2)', self.step()))}"
            ),
            lambda: f"a = [1, 2, 3]; a[t({self.label()})] = {self.expression(1)}; b = a[0:2]",
            lambda: f"c = Point(1, 2); c.x += {self.expression(1)}; c.y = c.x; del c.x",
            lambda: f"b: int = {self.expression(1)}",
            lambda: "pass",
        ]
        if self.handling:  # elsewhere it raises what a function around this one handles
            choices += [lambda: "raise"] * 3
        if loop:
            choices += [lambda: "break", lambda: "continue"] * 2
        if function:
            value = "" if self.asynchronous and self.generator else self.expression(1)
            choices += [lambda: f"return {value}"] * 2
        return [pad + self.random.choice(choices)()]

    def block(self, header: str, indent: int, *, loop: bool, function: bool) -> list[str]:
        return ["    " * indent + header, *self.suite(indent + 1, loop=loop, function=function)]

    def if_(self, indent: int, loop: bool, function: bool) -> list[str]:
        lines = self.block(f"if {self.expression()}:", indent, loop=loop, function=function)
        if self.random.random() < 0.4:
            lines += self.block(f"elif {self.expression()}:", indent, loop=loop, function=function)
        if self.random.random() < 0.5:
            lines += self.block("else:", indent, loop=loop, function=function)
        return lines

    def while_(self, indent: int, loop: bool, function: bool) -> list[str]:
        header = self.random.choice((f"while t({self.label()}) and {self.expression(1)}:", "while True:"))
        lines = self.block(header, indent, loop=True, function=function)
        lines.insert(1, f"{'    ' * (indent + 1)}t({self.label()})")
        if self.random.random() < 0.4:
            lines += self.block("else:", indent, loop=loop, function=function)
        return lines

    def for_(self, indent: int, loop: bool, function: bool) -> list[str]:
        header = (
            f"for {self.random.choice(('a', 'b', 'a, b'))} in ({self.expression(1)}, {self.expression(1)}):"
        )
        if self.asynchronous and self.random.random() < 0.4:
            header = f"async for a in each({self.label()}, {self.expression(1)}):"
        lines = self.block(header, indent, loop=True, function=function)
        if self.random.random() < 0.4:
            lines += self.block("else:", indent, loop=loop, function=function)
        return lines

    def try_(self, indent: int, loop: bool, function: bool) -> list[str]:
        lines = self.block("try:", indent, loop=loop, function=function)
        clauses = self.random.randrange(3)
        for _ in range(clauses):
            # Where an exception leaves the clause, Python deletes the name; op graphs do not, so nothing else reads it.
            name = self.random.choice(("", " as e"))
            header = f"except {self.random.choice(ERRORS)}{name}:"
            before, self.handling = self.handling, True
            clause = self.block(header, indent, loop=loop, function=function)
            self.handling = before
            if name:
                clause.insert(1, f"{'    ' * (indent + 1)}t({self.label()}, type(e).__name__)")
            lines += clause
        if clauses and self.random.random() < 0.3:
            lines += self.block("else:", indent, loop=loop, function=function)
        if not clauses or self.random.random() < 0.4:
            lines += self.block("finally:", indent, loop=loop, function=function)
        return lines

    def with_(self, indent: int, loop: bool, function: bool) -> list[str]:
        items = [f"M({self.label()})", f"M({self.step()}) as {self.random.choice(VARIABLES)}"]
        chosen = ", ".join(items[: self.random.randint(1, 2)])
        word = "async with" if self.asynchronous and self.random.random() < 0.5 else "with"
        return self.block(f"{word} {chosen}:", indent, loop=loop, function=function)

    def match_(self, indent: int, loop: bool, function: bool) -> list[str]:
        pad = "    " * (indent + 1)
        lines = ["    " * indent + f"match {self.expression(1)}:"]
        for _ in range(self.random.randint(1, 3)):
            guard = self.random.choice(("", "", f" if {self.expression(1)}"))
            lines.append(f"{pad}case {self.random.choice(PATTERNS)}{guard}:")
            lines += self.suite(indent + 2, loop=loop, function=function)
        return lines

    def function(self, name: str, indent: int) -> list[str]:
        """Return a function that takes one argument, of any kind; a call of it is traced."""
        before = self.asynchronous, self.generator, self.in_class, self.handling
        self.asynchronous, self.generator = self.random.random() < 0.3, self.random.random() < 0.3
        self.in_class = self.handling = False
        pad = "    " * indent
        lines = [pad + "@decorate"] if self.random.random() < 0.3 else []
        word = "async def" if self.asynchronous else "def"
        lines.append(f"{pad}{word} {name}(a={self.leaf_outside()}, *b, c={self.leaf_outside()}, **d):")
        lines += self.suite(indent + 1, loop=False, function=True)
        if self.generator:
            lines.append(f"{pad}    yield t({self.label()})")
        finish = {
            (False, False): "",
            (False, True): "list",
            (True, False): "run",
            (True, True): "run_all",
        }[self.asynchronous, self.generator]
        if finish:
            lines.append(f"{pad}{name}_ = {name}")
            lines.append(f"{pad}{name} = lambda x, *, f={name}_: {finish}(f(x))")
        self.asynchronous, self.generator, self.in_class, self.handling = before
        return lines

    def leaf_outside(self) -> str:
        return self.random.choice((f"t({self.label()})", "1"))

    def nested(self, indent: int, loop: bool, function: bool) -> list[str]:
        pad = "    " * indent
        call = [f"{pad}{self.random.choice(VARIABLES)} = h({self.step()})"]
        lines = self.function("h", indent)
        word = "nonlocal" if function else "global"
        position = next(at for at, line in enumerate(lines) if "def h(" in line)
        if self.random.random() < 0.5:
            lines[position] = lines[position].replace("(a=", "(x=").replace("*b, c=", "*y, z=")
            # both names must be bound around a nested function that declares them
            inner = f"{pad}    {word} {self.random.choice(VARIABLES)}"
            lines.insert(position + 1, inner)
        return [*lines, *call]

    def class_(self, indent: int, loop: bool, function: bool) -> list[str]:
        pad = "    " * indent
        before, self.in_class = self.in_class, True
        handling, self.handling = self.handling, False
        asynchronous, self.asynchronous = self.asynchronous, False
        generator, self.generator = self.generator, False
        lines = self.block("class K(Point):", indent, loop=False, function=False)
        lines += [f"{pad}    __p = {self.step()}"]
        lines += [f"{pad}    def m(self, a): return self.__p, super().__repr__(), __class__.__name__, a"]
        self.in_class, self.asynchronous, self.generator = before, asynchronous, generator
        self.handling = handling
        return [*lines, f"{pad}t({self.label()}, K(1, 2).m({self.step()}))"]


PATTERNS = (
    "None", "1 | 2", "[1, a]", "[1, *b]", "[_, (a, b)]", "{'key': a}", "{'key': 1, **c}", "'text' | ''", "int(a)",
    "str() as b", "Point(a, b)", "Point(y=c)", "[a] | [_, a]", "[]", "{}", "list(a) | dict(a)", "Point(None, _)",
    "True | None",
)  # fmt: skip
_EXPRESSIONS = (
    lambda w, x, y, z: w.leaf(),
    lambda w, x, y, z: f"({x} and {y})",
    lambda w, x, y, z: f"({x} or {y} or {z})",
    lambda w, x, y, z: f"(not {x} and {y})",
    lambda w, x, y, z: f"(({x} or not {y}) and {z})",
    lambda w, x, y, z: f"({x} if {y} else {z})",
    lambda w, x, y, z: f"({x} is {y} is not {z})",
    lambda w, x, y, z: f"({x} == {y})",
    lambda w, x, y, z: f"({x} < {y} < {z})",
    lambda w, x, y, z: f"(a := {x})" if not w.in_class else x,
    lambda w, x, y, z: f"t({w.label()}, {x}, *[{y}], {z}, key={x}, **{{'more': {y}}})",
    lambda w, x, y, z: f"f'{{{x}!r:>3}}-{{{y}}}'".replace("'text'", "1") if "'" not in x + y else x,
    lambda w, x, y, z: f"({x}, *[{y}, {z}])",
    lambda w, x, y, z: f"{{'key': {x}, **{{'other': {y}}}}}",
    lambda w, x, y, z: f"[{x}, {y}][t({w.label()})]",
    lambda w, x, y, z: f"(lambda a, b={x}: t({w.label()}, a, b))({y})",
    lambda w, x, y, z: f"(-{x} + {y})",
    lambda w, x, y, z: w.comprehension(x, y, z),
    lambda w, x, y, z: f"Point({x}, {y}).x",
)
_COMPOUND = (
    Writer.if_, Writer.if_, Writer.while_, Writer.for_, Writer.for_, Writer.try_, Writer.try_, Writer.try_,
    Writer.with_, Writer.with_, Writer.match_, Writer.nested, Writer.class_,
)  # fmt: skip
