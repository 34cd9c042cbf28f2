"""Runs an op graph on real values, so that what lowering made of a program can be compared with the program."""

from __future__ import annotations

import ast
import builtins
import importlib
import operator
import sys
import types
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from inspect import Parameter as InspectParameter
from inspect import Signature
from typing import Any

from tests.check.lowering.drivers import (
    Run,
    UncaughtError,
    drive,
    drive_async_generator,
    drive_coroutine,
    drive_generator,
)
from tether.check.lowering import lower, ops

OPERATORS: dict[str, Callable[..., Any]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
    "is": operator.is_, "is not": operator.is_not, "not": operator.not_, "~": operator.invert,
    "in": lambda value, of: value in of, "not in": lambda value, of: value not in of,
    "+": lambda a, *b: a + b[0] if b else +a, "-": lambda a, *b: a - b[0] if b else -a,
    "*": operator.mul, "/": operator.truediv, "//": operator.floordiv, "%": operator.mod, "**": operator.pow,
    "@": operator.matmul, "<<": operator.lshift, ">>": operator.rshift, "|": operator.or_, "^": operator.xor,
    "&": operator.and_,
    "+=": operator.iadd, "-=": operator.isub, "*=": operator.imul, "/=": operator.itruediv,
    "//=": operator.ifloordiv, "%=": operator.imod, "**=": operator.ipow, "@=": operator.imatmul,
    "<<=": operator.ilshift, ">>=": operator.irshift, "|=": operator.ior, "^=": operator.ixor, "&=": operator.iand,
    "!r": repr, "!s": str, "!a": ascii, "format": format, "isinstance": isinstance,
    "is sequence": lambda value: isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray),
    "is mapping": lambda value: isinstance(value, Mapping),
    "length ==": lambda value, length: len(value) == length,
    "length >=": lambda value, length: len(value) >= length,
    "has attribute": hasattr,
    "without": lambda of, *keys: {key: value for key, value in of.items() if key not in keys},
}  # fmt: skip
_MATCH_THEMSELVES = (bool, bytearray, bytes, dict, float, frozenset, int, list, set, str, tuple)


def _has_argument(value: Any, kind: type, position: int) -> bool:
    if kind in _MATCH_THEMSELVES:
        return position == 0
    return hasattr(value, kind.__match_args__[position])


def _argument(value: Any, kind: type, position: int) -> Any:
    return value if kind in _MATCH_THEMSELVES else getattr(value, kind.__match_args__[position])


OPERATORS["has argument"] = _has_argument
OPERATORS["argument"] = _argument


class Filled:
    """What stands for a generator expression: all its elements, made when it is met."""

    def __init__(self) -> None:
        self.elements: deque[Any] = deque()

    def __iter__(self) -> Filled:
        return self

    def __next__(self) -> Any:
        if not self.elements:
            raise StopIteration
        return self.elements.popleft()

    def __aiter__(self) -> Filled:
        return self

    async def __anext__(self) -> Any:
        if not self.elements:
            raise StopAsyncIteration
        return self.elements.popleft()


class Frame:
    """One call of a body."""

    def __init__(self, body: ops.Body, index: int, around: Frame | None, variables: Any) -> None:
        self.body = body
        self.index = index
        self.around = around
        self.variables = variables
        self.registers: dict[Any, Any] = {}
        self.made: type | None = None  # the class, once its body has run


