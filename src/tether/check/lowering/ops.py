"""The op graph: what one function does, in about thirty kinds of steps, without Python's syntax.

A body is a list of blocks; block 0 is the entry. Each block is a list of ops, run in order, and leaves by ``then``
(blocks, any of which may follow) or by its last op, which is then ``Return`` or ``Raise``. ``handler`` is the block an
exception of any of its ops goes to; -1 where it leaves the function. ``try``, ``finally``, ``with``, ``and`` and
comprehensions are gone: a ``finally`` body stands once for each way that leads into it, as in CPython's bytecode, and a
comprehension is a loop.

A result is a *register*, an integer that is written by one op only, so that an op tells where a value came from. A
variable is a name. Where two ways give one value (``a or b``, ``a if t else b``) each stores it in a variable that
Python does not have, ``@3``, which is read where they meet. ``x@3`` is the ``x`` of a comprehension.

All of it is plain tuples of strings, integers and tuples, which ``marshal`` writes and reads.
"""

from __future__ import annotations

from typing import Any, NamedTuple

# First line, first column, last line, column of the last character; in characters, counted from 1.
Span = tuple[int, int, int, int]
Register = int
NONE: Register = -1  # no register: a bare ``return``, a missing argument


class Constant(NamedTuple):
    """A literal: None, True, False, a number, a string, bytes or ``...``."""

    to: Register
    value: Any
    span: Span


class Load(NamedTuple):
    """Read a variable: ``scope`` is ``local``, ``free`` (of a function around this one) or ``global`` (or built in).

    A ``local`` of a class body that is not bound yet is read from the module. ``__name`` is mangled as in Python.
    """

    to: Register
    name: str
    scope: str
    span: Span


class Store(NamedTuple):
    """Bind a variable, with the annotation as written, or "". ``source`` NONE only declares it."""

    name: str
    scope: str
    source: Register
    annotation: str
    span: Span


class Delete(NamedTuple):
    """``del name``; also the end of ``except ... as name``, though not where an exception leaves the clause."""

    name: str
    scope: str
    span: Span


class GetAttribute(NamedTuple):
    """``of.name``."""

    to: Register
    of: Register
    name: str
    span: Span


class SetAttribute(NamedTuple):
    """``of.name = source``; an augmented assignment reads it first."""

    of: Register
    name: str
    source: Register
    span: Span


class DeleteAttribute(NamedTuple):
    """``del of.name``."""

    of: Register
    name: str
    span: Span


class GetItem(NamedTuple):
    """``of[key]``; the key of ``of[a:b]`` is a Build of the kind ``slice``."""

    to: Register
    of: Register
    key: Register
    span: Span


class SetItem(NamedTuple):
    """``of[key] = source``."""

    of: Register
    key: Register
    source: Register
    span: Span


class DeleteItem(NamedTuple):
    """``del of[key]``."""

    of: Register
    key: Register
    span: Span


class Call(NamedTuple):
    """``function(*positional, **named)``.

    ``positional`` are registers; ``named`` are (name, register). ``star`` and ``stars`` are the registers of ``*args``
    and ``**kwargs``, which may be several. In ``f(a, *b, c)`` all from the first star on is one list: ``star`` is the
    register of a Build of ``[*b, c]``.
    """

    to: Register
    function: Register
    positional: tuple[Register, ...]
    named: tuple[tuple[str, Register], ...]
    star: tuple[Register, ...]
    stars: tuple[Register, ...]
    span: Span


class Await(NamedTuple):
    """``await source``."""

    to: Register
    source: Register
    span: Span


class Build(NamedTuple):
    """A display, or a comprehension's empty beginning.

    ``kind`` is ``tuple``, ``list``, ``set``, ``dict``, ``generator``, ``slice`` or ``text``. ``text`` is an f-string:
    each element is formatted. For ``dict``, ``keys`` are the registers of the keys (NONE: ``**``). For ``slice`` the
    elements are start, stop and step (NONE where left out). A ``generator`` is filled at once, not when it is asked.
    """

    to: Register
    kind: str
    elements: tuple[Register, ...]
    keys: tuple[Register, ...]
    starred: tuple[int, ...]  # positions of the elements written with *
    span: Span


class Append(NamedTuple):
    """A comprehension adds an element; ``key`` is NONE except for a dictionary's."""

    of: Register
    source: Register
    key: Register
    span: Span


class Operate(NamedTuple):
    """An operator over one or two values: ``+``, ``==``, ``is``, ``is not``, ``in``, ``not in``, ``not``, ``<``, ...

    ``+=`` and its like stand for what augmented assignments do before they store. A unary minus is ``-`` with one
    operand. In f-strings ``!r``, ``!s``, ``!a`` and ``format`` (value, format). In ``match``: ``isinstance`` (value,
    class), ``is sequence``, ``is mapping``, ``length ==`` and ``length >=`` (value, number), ``has attribute`` (value,
    name), ``has argument`` and ``argument`` (value, class, position), ``without`` (mapping, keys left out).
    """

    to: Register
    operator: str
    operands: tuple[Register, ...]
    span: Span


