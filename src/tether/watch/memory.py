"""What a watch remembers: one entry per query, one record per Session, one mark per thing that happened.

Nothing is kept per loaded row, and nothing here refers to an instance or a Session. The bounds below
state the memory: about 20,000 queries, 50,000 committed rows, 20,000 Sessions, 10,000 rows per transaction.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from tether.core.states import Cause
from tether.watch.site import Site

MAXIMUM_RUNS: Final = 20_000
MAXIMUM_COMMITTED: Final = 50_000
MAXIMUM_SESSIONS: Final = 20_000
MAXIMUM_FLUSHED: Final = 10_000


class Ending:
    """Why and where instances left their Session; one object for all that left together.

    Attributes:
        site: The user's line; None if it is not known.
        cause: SQLAlchemy's word.
        session: The record of the Session they left; None if it was not watched.
        sequence: How many commits this process had made by then.
        expiry: The commit or rollback that had last expired the whole Session; None if none did.
        generation: The watch that saw it. What an earlier watch saw may have been overtaken since.
    """

    __slots__ = ("cause", "expiry", "generation", "sequence", "session", "site")

    def __init__(
        self, site: Site | None, cause: Cause, session: SessionRecord | None, sequence: int, generation: int
    ) -> None:
        self.site = site
        self.cause = cause
        self.session = session
        self.sequence = sequence
        self.expiry = session.expiry if session is not None else None
        self.generation = generation


class Mark:
    """Where one instance, or a whole Session, was expired or joined, and which watch saw it."""

    __slots__ = ("cause", "generation", "site")

    def __init__(self, site: Site | None, cause: Cause, generation: int) -> None:
        self.site = site
        self.cause = cause
        self.generation = generation


class Written(NamedTuple):
    """A row that a flush wrote in a transaction that is still open."""

    class_: Any  # a mapped class; for a statement on a plain table, the table's name
    operation: str  # "INSERT", "UPDATE" or "DELETE"
    site: Site | None
    token: int
    attributes: tuple[str, ...]  # of an UPDATE; empty: any
    made: Site | None

    def followed_by(self, later: Written) -> Written:
        """Return two writes of one row as one: begun where the first was, with the attributes of both."""
        if later.operation != "UPDATE" or self.operation == "DELETE":
            return later
        known = bool(self.attributes) and bool(later.attributes)
        names = tuple({*self.attributes, *later.attributes}) if known else ()
        return later._replace(operation=self.operation, attributes=names, made=self.made or later.made)


class RepeatedLoad:
    """The same load from one line: the rows so far, and from the threshold on the event and how often."""

    __slots__ = ("count", "event", "rows")

    def __init__(self) -> None:
        self.rows: set[Any] = set()
        self.event: Any = None
        self.count = 0


def add_written(rows: dict[Any, Written], later: dict[Any, Written]) -> None:
    """Add what was written later: a row may be flushed more than once, with other attributes each time."""
    for key, row in later.items():
        before = rows.get(key)
        rows[key] = row if before is None else before.followed_by(row)


@dataclass(slots=True, eq=False)
class SessionRecord:
    """What is remembered of one Session; no reference to it.

    Attributes:
        number: ``Session.hash_key``.
        created: Where it was made; None if before the watch began.
        began: Where its open transaction began to be used.
        expiry: The last commit or rollback that expired everything in it.
        flush: Where it was last flushed.
        flushed: Rows written in the open transaction, by how many savepoints they lie in.
        databases: Which databases its last transaction used.
        inside: Threads and tasks that are inside one of its methods now, with how deep.
        loads: Lazy loads and refreshes of the open transaction, by line and attribute.
        failure: Where a flush or statement failed in the open transaction, and with which error.
        sizes: Size of the identity map at the end of each transaction so far, while it only grows.
        entrusted: What ``merge()`` and bulk methods took over in the open transaction, by instance.
        inherited: True if a fork has copied the Session: what it holds at the end is the parent's to save.
    """

    number: int
    created: Site | None = None
    before_watch: bool = False
    began: Site | None = None
    expiry: Mark | None = None
    flush: Site | None = None
    flushed: dict[int, dict[Any, Written]] = field(default_factory=dict)
    databases: tuple[str, ...] = ()
    inside: dict[tuple[int, int], int] = field(default_factory=dict)
    loads: dict[Any, RepeatedLoad] | None = None
    failure: tuple[Site | None, str] | None = None
    sizes: list[int] | None = None
    inherited: bool = False
    entrusted: list[dict[str, Any]] | None = None

    def forget_entrusted(self) -> None:
        """A rollback: what was given to this transaction is not saved by it."""
        for values in self.entrusted or ():
            values.clear()
        self.entrusted = None

    def all_flushed(self) -> dict[Any, Written]:
        """Return the rows written in the open transaction, savepoints included."""
        rows: dict[Any, Written] = {}
        for depth in sorted(self.flushed):
            add_written(rows, self.flushed[depth])
        return rows

    def commit_savepoint(self, depth: int) -> None:
        """What was written inside a savepoint now belongs to what surrounds it."""
        for inner in [level for level in self.flushed if level >= depth]:
            add_written(self.flushed.setdefault(depth - 1, {}), self.flushed.pop(inner))

    def roll_back_savepoint(self, depth: int) -> None:
        """What was written inside a savepoint is gone."""
        for inner in [level for level in self.flushed if level >= depth]:
            del self.flushed[inner]

    def inherit(self) -> None:
        """In a forked child: who is inside the Session, and what it has written, is the parent's."""
        self.inherited = True
        self.inside.clear()
        self.end_transaction()

    def end_transaction(self) -> None:
        """Forget what belongs to one transaction."""
        self.flushed = {}
        self.entrusted = None
        self.loads = None
        self.failure = None
        self.began = None


class Runs:
    """Where each query ran, by the run number that every loaded state carries. A ring."""

    def __init__(self) -> None:
        self.sites: dict[int, Site | None] = {}
        self.limited: set[int] = set()
        self.lazy: dict[
            int, tuple[Site | None, Any]
        ] = {}  # the query that a lazy load belongs to, and the way
        self.forgotten = False

    def add(self, run: int, site: Site | None) -> None:
        """Remember one query; the oldest tenth is forgotten when the ring is full."""
        sites = self.sites
        sites[run] = site
        if len(sites) > MAXIMUM_RUNS:
            self.forgotten = True
            for old in list(sites)[: MAXIMUM_RUNS // 10]:
                sites.pop(old, None)
                self.limited.discard(old)
                self.lazy.pop(old, None)


class Committed(NamedTuple):
    """The newest version of a row that this process has committed."""

    sequence: int
    operation: str
    site: Site | None
    token: int
    attributes: tuple[str, ...]


class CommitLog:
    """Rows committed by this process, by database and identity key."""

    def __init__(self) -> None:
        self.sequence = 0
        self.rows: OrderedDict[Any, Committed] = OrderedDict()

    def add(
        self, key: Any, operation: str, site: Site | None, token: int, attributes: tuple[str, ...]
    ) -> None:
        """Remember one committed row under the current sequence number."""
        rows = self.rows
        rows[key] = Committed(self.sequence, operation, site, token, attributes)
        rows.move_to_end(key)
        while len(rows) > MAXIMUM_COMMITTED:
            rows.popitem(last=False)