class Module:
    """A module that runs as an op graph; *names* is its namespace."""

    def __init__(self, source: str, names: dict[str, Any], name: str = "graph") -> None:
        self.bodies = lower(ast.parse(source), name, False, source.splitlines())
        self.names = names
        names.setdefault("__name__", name)
        self.bound = [_bound(body) for body in self.bodies]

    def run(self) -> None:
        """Run the module."""
        frame = Frame(self.bodies[0], 0, None, {})
        drive(self.execute(frame))

    # ------------------------------------------------------------------ variables

    def load(self, frame: Frame, name: str, scope: str) -> Any:
        if scope == "free":
            return self._owner(frame, name).variables[name]
        if scope == "local":
            if name in frame.variables:
                return frame.variables[name]
            if frame.body.kind != "class":
                raise UnboundLocalError(name)
        if name == "__class__":
            return _class_around(frame)
        if name in self.names:
            return self.names[name]
        if hasattr(builtins, name):
            return getattr(builtins, name)
        raise NameError(name)

    def _owner(self, frame: Frame, name: str) -> Frame:
        around = frame.around
        while around is not None:
            if (around.body.kind != "class" or "@" in name) and name in self.bound[around.index]:
                if name not in around.variables:
                    raise NameError(name)
                return around
            around = around.around
        raise NameError(name)

    def store(self, frame: Frame, name: str, scope: str, value: Any) -> None:
        if scope == "global":
            self.names[name] = value
        elif scope == "local":
            frame.variables[name] = value
        else:
            around = frame.around
            while around is not None and name not in self.bound[around.index]:
                around = around.around
            assert around is not None
            around.variables[name] = value

    def delete(self, frame: Frame, name: str, scope: str) -> None:
        if scope == "global":
            if name not in self.names:
                raise NameError(name)
            del self.names[name]
            return
        variables = frame.variables if scope == "local" else self._owner(frame, name).variables
        if name not in variables:
            raise UnboundLocalError(name)
        del variables[name]

    # ------------------------------------------------------------------ functions and classes

    def function(self, op: ops.Function, frame: Frame) -> Any:
        body = self.bodies[op.body]
        defaults = {name: frame.registers[register] for name, register in op.defaults}
        signature = Signature([_parameter(one, defaults) for one in body.parameters])

        def start(given: tuple[Any, ...], named: dict[str, Any]) -> Run:
            bound = signature.bind(*given, **named)
            bound.apply_defaults()
            return self.execute(Frame(body, op.body, frame, dict(bound.arguments)))

        def function(*given: Any, **named: Any) -> Any:
            return drive(start(given, named))

        def generator(*given: Any, **named: Any) -> Any:
            return drive_generator(start(given, named))

        async def coroutine(*given: Any, **named: Any) -> Any:
            return await drive_coroutine(start(given, named))

        def asynchronous(*given: Any, **named: Any) -> Any:
            return drive_async_generator(start(given, named))

        kinds = {"generator": generator, "async": coroutine, "async generator": asynchronous}
        made = kinds.get(body.kind, function)
        made.__name__, made.__qualname__ = body.name, body.qualname
        made.__module__ = self.names["__name__"]
        return made

    def make_class(self, op: ops.Class, frame: Frame) -> Any:
        body = self.bodies[op.body]
        given = tuple(frame.registers[register] for register in op.bases)
        bases = types.resolve_bases(given)
        keywords = {name: frame.registers[register] for name, register in op.named}
        meta, variables, keywords = types.prepare_class(body.name, bases, keywords)
        variables["__module__"], variables["__qualname__"] = self.names["__name__"], body.qualname
        if bases is not given:
            variables["__orig_bases__"] = given
        inside = Frame(body, op.body, frame, variables)
        drive(self.execute(inside))
        inside.made = meta(body.name, bases, variables, **keywords)
        return inside.made

    # ------------------------------------------------------------------ running

    def execute(self, frame: Frame) -> Run:
        """Run a body; return what it returns. Raises Uncaught."""
        blocks, number = frame.body.blocks, 0
        while True:
            block = blocks[number]
            try:
                for op in block.ops:
                    if isinstance(op, ops.Return):
                        return None if op.source == ops.NONE else frame.registers[op.source]
                    if isinstance(op, ops.Next):
                        break
                    if asked := self._asks(op, frame):
                        frame.registers[op.to if hasattr(op, "to") else "swallowed"] = yield asked
                    elif type(op) in _STEPS:
                        value = _STEPS[type(op)](self, op, frame)
                        if isinstance(getattr(op, "to", None), int):
                            frame.registers[op.to] = value
                number = self._following(frame, block)
                if number == _ELEMENT_AWAITED:
                    number = yield from self._element(frame, block)
            except BaseException as raised:
                number = self._handler(frame, block.handler, raised)

    def _element(self, frame: Frame, block: ops.Block) -> Run:
        """Await the next element of an ``async for``; return the block that follows."""
        op = block.ops[-1]
        try:
            frame.registers[op.to] = yield ("await", frame.registers[op.iterator].iterator.__anext__())
        except StopAsyncIteration:
            return block.then[1]
        return block.then[0]

    def _asks(self, op: Any, frame: Frame) -> tuple[str, Any] | None:
        """Return what an op asks the driver for; None if it asks for nothing."""
        read = frame.registers
        if isinstance(op, ops.Await):
            return "await", read[op.source]
        if isinstance(op, ops.Yield):
            return "from" if op.delegated else "yield", None if op.source == ops.NONE else read[op.source]
        if isinstance(op, ops.Enter) and op.asynchronous:
            return "await", type(read[op.manager]).__aenter__(read[op.manager])
        if isinstance(op, ops.Exit) and op.asynchronous:
            return "await", type(read[op.manager]).__aexit__(read[op.manager], *_told(frame, op))
        return None

    def _following(self, frame: Frame, block: ops.Block) -> int:
        last = block.ops[-1] if block.ops else None
        if isinstance(last, ops.Next):
            iterator = frame.registers[last.iterator]
            if isinstance(iterator, _Asynchronous):
                return _ELEMENT_AWAITED
            try:
                frame.registers[last.to] = next(iterator)
            except StopIteration:
                return block.then[1]
            return block.then[0]
        if isinstance(last, ops.Exit) and last.raised:
            return block.then[bool(frame.registers["swallowed"])]
        if len(block.then) == 1:
            return block.then[0]
        test = frame.body.blocks[block.then[0]].ops[0]
        assert isinstance(test, ops.Assume)
        return block.then[0 if bool(frame.registers[test.test]) == test.truth else 1]

    def _handler(self, frame: Frame, handler: int, raised: BaseException) -> int:
        """Return the block that takes an exception; raise it if none does."""
        while handler != -1:
            block = frame.body.blocks[handler]
            for number in [handler] if block.ops else block.then:
                first = frame.body.blocks[number].ops[0]
                if isinstance(first, ops.Raised) or self._takes(frame, first, raised):
                    frame.registers[first.to] = raised
                    return number
            handler = block.handler
        raise UncaughtError(raised)

    def _takes(self, frame: Frame, caught: ops.Caught, raised: BaseException) -> bool:
        for text in caught.types:
            first, *names = text.split(".")
            value = None
            for scope in ("local", "free", "global"):
                try:
                    value = self.load(frame, first, scope)
                    break
                except NameError:
                    continue
            for name in names:
                value = getattr(value, name)
            if isinstance(raised, value):
                return True
        return not caught.types

    def _call(self, op: ops.Call, frame: Frame) -> Any:
        read = frame.registers
        given = [read[one] for one in op.positional]
        for star in op.star:
            given += read[star]
        named = {name: read[one] for name, one in op.named}
        for stars in op.stars:
            named.update(read[stars])
        function = read[op.function]
        if function is super and not given:
            given = [_class_around(frame), _first_argument(frame)]
        if function is globals:
            return self.names
        if function in (locals, vars) and not given:
            return self.names if frame.body.kind == "module" else frame.variables
        return function(*given, **named)

    def _build(self, op: ops.Build, frame: Frame) -> Any:
        def read(register: int) -> Any:
            return None if register == ops.NONE else frame.registers[register]

        if op.kind == "dict":
            built: dict[Any, Any] = {}
            for key, value in zip(op.keys, op.elements, strict=True):
                built.update(read(value) if key == ops.NONE else {read(key): read(value)})
            return built
        elements: list[Any] = []
        for position, register in enumerate(op.elements):
            elements.extend(read(register) if position in op.starred else [read(register)])
        if op.kind == "text":
            return "".join(format(element, "") for element in elements)
        if op.kind == "slice":
            return slice(*elements)
        return {"tuple": tuple, "list": list, "set": set, "generator": lambda _: Filled()}[op.kind](elements)

    def _append(self, op: ops.Append, frame: Frame) -> Any:
        of, value = frame.registers[op.of], frame.registers[op.source]
        if isinstance(of, dict):
            of[frame.registers[op.key]] = value
        elif isinstance(of, set):
            of.add(value)
        else:
            (of.elements if isinstance(of, Filled) else of).append(value)

    def _unpack(self, op: ops.Unpack, frame: Frame) -> Any:
        values = list(frame.registers[op.source])
        if op.star >= 0 and len(values) >= len(op.to) - 1:
            after = len(op.to) - op.star - 1
            middle = values[op.star : len(values) - after]
            values = [*values[: op.star], middle, *values[len(values) - after :]]
        if len(values) != len(op.to):
            raise ValueError("wrong number of values")
        frame.registers.update(zip(op.to, values, strict=True))

    def _enter(self, op: ops.Enter, frame: Frame) -> Any:
        manager = frame.registers[op.manager]
        return type(manager).__enter__(manager)

    def _exit(self, op: ops.Exit, frame: Frame) -> Any:
        manager = frame.registers[op.manager]
        frame.registers["swallowed"] = type(manager).__exit__(manager, *_told(frame, op))

    def _raise(self, op: ops.Raise, frame: Frame) -> Any:
        raise frame.registers[op.source] if op.source != ops.NONE else RuntimeError("nothing to raise again")

    def _import(self, op: ops.Import, frame: Frame) -> Any:
        module = importlib.import_module(op.module)
        if op.name == "*":
            public = getattr(module, "__all__", [name for name in vars(module) if name[0] != "_"])
            self.names.update({name: getattr(module, name) for name in public})
            return None
        if not op.name:
            return module
        if not hasattr(module, op.name):
            try:
                return importlib.import_module(f"{op.module}.{op.name}")
            except ModuleNotFoundError as error:
                raise ImportError(op.name) from error
        return getattr(module, op.name)

    def _store(self, op: ops.Store, frame: Frame) -> Any:
        if op.source != ops.NONE:
            self.store(frame, op.name, op.scope, frame.registers[op.source])
        if op.annotation and frame.body.kind == "class":
            frame.variables.setdefault("__annotations__", {})[op.name] = op.annotation