class Iterate(NamedTuple):
    """``iter(source)``, or ``aiter`` where ``asynchronous``."""

    to: Register
    source: Register
    asynchronous: bool
    span: Span


class Next(NamedTuple):
    """The next element: the block's ``then`` is (block with an element, block after the loop)."""

    to: Register
    iterator: Register
    span: Span


class Unpack(NamedTuple):
    """``a, *b, c = source``: a register for each target; ``star`` is the position of the starred one, or -1."""

    to: tuple[Register, ...]
    source: Register
    star: int
    span: Span


class Assume(NamedTuple):
    """Here the test in the register came out as ``truth``; stands at the beginning of a branch."""

    test: Register
    truth: bool
    span: Span


class Enter(NamedTuple):
    """``with manager``: ``to`` is what ``as`` binds."""

    to: Register
    manager: Register
    asynchronous: bool
    span: Span


class Exit(NamedTuple):
    """The end of a ``with`` block, once for each way out; ``raised`` where an exception leaves it.

    The span is that of the ``with`` statement's item. The block of one with ``raised`` ends with it; its ``then`` is
    (block that raises the exception again, block after the ``with``, taken where the manager swallows it).
    """

    manager: Register
    asynchronous: bool
    raised: bool
    span: Span


class Caught(NamedTuple):
    """The beginning of an ``except`` clause: the exception, the names of the types as dotted text, () for all.

    A type that is no plain name is "". Several clauses are the ``then`` of a block without ops, in order; where none
    of them takes everything, the last is a block of Raised and Raise. With ``except*`` one clause follows another.
    """

    to: Register
    types: tuple[str, ...]
    span: Span


class Raised(NamedTuple):
    """The beginning of the way an exception takes: through a ``finally``, out of a ``with``, past all clauses."""

    to: Register
    span: Span


class Yield(NamedTuple):
    """``yield source``, or ``yield from`` where ``delegated``; ``to`` is what the caller sends."""

    to: Register
    source: Register
    delegated: bool
    span: Span


class Return(NamedTuple):
    """``return source``; the end of a body returns NONE."""

    source: Register
    span: Span


class Raise(NamedTuple):
    """``raise source``. With the register of a Caught or Raised it raises that again, as a ``raise`` alone does.

    NONE is a ``raise`` alone that stands in no ``except`` clause of its function.
    """

    source: Register
    span: Span


class Function(NamedTuple):
    """A ``def`` or ``lambda`` is met: ``body`` is its index in the module. Decorators are ``Call`` ops after it.

    ``defaults`` are (parameter name, register).
    """

    to: Register
    body: int
    defaults: tuple[tuple[str, Register], ...]
    span: Span


class Class(NamedTuple):
    """A ``class`` statement is met: ``body`` is the index of its body, a function of the kind ``class``."""

    to: Register
    body: int
    bases: tuple[Register, ...]
    named: tuple[tuple[str, Register], ...]
    span: Span


class Import(NamedTuple):
    """``import a.b as c`` (``name`` "") or ``from a import name``; relative names are absolute here.

    ``from a import *`` has the name ``*`` and no Store after it. What goes above the top package keeps its dots.
    A plain ``import a.b`` binds ``a``: its ``module`` is ``a``, after one Import of ``a.b`` that nothing uses.
    """

    to: Register
    module: str
    name: str
    span: Span


Op = (
    Constant | Load | Store | Delete | GetAttribute | SetAttribute | DeleteAttribute | GetItem | SetItem | DeleteItem
    | Call | Await | Build | Append | Operate | Iterate | Next | Unpack | Assume | Enter | Exit | Caught | Raised
    | Yield | Return | Raise | Function | Class | Import
)  # fmt: skip


class Block(NamedTuple):
    """Ops in order, where it may go on, and where its exceptions go (-1: out of the function)."""

    ops: tuple[Any, ...]
    then: tuple[int, ...]
    handler: int


class Parameter(NamedTuple):
    """A parameter: ``kind`` is ``positional``, ``keyword``, ``*`` or ``**``; the annotation as written, or ""."""

    name: str
    kind: str
    annotation: str


class Body(NamedTuple):
    """One function, lambda, class body or module.

    Attributes:
        kind: ``function``, ``async``, ``generator``, ``async generator``, ``lambda``, ``class`` or ``module``.
        name: Its name, ``<lambda>`` or ``<module>``.
        qualname: As Python's ``__qualname__``.
        parent: Index of the body around it; -1 for the module.
        returns: The annotation of what it returns, or "".
        blocks: The op graph.
        decorators: As dotted text; of one that is called, what is called and ``()``; of any other "".
        registers: How many registers it uses.
        names: Identifiers that occur in it: attributes, keywords and annotations too, not those of functions inside it.
        cut_short: Why it was not read, or "": it is nested too deeply or too long. It has no blocks then.
    """

    kind: str
    name: str
    qualname: str
    parent: int
    parameters: tuple[Parameter, ...]
    returns: str
    decorators: tuple[str, ...]
    blocks: tuple[Block, ...]
    registers: int
    names: frozenset[str]
    span: Span
    cut_short: str = ""
