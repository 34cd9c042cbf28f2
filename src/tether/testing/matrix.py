"""``conformance()``: from a mapping to cases."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from sqlalchemy import Engine, Table
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.orm import Mapper

from tether.carry.registries import classes_of
from tether.carry.shape import shape_of
from tether.testing.axes import STATES, Form, Here, Loaded
from tether.testing.columns import column_subjects
from tether.testing.doors import House
from tether.testing.relations import relation_subjects
from tether.testing.rows import Maker
from tether.testing.running import Bench, Cell
from tether.testing.store import Store
from tether.testing.subjects import Subject


@dataclass(frozen=True, eq=False)
class Case:
    """One cell of the matrix. ``str()`` of it is its name.

    Attributes:
        id: Its name: "Order.status / mine / draft / loaded / absent".
        kind: What sort of attribute it is about: "column Integer", "many-to-many set" and so on.
        axes: Its place on each axis: kind, edit, form, what is loaded of the argument, and of the Session's instance.
    """

    id: str
    kind: str
    axes: tuple[str, ...]
    _tether_run: Callable[[], None]

    def __str__(self) -> str:
        return self.id

    def run(self) -> None:
        """Run the case; it fills the database itself, and needs no other case before it.

        Raises:
            AssertionError: ``attach()`` did not do what it must; the text tells all differences.
        """
        self._tether_run()


@dataclass(frozen=True)
class LeftOut:
    """What is not tried, and why."""

    id: str
    reason: str

    def __str__(self) -> str:
        return f"{self.id}: {self.reason}"


class Matrix:
    """The cases of a mapping.

    Attributes:
        cases: All of them; always the same, in the same order.
        left_out: What cannot be tried, with the reasons.
    """

    def __init__(self, cases: list[Case], left_out: list[LeftOut]) -> None:
        self.cases = cases
        self.left_out = left_out

    def sample(self, count: int, seed: int) -> list[Case]:
        """Return about *count* cases, chosen by *seed*, with every place of every axis among them."""
        shuffled = list(self.cases)
        Random(seed).shuffle(shuffled)
        chosen: list[Case] = []
        covered: set[tuple[int, str]] = set()
        for case in shuffled:
            places = set(enumerate(case.axes))
            if not places <= covered:
                chosen.append(case)
                covered |= places
        rest = [case for case in shuffled if case not in set(chosen)]
        return chosen + rest[: max(0, count - len(chosen))]


def conformance(
    base: Any,
    engine: Engine | AsyncEngine,
    make: Mapping[Any, Callable[[int], Any]] | None = None,
    *,
    full: bool = False,
) -> Matrix:
    """Return cases that show, on your own models and database, that ``attach()`` keeps everybody's change.

    Every attribute and relationship of every mapped class is taken out, edited by you, by somebody else, or by both,
    and brought home: as a draft, as a detached instance and as a document; into a Session that has the instance
    already or not; loaded, unloaded and expired. Each case compares the rows afterwards with a three-way merge of
    its own, the conflicts, the number of statements, and the rows that were written (database triggers note each).

    Args:
        base: A declarative base, a ``registry()``, or mapped classes.
        engine: An Engine or an AsyncEngine on an **empty database that belongs to the cases**: they create the
            tables, triggers and a table ``tether_writes``, and delete all rows again and again. SQLite (a file),
            PostgreSQL, MariaDB and MySQL. One process at a time. Nothing is done to it before the first case runs.
        make: How to make values that the columns' types do not tell, by mapped class (number -> dictionary of
            attributes, or an instance), by attribute, or by class of a column type (number -> value). Another
            number must give another value; the same number the same. CHECK constraints cannot be known: name the
            attribute here.
        full: All states (loaded, unloaded, expired, of the argument and in the Session) for every attribute. Else
            for the first attribute of each sort, and two of them for others: ten columns are alike in this.

    Returns:
        A Matrix: ``cases``, each with ``id`` and ``run()``, and ``left_out`` with the reasons.
    """
    house = House(engine)
    found: list[Mapper[Any]] = [shape_of(class_).mapper for class_ in dict.fromkeys(classes_of(base))]
    mappers = sorted(found, key=lambda mapper: mapper.class_.__qualname__)
    maker = Maker(mappers, make or {}, house.engine.dialect.name)
    bench = Bench(house, Store(house.engine, tables_of(mappers)), base)
    cases: list[Case] = []
    left_out: list[LeftOut] = []
    known: set[str] = set()
    for mapper in mappers:
        for subject in subjects_of(maker, mapper, left_out):
            states = STATES if full or subject.family not in known else STATES[:2]
            known.add(subject.family)
            cases += cases_of(bench, subject, states, left_out)
    return Matrix(cases, left_out)


def tables_of(mappers: list[Mapper[Any]]) -> list[Table]:
    """Return the tables of classes and associations, and those that foreign keys of them refer to."""
    waiting = [table for mapper in mappers for table in mapper.tables if isinstance(table, Table)]
    waiting += [p.secondary for m in mappers for p in m.relationships if isinstance(p.secondary, Table)]
    found: dict[Table, None] = {}
    while waiting:
        table = waiting.pop()
        if table not in found:
            found[table] = None
            waiting += [constraint.referred_table for constraint in table.foreign_key_constraints]
    return list(found)


def subjects_of(maker: Maker, mapper: Mapper[Any], left_out: list[LeftOut]) -> Iterator[Subject]:
    """Yield the attributes of a class that cases are about."""

    def leave_out(name: str, reason: str) -> None:
        left_out.append(LeftOut(f"{mapper.class_.__name__}.{name}", reason))

    shape = shape_of(mapper.class_)
    for name in mapper.all_orm_descriptors.keys():  # noqa: SIM118  # it iterates over values
        if name not in mapper.attrs and name not in shape.synonyms:
            leave_out(str(name), "it is computed from other attributes")
    yield from column_subjects(maker, mapper, leave_out)
    yield from relation_subjects(maker, mapper, leave_out)


def cases_of(
    bench: Bench, subject: Subject, states: Iterable[tuple[Loaded, Here]], left_out: list[LeftOut]
) -> Iterator[Case]:
    """Yield the cases of one attribute."""
    left_out += [LeftOut(f"{subject.label} / {edit}", reason) for edit, reason in subject.left_out]
    reasons: dict[str, str] = {}
    for variation in subject.variations:
        for loaded, here in states:
            if variation.name and (loaded, here) not in STATES[:2]:
                continue  # more of the same edit: two places on the axes of states are enough
            for form in Form:
                axes = (subject.kind, variation.edit.value, form.value, loaded.value, here.value)
                name = f"{subject.label} / {variation} / {form} / {loaded} / {here}"
                reason = subject.reason_against(variation, loaded, form)
                if reason:
                    reasons.setdefault(f"{subject.label} / {loaded} / {form}", reason)
                    continue
                cell = Cell(subject, variation, loaded, here, form)
                yield Case(name, subject.kind, axes, lambda cell=cell: bench.run(cell))  # type: ignore[misc]
    left_out += [LeftOut(name, reason) for name, reason in reasons.items()]
