"""What one process does: take copies out, keep them for a while, change them, bring them home."""

from __future__ import annotations

import random
import warnings
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import URL
from sqlalchemy.exc import IntegrityError, OperationalError, SAWarning
from sqlalchemy.orm import Session, selectinload
from sqlalchemy.orm.exc import StaleDataError

import tether
from proof.storm.checking import GONE, NOT_YET
from proof.storm.databases import Place, connect
from proof.storm.models import PLAIN, Base, Edit, Family, family

Method = Literal["attach", "merge"]
PATHS = ("draft", "document", "detached")
MOST_COPIES = 6  # that one process has in its hands at a time
MOST_EDITS = 3  # of one copy
MOST_TRIES = 200
TWO_AT_ONCE = 0.3  # share of the transactions that bring two rows home
READ_BEFORE = 0.3  # share of the transactions that have read the row before the copy comes home

# PostgreSQL's SQLSTATE for a serialization failure and a deadlock; MariaDB's numbers for a deadlock, a lock that
# was waited for too long, and a record that has changed since it was read.
RETRY_SQLSTATE = {"40001", "40P01"}
RETRY_MARIADB = {1213, 1205, 1020}


@dataclass(frozen=True)
class Task:
    """What one process is to do. It is sent to the process in a pickle."""

    place: Place
    url: URL
    versioned: bool
    method: Method
    things: int
    writer: int
    copies: int
    seed: int


@dataclass
class Done:
    """What one process did.

    Attributes:
        acknowledged: Tokens of the edits whose ``commit()`` returned.
        reported: Edits that were refused as conflicts, and are not in the database.
        retried: Transactions that the database asked to run again.
        kinds: Conflicts by kind.
        untrue: Conflicts about something that this copy had not edited, or where the two sides do not differ.
    """

    acknowledged: list[str] = field(default_factory=list)
    reported: int = 0
    retried: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    untrue: list[str] = field(default_factory=list)


@dataclass
class Copy:
    """A row that has left the database, with what was edited on it."""

    path: str
    row: Any
    edits: list[Edit] = field(default_factory=list)


def work(task: Task) -> Done:
    """Run all transactions of one process."""
    engine = connect(task.place, task.url)
    try:
        with warnings.catch_warnings():
            # SQLAlchemy warns about each child that merge() wants to delete and somebody else has deleted.
            warnings.simplefilter("ignore" if task.method == "merge" else "error", SAWarning)
            return Writer(task, engine).run()
    finally:
        engine.dispose()


def asks_for_retry(error: OperationalError) -> bool:
    """Return whether the database says that the transaction should be run again."""
    original = error.orig
    if getattr(original, "sqlstate", None) in RETRY_SQLSTATE:
        return True
    said = original.args[0] if original is not None and original.args else ""
    return said in RETRY_MARIADB or "database is locked" in str(said)


def is_true(conflict: tether.Conflict, edits: list[Edit]) -> bool:
    """Return whether a conflict is one: I edited this attribute or a part, and the three values differ."""
    thing, key = conflict.identity_key[0].__name__, conflict.identity_key[1]
    if "Part" in thing:
        mine_too = any(edit.place.startswith("part ") and edit.base != NOT_YET for edit in edits)
    else:
        mine_too = any(edit.place == f"thing {key[0]} {conflict.attribute}" for edit in edits)
    differ = conflict.mine != conflict.theirs and conflict.base not in (conflict.mine, conflict.theirs)
    return mine_too and (differ or conflict.kind.name != "CHANGED")


