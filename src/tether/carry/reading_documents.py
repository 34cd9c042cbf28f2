"""``loads()``: bytes in, a snapshot or draft out, or one error. Nothing in the bytes names code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from itertools import chain, repeat
from typing import Any, TypeAlias

import msgspec

from tether.carry.columns import UNREADABLE, Format
from tether.carry.documents import VERSION, Document
from tether.carry.drafts import DraftView, SnapshotView
from tether.carry.graph import Graph
from tether.carry.migrating import Migration, migration
from tether.carry.pausing import collector_paused
from tether.carry.reading_changes import Changes
from tether.carry.reading_tables import none_at_all, read_table
from tether.carry.registries import classes_by_name
from tether.carry.tables import Nodes, Table, Tables
from tether.errors import SnapshotError

Rename: TypeAlias = Mapping[str, str] | Callable[[str], str | None]


SMALLEST_ROW = 4  # bytes; fewer do not hold a row in either format


class Header(msgspec.Struct):
    """The part that every version of the format has."""

    tether: int


class Parts(msgspec.Struct):
    """The parts of a document that have rows, not read yet."""

    tables: list[msgspec.Raw] = []
    mine: list[msgspec.Raw] = []


def loads(
    data: bytes | bytearray | memoryview | str,
    registry: Any,
    *,
    rename: Rename | None = None,
    max_bytes: int = 64 * 2**20,
    max_rows: int = 100_000,
) -> Any:
    """Return the snapshot or draft (or the list of them) that ``dumps`` wrote, in either format.

    Only classes of *registry* are made, and only through tether's twins: no constructor, no setter and nothing that
    the bytes name is run. A column whose type is the program's own ``TypeDecorator`` is asked for its value; each
    value is checked to be of a type that its column has. Memory grows with the size of the data and no faster. The
    cyclic garbage collector rests meanwhile.

    Args:
        data: What ``dumps`` gave. It is not signed: who can change it can change every value in it.
        registry: The classes it may name: a declarative base, a ``registry()``, or mapped classes.
        rename: For documents of an older program: ``{"Order.titel": "title", "Bill": "Order"}``, or a function
            that takes such a name and returns the new one, or None to keep it.
        max_bytes: Longer data are refused before anything is read.
        max_rows: More rows than this are refused.

    Raises:
        SnapshotError: Always this one: not a document, damaged, too large, of a class that is not in *registry*,
            with a value that its column cannot have, or of a schema that cannot be taken over; the message names what.
    """
    classes = classes_by_name(registry)
    with collector_paused():
        document, form = parse(data, max_bytes, max_rows)
        return Reader(document, form, classes, rename).view()


def parse(
    data: bytes | bytearray | memoryview | str, max_bytes: int, max_rows: int
) -> tuple[Document, Format]:
    """Return the document that the bytes hold, and which format they have."""
    if not isinstance(data, str | bytes | bytearray | memoryview):
        raise SnapshotError(f"loads() takes what dumps() gave, bytes or text; got {type(data).__name__}")
    try:
        read = data.encode() if isinstance(data, str) else bytes(data)
    except (UnicodeEncodeError, ValueError) as error:
        raise SnapshotError(f"loads() takes bytes; got {type(data).__name__} that cannot be read") from error
    if len(read) > max_bytes:
        raise SnapshotError(
            f"the document has {len(read)} bytes, more than {max_bytes}; max_bytes= allows more"
        )
    form: Format = "json" if read[:1] in {b"{", b" ", b"\n", b"\t", b"\r"} else "msgpack"
    coder: Any = msgspec.json if form == "json" else msgspec.msgpack
    try:
        # A part may take twenty times its bytes, so they are counted before they are read.
        parts = coder.decode(read, type=Parts) if len(read) > SMALLEST_ROW * max_rows else Parts()
        is_too_long = len(parts.tables) + len(parts.mine) > max_rows
        found: Document = coder.decode(read, type=Header if is_too_long else Document)
    except UNREADABLE as error:
        newer = version_of(read, coder)
        if newer is not None and newer > VERSION:
            raise SnapshotError(
                f"a newer tether wrote this document (format {newer}, here {VERSION})"
            ) from error
        raise SnapshotError(f"not a document of tether: {error}") from error
    if found.tether != VERSION:
        raise SnapshotError(f"the document has format {found.tether}; this tether reads {VERSION}")
    if is_too_long or sum(len(table.rows) for table in found.tables) + len(found.mine) > max_rows:
        raise SnapshotError(f"the document has more than {max_rows} rows; max_rows= allows more")
    if found.kind not in {"snapshot", "draft"}:
        raise SnapshotError(f"not a document of tether: it is neither snapshot nor draft, but {found.kind!r}")
    return found, form


def version_of(data: bytes, coder: Any) -> int | None:
    """Return the version of the format, if the bytes are any document at all."""
    try:
        return int(coder.decode(data, type=Header).tether)
    except UNREADABLE:
        return None


class Reader:
    """Makes a graph of one document."""

    def __init__(
        self, document: Document, form: Format, classes: Mapping[str, type], rename: Rename | None
    ) -> None:
        self.document = document
        self.form: Format = form
        self.migrations = [migration(part, classes, renamer(rename)) for part in document.classes]
        for found in self.migrations:
            found.together = self.migrations

    def view(self) -> Any:
        """Return what was written."""
        document = self.document
        if document.many and not document.roots:
            return []
        tables = [read_table(part, self.migration(part.of), self.form) for part in document.tables]
        self.check(tables)
        base = Graph(self.taken(), Nodes(Tables(tables, document.roots)), document.roots, document.many)
        base.fingerprints = {m.shape.class_: m.shape.fingerprint for m in self.migrations}
        if document.mine and document.kind == "snapshot":
            raise SnapshotError("the document is a snapshot and has changes")
        mine = base
        if document.kind == "draft":
            mine = Changes(document.mine, self.migration, base).graph()
        wrong = [token for token in base.roots if token not in mine.nodes]
        if wrong or (not document.many and len(base.roots) != 1):
            raise SnapshotError("the document does not say which rows were taken")
        return (SnapshotView(base) if document.kind == "snapshot" else DraftView(base, mine)).result()

    def taken(self) -> datetime:
        """Return when the snapshot was taken."""
        try:
            when = datetime.fromisoformat(self.document.taken)
            return when.astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise SnapshotError("the document does not say when it was taken") from error

    def migration(self, place: int) -> Migration:
        """Return what is known of a class."""
        if not 0 <= place < len(self.migrations):
            raise SnapshotError("the document has a row without a class")
        return self.migrations[place]

    def check(self, tables: list[Table]) -> None:
        """Refuse rows that are numbered wrongly, and relationships that hold no row or one of another class."""
        numbers = list(chain.from_iterable(table.tokens for table in tables))
        if len(set(numbers)) != len(numbers) or (numbers and min(numbers) < 0):
            raise SnapshotError("the document numbers its rows wrongly")
        class_of: dict[int, type] = {}
        for table in tables:
            class_of.update(zip(table.tokens, repeat(table.class_), strict=False))
        for table, part in zip(tables, self.document.tables, strict=True):
            relations = self.migration(part.of).shape.relations
            for name, links in table.links.items():
                target = relations[name].target
                held = {class_of.get(token) for token in set(links.held())}
                if not all(class_ is not None and issubclass(class_, target) for class_ in held):
                    raise none_at_all(table.class_, name)


def renamer(rename: Rename | None) -> Callable[[str], str]:
    """Return a function from old names to new ones."""
    if rename is None:
        return lambda name: name
    if isinstance(rename, Mapping):
        return lambda name: rename.get(name, name.rpartition(".")[2])
    return lambda name: rename(name) or name.rpartition(".")[2]