class _Asynchronous:
    """An iterator of an ``async for``."""

    def __init__(self, iterator: Any) -> None:
        self.iterator = iterator


def _iterate(_: Module, op: ops.Iterate, frame: Frame) -> Any:
    source = frame.registers[op.source]
    return _Asynchronous(aiter(source)) if op.asynchronous else iter(source)


_STEPS: dict[type, Callable[[Module, Any, Frame], Any]] = {
    ops.Constant: lambda m, op, f: sys.intern(op.value) if isinstance(op.value, str) else op.value,
    ops.Load: lambda m, op, f: m.load(f, op.name, op.scope),
    ops.Delete: lambda m, op, f: m.delete(f, op.name, op.scope),
    ops.GetAttribute: lambda m, op, f: getattr(f.registers[op.of], op.name),
    ops.SetAttribute: lambda m, op, f: setattr(f.registers[op.of], op.name, f.registers[op.source]),
    ops.DeleteAttribute: lambda m, op, f: delattr(f.registers[op.of], op.name),
    ops.GetItem: lambda m, op, f: f.registers[op.of][f.registers[op.key]],
    ops.SetItem: lambda m, op, f: operator.setitem(
        f.registers[op.of], f.registers[op.key], f.registers[op.source]
    ),
    ops.DeleteItem: lambda m, op, f: operator.delitem(f.registers[op.of], f.registers[op.key]),
    ops.Operate: lambda m, op, f: OPERATORS[op.operator](*[f.registers[one] for one in op.operands]),
    ops.Iterate: _iterate, ops.Function: Module.function, ops.Class: Module.make_class,
    ops.Store: Module._store, ops.Call: Module._call, ops.Build: Module._build, ops.Append: Module._append,
    ops.Unpack: Module._unpack, ops.Enter: Module._enter, ops.Exit: Module._exit, ops.Raise: Module._raise,
    ops.Import: Module._import,
}  # fmt: skip
_ELEMENT_AWAITED = -2