class Writer:
    """One process of the storm."""

    def __init__(self, task: Task, engine: Any) -> None:
        self.task = task
        self.engine = engine
        self.classes: Family = family(task.versioned)
        self.random = random.Random(f"{task.seed} {task.writer}")
        self.count = 0
        self.done = Done()

    def run(self) -> Done:
        """Take copies and bring them home, until enough transactions have run."""
        left = self.task.copies
        while left:
            copies = [self.taken() for _ in range(min(left, self.random.randint(1, MOST_COPIES)))]
            for copy in copies:
                for _ in range(self.random.randint(1, MOST_EDITS)):
                    self.change(copy)
            while copies:
                together = [copies.pop()]
                # Sometimes two at once; not two copies of one row, of which nobody could say which one is meant.
                if copies and copies[-1].row.id != together[0].row.id and self.random.random() < TWO_AT_ONCE:
                    together.append(copies.pop())
                self.bring_home(together)
                left -= len(together)
        return self.done

    def token(self) -> str:
        """Return a name that nobody else gives."""
        self.count += 1
        return f"w{self.task.writer}-{self.count}"

    def taken(self) -> Copy:
        """Return a row with its parts, out of its Session: as a draft, as a document read again, or as itself."""
        path = "detached" if self.task.method == "merge" else self.random.choice(PATHS)
        thing = self.classes.thing
        key = min(self.random.randint(1, self.task.things) for _ in range(2))  # some rows are hot
        with Session(self.engine) as session:
            row: Any = session.get(thing, key, options=[selectinload(thing.parts)])
            if path == "detached":
                return Copy(path, row)
            draft = tether.snapshot(row, include=[thing.parts]).edit()
        if path == "document":
            draft = tether.loads(tether.dumps(draft), Base)
        return Copy(path, draft)

    def change(self, copy: Copy) -> None:
        """Edit one attribute, or add, change or remove one part."""
        what = self.random.choice(("set", "set", "append", "add", "label", "remove"))
        parts = list(copy.row.parts)
        if what == "set" or (what in {"label", "remove"} and not parts):
            self.set_value(copy, self.random.choice(PLAIN))
        elif what == "append":
            self.append_word(copy)
        elif what == "add":
            self.add_part(copy)
        elif what == "label":
            self.change_part(copy, self.random.choice(parts))
        else:
            self.remove_part(copy, self.random.choice(parts))

    def note(self, copy: Copy, place: str, base: str, value: str) -> None:
        """Remember an edit for the log; a second edit of the same place by the same copy goes on from the first."""
        earlier = next((edit for edit in copy.edits if edit.place == place), None)
        if earlier is None:
            copy.edits.append(Edit(token=self.token(), place=place, base=base, value=value))
        elif earlier.base == NOT_YET and value == GONE:
            copy.edits.remove(earlier)  # a part that was never anywhere else
        else:
            earlier.value = value

    def set_value(self, copy: Copy, name: str) -> None:
        """Overwrite a column with a value of its own."""
        base, value = getattr(copy.row, name), self.token()
        setattr(copy.row, name, value)
        self.note(copy, f"thing {copy.row.id} {name}", base, value)

    def append_word(self, copy: Copy) -> None:
        """Append a word to the trail."""
        word = self.token()
        copy.row.trail += f" {word}"
        copy.edits.append(Edit(token=word, place=f"thing {copy.row.id} trail", base="", value=word))

    def add_part(self, copy: Copy) -> None:
        """Append a new part."""
        name, part = self.token(), self.classes.part
        values = {"name": name, "label": name}
        new = part(**values) if copy.path == "detached" else copy.row.new(part, **values)
        copy.row.parts.append(new)
        self.note(copy, f"part {name}", NOT_YET, name)

    def change_part(self, copy: Copy, part: Any) -> None:
        """Give a part another label."""
        base, part.label = part.label, self.token()
        self.note(copy, f"part {part.name}", base, part.label)

    def remove_part(self, copy: Copy, part: Any) -> None:
        """Remove a part; it is an orphan then, and deleted."""
        copy.row.parts.remove(part)
        self.note(copy, f"part {part.name}", part.label, GONE)

    def bring_home(self, copies: list[Copy]) -> None:
        """Bring copies home in one transaction with their lines of the log; again, if the database asks for it."""
        edits = [edit for copy in copies for edit in copy.edits]
        for _ in range(MOST_TRIES):
            try:
                self.transaction(copies, edits)
            except tether.ConflictError as error:
                self.done.reported += len(edits)
                self.done.kinds.update(conflict.kind.name for conflict in error.conflicts)
                self.done.untrue += [str(each) for each in error.conflicts if not is_true(each, edits)]
            except (StaleDataError, IntegrityError):
                if self.task.method != "merge":
                    raise
                self.done.reported += len(edits)
            except OperationalError as error:
                if not asks_for_retry(error):
                    raise
                self.done.retried += 1
                continue
            else:
                self.done.acknowledged += [edit.token for edit in edits]
            return
        raise RuntimeError(f"{self.task.place} asked for a retry {MOST_TRIES} times")

    def transaction(self, copies: list[Copy], edits: list[Edit]) -> None:
        """Bring copies home and commit, once."""
        with Session(self.engine) as session:
            if self.random.random() < READ_BEFORE:
                held = [session.get(self.classes.thing, copy.row.id) for copy in copies]
                assert None not in held
            if self.task.method == "merge":
                for copy in copies:
                    session.merge(copy.row)
            else:
                tether.attach(session, [copy.row for copy in copies])
            session.add_all(
                Edit(token=edit.token, place=edit.place, base=edit.base, value=edit.value) for edit in edits
            )
            session.commit()
