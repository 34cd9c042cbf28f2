"""The reference model: what a program asked to be saved, and what became of it. Plain values, no tether.

A *wish* is one thing the program did that should reach the database: an attribute set, a post linked, a row
added or deleted. Every value a program sets is unique, so a wish came true if its value has ever been
committed; the database itself is asked, through a connection of the test's own.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from tests.watch.histories.models import COLUMNS
from tests.watch.histories.programs import Line
from tests.watch.histories.sight import MISSING, Known, around, links
from tests.watch.histories.wishes import PICKLED, Wish, Wishes

FAILED = "the transaction failed"


class Reference(Wishes):
    """Follows one program, line by line.

    Attributes:
        merged_over: Line -> names that its ``merge()`` certainly puts back to an older value.
        may_merge_over: Line -> names that it may be said to put back.
        dropped_at: Lines that let go of a variable.
    """

    def __init__(self, path: str, variables: dict[str, Any]) -> None:
        super().__init__(path, variables)
        self.merged_over: dict[int, set[str]] = {}
        self.may_merge_over: dict[int, set[str]] = {}
        self.dropped_at: list[int] = []

    def before(self, number: int, line: Line) -> None:
        """Note what there is before a line runs."""
        self.between()
        self.involved = self._involved(line)
        self.setting = line.form.attribute
        self._note_outdated(number, line)
        if line.form.kind == "drop" and "s" in line.variables:
            self._leave(self.variables[line.variables["s"]])
        if line.form.kind == "merge":
            self._before_merge(number, line)
        if line.form.kind == "pickle":
            for instance in around(self.variables[line.variables["u"]]):
                self._excuse_carried(self.number(instance), PICKLED)

    def after(self, number: int, line: Line, error: Exception | None, warned: bool) -> None:
        """Work out what a line that has run asked for, and what came true by it."""
        old_links = links(self.known.values(), self.earlier)
        self.look()
        kind = line.form.kind
        if kind == "set":
            self._note_sets(number, line.form.attribute)
        elif kind == "link":
            self._note_links(number, old_links)
        elif error is None:
            self._note_call(number, kind, line)
        if error is not None:
            self._excuse([wish for wish in self._open() if wish.line == number], "the line itself raised")
        self._note_new_rows(number)
        self._note_sessions(number)
        if warned:  # SQLAlchemy itself says that the link will not be saved
            self._excuse([wish for wish in self.wishes if wish.kind == "link"], "SQLAlchemy warned")
        if error is not None and _ends_transaction(error, kind):
            self._excuse_sessions(self.involved, FAILED)
        if error is not None:
            sessions = [thing for thing in self.variables.values() if isinstance(thing, Session)]
            self._excuse_sessions({self.number(one) for one in sessions if not one.is_active}, FAILED)
        self._settle(number)

    def _note_call(self, number: int, kind: str, line: Line) -> None:
        names = line.variables
        target = self.variables.get(names.get("u") or names.get("p") or "")
        if kind in ("rollback", "nested_rollback"):
            self._excuse_sessions(self.involved, "rolled back")
        elif kind == "delete":
            self._note_delete(number, self.known[self.number(target)])
        elif kind in ("add", "merge") and target is not None:
            key = self.source.key if kind == "merge" else self.known[self.number(target)].key
            self._excuse(
                [wish for wish in self._open() if wish.kind == "delete" and wish.value[1] == key], kind
            )
        if kind in ("expunge", "expunge_all"):
            self._excuse(
                [
                    wish
                    for wish in self._open()
                    if wish.kind in ("row", "link", "delete")
                    and any(
                        (self.earlier.get(one, ({}, False))[1] and not self.known[one].pending)
                        or (wish.kind == "delete" and self.known[one].session is None)
                        for one in wish.carriers
                    )
                ],
                "it was taken out again",
            )
        if kind == "bulk":
            self._note_bulk(number, self.known[self.number(target)])
        if kind == "merge":
            self._after_merge(number, line)
        if kind == "drop":
            self.dropped_at.append(number)

    # ------------------------------------------------------------------ merge

    def _before_merge(self, number: int, line: Line) -> None:
        """Work out, from what the argument was loaded with and what is committed, what merge() may put back."""
        argument = self.variables[line.variables.get("u") or line.variables["p"]]
        session = self.variables[line.variables["s"]]
        self.source = self.known[self.number(argument)]
        fresh = not session.in_transaction() and not list(session.identity_map.values()) and not session.new
        self.merged_over[number], self.may_merge_over[number] = set(), set()
        value = (self.source.number, None)  # what cascades do to links is not followed
        self._wish("link", ("User.posts", "Post.user"), value, self.source, number, "merge() copied links")
        self.merging = {self.number(instance) for instance in around(argument)}
        for instance in around(argument):
            known = self.known[self.number(instance)]
            row = self.committed[known.class_name].get(known.key or 0)
            if row is not None:
                self._before_merge_of(number, known, row, self._held_by(self.number(session), known), fresh)

    def _held_by(self, session: int, known: Known) -> dict[str, Any]:
        """Return what the Session's own instance of the row holds."""
        same = (
            other.values
            for other in self.known.values()
            if other.session == session and (other.class_name, other.key) == (known.class_name, known.key)
        )
        return next(same, {})

    def _before_merge_of(
        self, number: int, known: Known, row: dict[str, Any], own: dict[str, Any], fresh: bool
    ) -> None:
        for attribute in COLUMNS[known.class_name]:
            mine, base = known.values.get(attribute, MISSING), known.base.get(attribute, MISSING)
            if mine is MISSING:
                continue
            name, value = f"{known.class_name}.{attribute}", (known.class_name, attribute, mine)
            # A Session in a transaction sees the row as it was when that began; what it puts back may be newer.
            differs = row[attribute] != base or own.get(attribute, base) != base or not fresh
            if base is MISSING:  # set before it was loaded
                self.may_merge_over[number].add(name)
            elif differs:
                self.may_merge_over[number].add(name)
                is_sure = known is self.source and fresh and not known.merged and known.session is None
                if is_sure and attribute != "data" and row[attribute] not in (base, mine):
                    self.merged_over[number].add(name)
            if (mine != row[attribute] or not fresh) and not any(
                wish.value == value for wish in self._open()
            ):
                self._wish("set", (name,), value, known, number, "merge() put an older value back")
        if "posts" in known.values or "user" in known.values:
            self.may_merge_over[number] |= {"User.posts", "Post.user"}
            value = (known.number, None)
            self._wish("link", ("User.posts", "Post.user"), value, known, number, "merge() copied links")

    def _after_merge(self, number: int, line: Line) -> None:
        """What the argument carried is carried by the result as well."""
        self.source.merged = True
        session = self.number(self.variables[line.variables["s"]])
        if self.source.key is None:
            self._note_copy(number, session)
        for wish in self._open():
            self._note_overwritten(wish, session)
            if wish.kind != "set" and wish.carriers & self.merging:
                wish.sessions.add(session)
            for one in list(wish.carriers):
                carrier = self.known[one]
                for known in self.known.values():
                    if (
                        carrier.key is not None
                        and known.session == session
                        and (known.class_name, known.key) == (carrier.class_name, carrier.key)
                        and wish.kind == "set"
                        and known.values.get(wish.value[1], MISSING) == wish.value[2]
                    ):
                        wish.carriers.add(known.number)
                        wish.copied = wish.copied or len(wish.carriers) > 1

    def _note_overwritten(self, wish: Wish, session: int) -> None:
        """A merge assigns; what was pending in this Session and is not there any longer was overwritten."""
        for one in wish.carriers:
            known, earlier = self.known[one], self.earlier.get(one, ({}, False))[0]
            was_here = known.session == session or (not known.alive and session in wish.sessions)
            if wish.kind == "set" and was_here:
                attribute, value = wish.value[1:]
                now = known.values.get(attribute, MISSING) if known.alive else MISSING
                if earlier.get(attribute, MISSING) == value != now:
                    wish.excuse = wish.excuse or "merge() overwrote it"

    def _note_copy(self, number: int, session: int) -> None:
        """What a new instance with the key of a row holds should be written over that row."""
        for known in self.known.values():
            same = known.session == session and known.class_name == self.source.class_name
            if not same or known.key is None or known.key != self.source.identity:
                continue
            for attribute in COLUMNS[known.class_name]:
                value = self.source.values.get(attribute, MISSING)
                if value is not MISSING and known.values.get(attribute) == value:
                    name = f"{known.class_name}.{attribute}"
                    self._wish("set", (name,), (known.class_name, attribute, value), known, number, "")


def _ends_transaction(error: Exception, kind: str) -> bool:
    names = {base.__name__ for base in type(error).__mro__}
    return kind in ("flush", "commit", "nested_commit", "bulk") or bool(
        names
        & {"DBAPIError", "StaleDataError", "FlushError", "PendingRollbackError", "CircularDependencyError"}
    )
