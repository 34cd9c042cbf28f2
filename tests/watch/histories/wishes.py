"""What a program asked to be saved, one wish at a time, and what became of it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from tests.watch.histories.models import COLUMNS, NAMING
from tests.watch.histories.sight import MISSING, Known, Sight, is_detached, links

SHARED = "merge() gives its result the Mutable of its argument, so a change of one is a change of both"
PICKLED = "it went into a pickle"
ALREADY = "the database holds it already, which the instance cannot know"


@dataclass
class Wish:
    """One change that should be saved.

    Attributes:
        kind: ``set``, ``link``, ``row`` or ``delete``.
        names: ``User.name``; both sides of a link; only the class for a row.
        value: What is looked for in the database.
        carriers: Numbers of the instances that hold it.
        line: Where the program made it.
        end: The line at which it came true or was overwritten by the program; 0 if neither.
        excuse: Why silence about its loss is right; "" if a finding is due.
        copied: True if merge() copied it into another Session: one copy may be lost and the other saved.
    """

    kind: str
    names: tuple[str, ...]
    value: Any
    carriers: set[int]
    line: int
    sessions: set[int] = field(default_factory=set)
    end: int = 0
    excuse: str = ""
    copied: bool = False

    @property
    def is_missing(self) -> bool:
        """True if it never came true, and nothing says that it should not."""
        return not self.end and not self.excuse


class Wishes(Sight):
    """The wishes of one program."""

    def __init__(self, path: str, variables: dict[str, Any]) -> None:
        super().__init__(path, variables)
        self.wishes: list[Wish] = []

    def _note_sets(self, number: int, attribute: str) -> None:
        written = []
        for known in self.known.values():
            earlier = self.earlier.get(known.number, ({}, False))[0].get(attribute, MISSING)
            value = known.values.get(attribute, MISSING)
            if value is not MISSING and value != earlier and attribute in COLUMNS[known.class_name]:
                written.append((known, earlier, value))
        for known, earlier, value in written:
            self._overwrite(known, attribute, earlier, number)
            if known.key is None and not known.merged:
                self._rename_row(known, attribute, value)
            elif known.base.get(attribute, MISSING) != value or known.merged:
                name = f"{known.class_name}.{attribute}"
                excuse = SHARED if len(written) > 1 else self._excuse_of_set(known, attribute, value)
                self._wish("set", (name,), (known.class_name, attribute, value), known, number, excuse)

    def _excuse_of_set(self, known: Known, attribute: str, value: Any) -> str:
        row = self.committed[known.class_name].get(known.key or 0)
        if self._is_to_be_deleted(known):
            return "its row was to be deleted"
        if row is None and known.key is not None:
            return "its row is gone"
        if known.base.get(attribute, MISSING) == value or (row is not None and row[attribute] == value):
            return ALREADY
        return "" if attribute in known.base or known.key is None else "the value before is not known"

    def _overwrite(self, known: Known, attribute: str, earlier: Any, number: int) -> None:
        """The program set another value where this one still was: nobody wants it saved any longer."""
        for wish in self._open():
            is_value = wish.kind in ("set", "row") and wish.value[1] == attribute
            if is_value and known.number in wish.carriers and not known.pending:
                if wish.value[2] != earlier:
                    continue
                wish.carriers.discard(known.number)
                if known.session is not None or not wish.carriers:
                    wish.end = number

    def _rename_row(self, known: Known, attribute: str, value: Any) -> None:
        for wish in self._open():
            is_its_row = wish.kind == "row" and known.number in wish.carriers
            if is_its_row and known.pending and attribute == NAMING[known.class_name]:
                wish.value = (known.class_name, attribute, value)

    def _is_to_be_deleted(self, known: Known) -> bool:
        row = (known.class_name, known.key)
        return any(wish.kind == "delete" and wish.value == row for wish in self._open())

    def _note_links(self, number: int, old: set[tuple[int, int]]) -> None:
        new = links(self.known.values())
        for post in sorted({post for post, _ in old ^ new}):
            known = self.known[post]
            targets = [user for one, user in new - old if one == post]
            users = {user for one, user in old ^ new if one == post}
            for wish in self._open():
                if wish.kind == "link" and wish.value[0] == post:
                    wish.end = number
            value = (post, targets[0] if targets else None)
            is_new = known.key is None and known.session is None
            held = [self.known[one] for one in users if self.known[one].key is not None]
            excuse = (
                "a new post that no Session was given" if is_new and not any(map(is_detached, held)) else ""
            )
            if any(self._is_to_be_deleted(self.known[one]) for one in {post, *users}):
                excuse = "one of the two was to be deleted"
            self._wish("link", ("Post.user", "User.posts"), value, known, number, excuse, users)
            if self._is_true(self.wishes[-1]):
                self.wishes[-1].excuse = ALREADY

        for known in list(self.known.values()):
            earlier = self.earlier.get(known.number, ({}, False))[0]
            if known.class_name == "Post" and "user" in known.values and "user" not in earlier:
                value = (known.number, known.values["user"])
                self._wish("link", ("Post.user", "User.posts"), value, known, number, ALREADY)

    def _note_new_rows(self, number: int) -> None:
        for known in list(self.known.values()):
            if known.pending and not any(
                wish.kind == "row" and known.number in wish.carriers for wish in self._open()
            ):
                attribute = NAMING[known.class_name]
                value = (known.class_name, attribute, known.values.get(attribute))
                same = [wish for wish in self.wishes if wish.kind == "row" and wish.value == value]
                self._wish("row", (known.class_name,), value, known, number, "")
                for wish in [self.wishes[-1], *same]:
                    wish.copied = bool(same)

    def _wish(
        self,
        kind: str,
        names: tuple[str, ...],
        value: Any,
        known: Known,
        number: int,
        excuse: str,
        others: Collection[int] = (),
    ) -> None:
        self.wishes.append(Wish(kind, names, value, {known.number, *others}, number, excuse=excuse))

    def _open(self) -> list[Wish]:
        return [wish for wish in self.wishes if not wish.end]

    def _note_delete(self, number: int, known: Known) -> None:
        for wish in self._open():
            if any(
                self.known[one].key == known.key and self.known[one].class_name == known.class_name
                for one in wish.carriers
            ):
                wish.excuse = wish.excuse or "its row was to be deleted"
        value = (known.class_name, known.key)
        self._wish("delete", (known.class_name,), value, known, number, "")
        if self._is_true(self.wishes[-1]):
            self.wishes[-1].excuse = ALREADY

    def _note_bulk(self, number: int, known: Known) -> None:
        if known.key is None:
            attribute = NAMING[known.class_name]
            value = (known.class_name, attribute, known.values.get(attribute))
            self._wish("row", (known.class_name,), value, known, number, "")
            if self._is_true(self.wishes[-1]):
                self.wishes[-1].excuse = ALREADY  # its copy was saved by merge(), so this is a second row
        known.merged = known.merged or known.key is not None
        for wish in self._open():
            if known.number in wish.carriers:
                wish.sessions |= self.involved

    def _excuse_carried(self, number: int, why: str) -> None:
        self._excuse([wish for wish in self._open() if number in wish.carriers], why)

    def _excuse_sessions(self, sessions: set[int], why: str) -> None:
        self._excuse([wish for wish in self._open() if wish.sessions & sessions], why)

    def _excuse(self, wishes: list[Wish], why: str) -> None:
        for wish in wishes:
            wish.excuse = wish.excuse or why

    def _settle(self, number: int) -> None:
        self.committed = self.dump()
        for wish in self._open():
            wish.sessions |= {
                session for one in wish.carriers if (session := self.known[one].session) is not None
            }
            if wish.excuse not in (ALREADY, SHARED) and self._is_true(wish):
                wish.end = number

    def _is_true(self, wish: Wish) -> bool:
        if wish.kind in ("set", "row"):
            class_name, attribute, value = wish.value
            return any(row[attribute] == value for row in self.committed[class_name].values())
        if wish.kind == "delete":
            return wish.value[1] not in self.committed[wish.value[0]]
        post, user = self.known[wish.value[0]], self.known.get(wish.value[1] or 0)
        target = self._key_of(user) if user is not None else None
        rows = self.committed["Post"]
        found = (
            [rows.get(post.key)]
            if post.key is not None
            else [row for row in rows.values() if row["title"] == post.values.get("title")]
        )
        return any(row is not None and row["user"] == target for row in found)
