"""What a variable may hold: a set of atoms. More than a few of them is the same as not knowing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

MOST_ATOMS = 6
MOST_FUNCTIONS = 12  # of a table of handlers, where nothing else is in it


@dataclass(frozen=True, slots=True)
class Unknown:
    """Anything at all."""


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal. *kind* keeps ``1`` and ``True`` apart, which are equal to Python."""

    value: Any
    kind: str


@dataclass(frozen=True, slots=True)
class Ref:
    """A thing in the state, by its number."""

    id: int


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the project.

    Attributes:
        module: Dotted name of its module.
        body: Index of its body there.
        frame: The frame that the variables of the functions around it are in; -1 at the top of a module.
        receiver: What it is bound to, for a method.
        wrapper: ``manager`` under ``@contextmanager``, ``cached`` under ``@lru_cache`` and its like; "" otherwise.
    """

    module: str
    body: int
    frame: int = -1
    receiver: Ref | Class | None = None
    wrapper: str = ""


@dataclass(frozen=True, slots=True)
class Class:
    """A class of the project."""

    module: str
    qualname: str


@dataclass(frozen=True, slots=True)
class Module:
    """A module of the project."""

    name: str


@dataclass(frozen=True, slots=True)
class External:
    """Something from outside the project, by its dotted name; a method with the thing it is called on."""

    name: str
    receiver: Ref | Class | None = None


@dataclass(frozen=True, slots=True)
class Attribute:
    """A mapped attribute of a class, as in ``select(User.name)`` and ``selectinload(User.orders)``."""

    model: Class
    name: str


@dataclass(frozen=True, slots=True)
class RowKey:
    """The primary key of an instance, as it was read from it; or that as a text."""

    id_of: int
    name: str
    text: bool = False


@dataclass(frozen=True, slots=True)
class KeyTest:
    """``User.id == user.id``: a column compared with the primary key of an instance."""

    attribute: str
    key: RowKey


Atom = KeyTest | RowKey | Unknown | Constant | Ref | Function | Class | Module | External | Attribute
Value = frozenset[Atom]

ANYTHING = Unknown()
UNKNOWN: Value = frozenset([ANYTHING])
NOTHING: Value = frozenset()
NONE_ATOM = Constant(None, "NoneType")
NONE: Value = frozenset([NONE_ATOM])
SOME_TEXT = Constant(..., "some text")  # text that is not empty


@lru_cache(maxsize=4096, typed=True)
def constant(value: Any) -> Value:
    """Return a literal as a value."""
    if value is None or isinstance(value, (bool, int, str)):
        return frozenset([Constant(value, type(value).__name__)])
    return frozenset([Constant(..., type(value).__name__)])


def as_text(values: Iterable[Value]) -> Value:
    """Return the text of values: that of one primary key is still known as its key."""
    found = [atom for value in values for atom in (value or UNKNOWN)]
    key = found[0] if len(found) == 1 else None
    return frozenset([RowKey(key.id_of, key.name, text=True)]) if isinstance(key, RowKey) else constant(...)


def one(atom: Atom) -> Value:
    """Return the value that is surely *atom*."""
    return frozenset([atom])


def join(values: Iterable[Value]) -> Value:
    """Return what may be any of *values*."""
    joined: Value = frozenset().union(*values)
    if len(joined) <= MOST_ATOMS:
        return joined
    if len(joined) <= MOST_FUNCTIONS and all(isinstance(atom, Function) for atom in joined):
        return joined
    # Literals are the first to go: what matters is which instance and which Session it may be.
    kept = frozenset(atom for atom in joined if not isinstance(atom, Constant) or atom == NONE_ATOM)
    return kept | UNKNOWN if len(kept) < MOST_ATOMS else UNKNOWN


def references(value: Value) -> tuple[Ref, ...]:
    """Return the things a value may be, in the order of their numbers."""
    return tuple(sorted((atom for atom in value if isinstance(atom, Ref)), key=lambda ref: ref.id))


def single(value: Value) -> Atom | None:
    """Return the atom that *value* surely is; None if there are several, or none."""
    return next(iter(value)) if len(value) == 1 else None


def single_ref(value: Value) -> Ref | None:
    """Return the thing that *value* surely is; None if it is not surely one thing."""
    atom = single(value)
    return atom if isinstance(atom, Ref) else None


def number_in(atom: Atom) -> int:
    """Return the number of the thing an atom is; -1 if it is none."""
    return atom.id if isinstance(atom, Ref) else -1


def literal(value: Value) -> Any:
    """Return the literal that *value* surely is; ``...`` if it is no single literal."""
    if len(value) == 1:
        (atom,) = value
        if isinstance(atom, Constant):
            return atom.value
    return ...


def without_none(value: Value) -> Value:
    """Return *value* where it is not None, which is what an attribute was read from."""
    return value - NONE if NONE_ATOM in value else value


def truth(atom: Atom) -> bool | None:
    """Return whether an atom counts as true in a test; None where that is not known."""
    match atom:
        case Constant(value=value) if value is ...:
            return True if atom == SOME_TEXT else None
        case Constant(value=value):
            return bool(value)
        case Function() | Class() | Module():
            return True
        case _:
            return None