def _bound(body: ops.Body) -> set[str]:
    """Return the variables of a body."""
    found = {parameter.name for parameter in body.parameters}
    for block in body.blocks:
        found |= {
            op.name for op in block.ops if isinstance(op, ops.Store | ops.Delete) and op.scope == "local"
        }
    return found


def _parameter(parameter: ops.Parameter, defaults: dict[str, Any]) -> InspectParameter:
    kind = {
        "positional": InspectParameter.POSITIONAL_OR_KEYWORD,
        "keyword": InspectParameter.KEYWORD_ONLY,
        "*": InspectParameter.VAR_POSITIONAL,
        "**": InspectParameter.VAR_KEYWORD,
    }[parameter.kind]
    return InspectParameter(
        parameter.name, kind, default=defaults.get(parameter.name, InspectParameter.empty)
    )


def _told(frame: Frame, leaving: ops.Exit) -> tuple[Any, Any, Any]:
    """Return what an ``__exit__`` is told: of the exception that begins its block, or of none."""
    if not leaving.raised:
        return (None, None, None)
    block = next(block for block in frame.body.blocks if any(op is leaving for op in block.ops))
    first = block.ops[0]
    assert isinstance(first, ops.Raised)
    raised = frame.registers[first.to]
    return type(raised), raised, raised.__traceback__


def _class_around(frame: Frame) -> type:
    around: Frame | None = frame
    while around is not None and around.body.kind != "class":
        around = around.around
    if around is None or around.made is None:
        raise NameError("__class__")
    return around.made


def _first_argument(frame: Frame) -> Any:
    first = frame.body.parameters[0]
    value = frame.variables[first.name]
    return value[0] if first.kind == "*" else value
