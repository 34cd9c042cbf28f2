"""One case, run: set the scene, let both edit, bring mine home, and compare all that can be compared."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Table, inspect, select, update
from sqlalchemy.orm import Session

from tether.carry.conflicts import Conflict, ConflictError
from tether.errors import NoBaseError
from tether.testing.axes import Form, Here, Loaded
from tether.testing.doors import Door, House
from tether.testing.reference import Clash, Expected, Reference
from tether.testing.statements import Formula, Statements, counted
from tether.testing.store import State, Store, key_of, writes_between
from tether.testing.subjects import Step, Subject, Variation
from tether.testing.taking import bring, edit_in, picture, session_picture, side_in, take


@dataclass
class Cell:
    """One case.

    Attributes:
        subject: The attribute.
        variation: What happened.
        loaded: What of the argument's attribute is loaded.
        here: What of the Session's instance is.
        form: What is given.
    """

    subject: Subject
    variation: Variation
    loaded: Loaded
    here: Here
    form: Form

    @property
    def is_refused(self) -> bool:
        """Whether nobody can know what the attribute was before."""
        return self.subject.is_refused(self.variation, self.loaded, self.form)


@dataclass
class Bench:
    """What all cases of a matrix share.

    Attributes:
        house: The engine.
        store: The database.
        base: What ``loads()`` takes classes from.
        alone: What I alone would have written, by step: computed once.
    """

    house: House
    store: Store
    base: Any
    alone: dict[Step, tuple[State, State]] = field(default_factory=dict)

    def run(self, cell: Cell) -> None:
        """Run a case.

        Raises:
            AssertionError: Something is not as it must be; the text says what.
        """
        self.house.run(lambda: Run(self, cell).run())

    def states(self, subject: Subject, mine: Step | None, tables: list[Table]) -> tuple[State, State]:
        """Return the rows before anybody wrote, and as I alone would write them (rolled back)."""
        if mine is None:
            base = self.store.state(tables)
            return base, base
        if mine not in self.alone:
            with Session(self.house.engine) as session:
                base = self.store.read(session.connection(), tables)
                side = side_in(session, subject)
                edit_in(session, side, mine)
                self.alone[mine] = base, self.store.read(session.connection(), tables)
        return self.alone[mine]


class Run:
    """The steps of one case."""

    def __init__(self, bench: Bench, cell: Cell) -> None:
        self.bench, self.cell = bench, cell
        self.subject, self.variation = cell.subject, cell.variation
        self.store, self.engine = bench.store, bench.house.engine
        used = {table for table, _ in self.subject.scene.by_table()}
        used |= {table for thing in self.subject.fresh.values() for table, _ in thing.by_table}
        prop = self.subject.prop
        if prop is not None and isinstance(prop.secondary, Table):
            used.add(prop.secondary)
        self.tables = [table for table in self.store.tables if table in used]
        self.problems: list[str] = []

    def run(self) -> None:
        """Do it."""
        self.store.reset(self.subject.scene.by_table())
        self.store.touch(self.tables)
        base, mine = self.bench.states(self.subject, self.variation.mine, self.tables)
        changed = take(
            self.engine, self.subject, self.cell.loaded, self.cell.form, self.variation.mine, self.bench.base
        )
        door = self.bench.house.door()
        try:
            kept = self.prepare(door)
            self.let_them_edit()
            self.store.forget_writes()
            reference = Reference(self.subject, base, mine, self.store.state(self.tables))
            self.attach(door, changed, reference)
            del kept
        finally:
            door.close()
        if self.problems:
            raise AssertionError("\n".join(self.problems))

    def prepare(self, door: Door) -> list[Any]:
        """Give the Session its instance, if it has one; return what it holds, to keep that alive."""
        if self.cell.here is not Here.ABSENT:
            root = bring(door.session, self.subject, self.cell.here.loaded)
            door.commit()
            return [root, *door.session.identity_map.values()]
        return []

    def let_them_edit(self) -> None:
        """Let somebody else edit, and commit."""
        if self.variation.deleted:
            with self.engine.begin() as connection:
                rows = self.subject.things[self.variation.deleted].by_table
                table, values = rows[0]
                delete_row(connection, self.store.tables, table, values)
                if self.variation.again:
                    version = self.subject.root.shape.version
                    for table, values in rows:
                        first = {c: 1 for c in values if c == version}
                        connection.execute(table.insert(), {**values, **first})
        if self.variation.theirs is not None:
            with Session(self.engine) as session:
                edit_in(session, side_in(session, self.subject), self.variation.theirs)
                session.commit()

    def attach(self, door: Door, changed: Any, reference: Reference) -> None:
        """Bring mine home, and compare."""
        expected = reference.expected(self.variation)
        must = Formula(reference, self.variation, expected, door.session).statements()
        before, session_before = picture(changed), session_picture(door.session)
        with counted(self.engine) as seen:
            try:
                result = door.attach(changed)
                conflicts: list[Conflict] = []
                self.compare("the result is persistent in the Session", True, self.is_home(door, result))
                door.commit()
            except ConflictError as error:
                conflicts = error.conflicts
            except NoBaseError as error:
                self.refused(door, error, session_before, seen)
                return
        self.compare("the argument was not modified", before, picture(changed))
        if self.cell.is_refused:
            self.problems.append("NoBaseError was expected: nobody knows what the attribute was before")
            return
        found = list(told(conflicts, expected))
        if len(found) != len(expected.clashes) or any(clash not in found for clash in expected.clashes):
            self.compare("conflicts", sorted(map(repr, expected.clashes)), sorted(map(repr, found)))
        if conflicts:
            self.compare("the Session is as it was", session_before, session_picture(door.session))
            door.session.rollback()
        self.compare_database(reference, expected)
        self.compare_statements(must, seen)

    def is_home(self, door: Door, result: Any) -> bool:
        """Return True if what ``attach()`` returned is the persistent instance of the row."""
        state = inspect(result)
        return bool(state.persistent and state.session is door.session)

    def refused(self, door: Door, error: NoBaseError, session_before: Any, seen: Statements) -> None:
        """Compare a refusal."""
        if not self.cell.is_refused:
            self.problems.append(f"NoBaseError was not expected: {error}")
        self.compare("the error names the attribute", True, error.attribute in self.subject.names)
        self.compare("the Session is as it was", session_before, session_picture(door.session))
        self.compare("statements", Statements(), seen)

    def compare_database(self, reference: Reference, expected: Expected) -> None:
        """Compare the rows, and the writes that the triggers noted."""
        after = self.store.state(self.tables)
        self.compare("rows", readable(expected.state), readable(after))
        must = writes_between(reference.theirs, expected.state)
        self.compare("rows that were written", sorted(must.items()), sorted(self.store.writes().items()))

    def compare_statements(self, expected: Statements, seen: Statements) -> None:
        """Compare how many statements there were."""
        if expected != seen:
            self.problems.append(f"statements: {expected} was expected, {seen} seen:")
            self.problems += [f"    {' '.join(text.split())[:200]}" for text in seen.texts]

    def compare(self, what: str, expected: Any, actual: Any) -> None:
        """Note a difference."""
        if expected != actual:
            self.problems.append(f"{what}:\n    expected {expected!r}\n    actual   {actual!r}")


def told(conflicts: list[Conflict], expected: Expected) -> Iterator[Clash]:
    """Yield the conflicts that were reported as what is expected of them."""
    wholes = {(clash.class_, clash.primary_key) for clash in expected.clashes if clash.theirs is ...}
    for conflict in conflicts:
        class_, primary_key = conflict.identity_key[:2]
        is_whole = (class_, tuple(primary_key)) in wholes and isinstance(conflict.theirs, dict)
        theirs = ... if is_whole else conflict.theirs
        yield Clash(
            conflict.kind,
            class_,
            tuple(primary_key),
            conflict.attribute,
            conflict.base,
            conflict.mine,
            theirs,
        )


def readable(state: State) -> dict[str, Any]:
    """Return rows by a name that a person understands."""
    return {f"{table.name} {key}": dict(row) for (table, key), row in state.items()}


def delete_row(connection: Connection, tables: list[Table], table: Table, values: Any) -> None:
    """Delete a row as somebody does who knows no mapping: what refers to it is cleared, or deleted too."""
    for other in tables:
        for constraint in other.foreign_key_constraints:
            if constraint.referred_table is not table:
                continue
            pairs = [(element.parent, values[element.column.key]) for element in constraint.elements]
            condition = [column == value for column, value in pairs]
            if all(column.nullable for column, _ in pairs):
                nothing = {column.key: None for column, _ in pairs}
                connection.execute(update(other).where(*condition).values(nothing))
                continue
            for row in connection.execute(select(other).where(*condition)).mappings().all():
                delete_row(connection, tables, other, {column.key: row[column] for column in other.c})
    columns = list(table.primary_key) or list(table.c)
    key = key_of(table, values)
    connection.execute(table.delete().where(*(c == v for c, v in zip(columns, key, strict=True))))
