"""What lives in the abstract state: Sessions, instances, collections, ... Immutable; a change makes another.

Each knows how to ``join`` with what it is on another path. Facts are sets of what may be: a fact holds surely where the
set has one element.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tether.check.abstract.changing import replace
from tether.check.abstract.values import NOTHING, UNKNOWN, Class, Function, KeyTest, Value, join

TRANSIENT, PENDING, PERSISTENT, DETACHED = "transient", "pending", "persistent", "detached"
LOADED, UNLOADED, EXPIRED, UNSURE = "loaded", "unloaded", "expired", "unsure"
OPEN, CLOSED = "open", "closed"
IDLE = "idle"  # of a Session: it has no transaction
LINGERING = "lingering"  # of an instance: only its Session's transaction refers to its Session
Facts = frozenset[str]
Options = tuple[
    tuple[str, str, "Options"], ...
]  # (attribute, one of lifecycle's LOADING, options of what it leads to)


class Where(NamedTuple):
    """A line of the program.

    Attributes:
        cause: SQLAlchemy's word for what happened there, or "".
        calls: The lines of the calls that led there, the outermost first.
    """

    module: str
    body: int
    line: int
    column: int
    end_line: int
    end_column: int
    cause: str = ""
    calls: tuple[Any, ...] = ()


def surely(facts: Facts, fact: str) -> bool:
    """Return whether *fact* is the only possibility."""
    return len(facts) == 1 and fact in facts


def earlier(mine: Where | None, theirs: Where | None) -> Where | None:
    """Return the witness to keep of two paths: any, but always the same one."""
    if mine is None or theirs is None:
        return mine or theirs
    return min(mine, theirs)


def join_maps(mine: Mapping[Any, Value], theirs: Mapping[Any, Value]) -> dict[Any, Value]:
    """Return what each key may hold; a key of one side only may be missing, which nothing asks about."""
    joined = dict(mine)
    for key, value in theirs.items():
        held = joined.get(key)
        if held is not value:
            joined[key] = value if held is None else join((held, value))
    return joined


def join_held(mine: Mapping[str, Value], theirs: Mapping[str, Value]) -> dict[str, Value]:
    """Return what attributes may hold; one that was set on one path only may hold what the row has."""
    return {
        name: join((mine.get(name, UNKNOWN), theirs.get(name, UNKNOWN)))
        for name in dict.fromkeys((*mine, *theirs))
    }


class Immutable:
    """Equal to another of its kind with the same fields; compared as a whole, as this is done most."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        """Return whether all fields are the same."""
        return self is other or (type(self) is type(other) and self.__dict__ == other.__dict__)


@dataclass(frozen=True, kw_only=True, eq=False)
class Session(Immutable):
    """A Session.

    Attributes:
        type: Dotted name of its class in the lifecycle table.
        expire_on_commit: None where it is not known.
        owner: ``own`` (made in the code that is looked at), ``parameter``, ``ambient`` or ``global``.
        sure: Proved or annotated to be a Session, not only named like one.
        life: OPEN, CLOSED.
        work: ``added``, ``flushed``: what waits for a commit; ``failed``: an error was caught and nothing rolled back.
        must: What surely does: ``added``, ``flushed``, ``begun`` (it holds a connection), ``failed``, ``unreadable``,
            ``idle``.
        made, ended, failed: Where it was made, closed, and where its flush failed.
        changed: Where the first work was done that waits for a commit; flushed: where it was sent last.
        escaped: It was given to somebody who may end it later.
        managed: It is in a ``with``.
        bind: What it is bound to; NOTHING if that is not said.
        joined: Something was added to it, or it was given to somebody who may have done so.
        tasks: Numbers of the coroutines that were started, use it, and were not awaited yet.
        subclass: The class of the project it is of, derived from *type*.
    """

    type: str = "sqlalchemy.orm.Session"
    expire_on_commit: bool | None = True
    owner: str = "own"
    sure: bool = True
    life: Facts = frozenset({OPEN})
    work: Facts = frozenset()
    must: Facts = frozenset()
    made: Where | None = None
    ended: Where | None = None
    changed: Where | None = None
    flushed: Where | None = None
    failed: Where | None = None
    escaped: bool = False
    managed: bool = False
    tasks: frozenset[int] = frozenset()
    autoflush: bool | None = True
    bind: Value = NOTHING
    subclass: Class | None = None
    joined: bool = False

    @property
    def asynchronous(self) -> bool:
        """Whether it is an AsyncSession."""
        return "async" in self.type.lower()

    def join(self, other: Session) -> Session:
        """Return what is true of both or may be true of one."""
        return replace(
            self,
            expire_on_commit=self.expire_on_commit
            if self.expire_on_commit == other.expire_on_commit
            else None,
            sure=self.sure and other.sure,
            life=self.life | other.life,
            work=self.work | other.work,
            must=self.must & other.must,
            ended=earlier(self.ended, other.ended),
            changed=earlier(self.changed, other.changed),
            flushed=earlier(self.flushed, other.flushed),
            failed=earlier(self.failed, other.failed),
            escaped=self.escaped or other.escaped,
            managed=self.managed or other.managed,
            joined=self.joined or other.joined,
            autoflush=self.autoflush if self.autoflush == other.autoflush else None,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Instance(Immutable):
    """A row as an instance, or, where *many*, each row of a collection.

    Attributes:
        model: Its mapped class.
        session: Number of the Session it is in, or was in last; -1 for none.
        states: TRANSIENT, PENDING, PERSISTENT, DETACHED, UNSURE.
        columns: LOADED, UNLOADED, EXPIRED, UNSURE: of the columns that *attributes* does not name.
        attributes: The same by name, for relationships and for what differs from the other columns.
        held: What a relationship or an attribute surely holds, where the program set or read it.
        options: What the statement that loaded it loads with it.
        fresh: It was inserted in this Session, so the mapping's eager loading was not applied.
        changed: Attributes with a change that was not flushed, and where.
        touched: Where a change that was not flushed was made on some way here, of whichever attribute.
        written: The same, made while it was detached.
        lost: Those whose change left the Session with it: where it was made, and where it left.
        loaded, expired, detached, merged: Witnesses.
        many: It stands for several rows.
        loop: The loop it is the element of, in this turn; *of* is the number of what stands for all elements.
        parent: Number of the instance whose relationship led to it; -1 for none.
        others: The Session may have had it before, so more of it may be loaded than the statement says.
    """

    model: Class
    session: int = -1
    states: Facts = frozenset({PERSISTENT})
    columns: Facts = frozenset({LOADED})
    attributes: Mapping[str, Facts]
    held: Mapping[str, Value]
    options: Options = ()
    fresh: bool = False
    changed: Mapping[str, Where]
    touched: Where | None = None
    written: Mapping[str, Where]
    lost: Mapping[str, tuple[Where, Where]] = field(default_factory=dict)
    loaded: Where | None = None
    expired: Where | None = None
    detached: Where | None = None
    merged: Where | None = None
    many: bool = False
    loop: Where | None = None
    of: int = -1
    parent: int = -1
    others: bool = False
    flags: Facts = frozenset()

    def join(self, other: Instance) -> Instance:
        """Return what may be true of either."""
        names = dict.fromkeys((*self.attributes, *other.attributes))
        return replace(
            self,
            session=self.session if self.session == other.session else -1,
            states=self.states | other.states if self.session == other.session else frozenset({UNSURE}),
            columns=self.columns | other.columns,
            attributes={
                name: self.attributes.get(name, self.columns) | other.attributes.get(name, other.columns)
                for name in names
            },
            held=join_held(self.held, other.held) if self.held or other.held else self.held,
            options=self.options if self.options == other.options else (),
            fresh=self.fresh or other.fresh,
            changed={name: where for name, where in self.changed.items() if name in other.changed},
            touched=earlier(self.touched, other.touched),
            written={name: where for name, where in self.written.items() if name in other.written},
            lost={name: where for name, where in self.lost.items() if name in other.lost},
            loaded=earlier(self.loaded, other.loaded),
            expired=earlier(self.expired, other.expired),
            detached=earlier(self.detached, other.detached),
            merged=self.merged if self.merged == other.merged else None,
            many=self.many or other.many,
            loop=self.loop if self.loop == other.loop else None,
            others=self.others or other.others,
            flags=self.flags & other.flags,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Collection(Immutable):
    """A list, tuple, set, dictionary, iterator or generator.

    Attributes:
        kind: ``list``, ``tuple``, ``set``, ``dict``, ``iterator``, or ``relation`` (a relationship's collection).
        element: What each element may be; of a dictionary, each value.
        items: What is known by position or key.
        owner: Number of the instance whose relationship it is, and the relationship's name.
        made: Where it was made.
        unbounded: It is every row of an unlimited statement.
        uses: How it was used: ``iterated``, ``other``.
    """

    kind: str
    element: Value = NOTHING
    items: Mapping[Any, Value]
    owner: tuple[int, str] = (-1, "")
    made: Where | None = None
    unbounded: bool = False
    uses: Facts = frozenset()

    def join(self, other: Collection) -> Collection:
        """Return what may be in either."""
        return replace(
            self,
            kind=self.kind if self.kind == other.kind else "list",
            element=join((self.element, other.element)),
            items=join_maps(self.items, other.items) if self.items.keys() == other.items.keys() else {},
            owner=self.owner if self.owner == other.owner else (-1, ""),
            unbounded=self.unbounded and other.unbounded,
            uses=self.uses | other.uses,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Statement(Immutable):
    """A ``select()``, ``update()``, ``delete()`` or ``Query``.

    Attributes:
        verb: ``select``, ``update``, ``delete``, ``insert`` or ``unknown``.
        entities: What each element of a row is: a class, an Attribute (a column), or unknown.
        session: Number of the Session of a Query; -1 for a statement.
        options: What is loaded with the entities; None where an option was not understood.
        narrowed: It has a WHERE, LIMIT or the like.
        refreshes: populate_existing.
        target: Of an UPDATE, the class whose rows it changes; NOTHING where the Session is not told.
        keys: Its conditions that name the row of an instance.
        sets: The columns it sets, as far as they are known.
        returning: Its rows are what *entities* say.
    """

    verb: str
    entities: tuple[Value, ...] = ()
    session: int = -1
    options: Options | None = ()
    narrowed: bool = False
    refreshes: bool = False
    target: Value = NOTHING
    keys: frozenset[KeyTest] = frozenset()
    sets: Facts = frozenset()
    returning: bool = False
    made: Where | None = None

    def join(self, other: Statement) -> Statement:
        """Return the statement where both are alike, otherwise one of which little is known."""
        same = self.entities == other.entities and self.session == other.session
        return replace(
            self,
            verb=self.verb if self.verb == other.verb else "unknown",
            entities=self.entities if same else (),
            options=self.options if self.options == other.options else None,
            target=self.target | other.target,
            keys=self.keys & other.keys,
            sets=self.sets | other.sets,
            narrowed=self.narrowed or other.narrowed,
            refreshes=self.refreshes or other.refreshes,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Loader(Immutable):
    """Loader options: ``selectinload(User.orders)``, chained or not.

    Attributes:
        options: As a tree.
        path: Attributes down to where the next option of the chain is put.
        known: False if something in it was not understood.
    """

    options: Options = ()
    path: tuple[str, ...] = ()
    known: bool = True

    def join(self, other: Loader) -> Loader:
        """Return options of which nothing is known, as two paths differ."""
        return replace(self, known=False)


@dataclass(frozen=True, kw_only=True, eq=False)
class Result(Immutable):
    """What executing a statement gave: rows, or their first elements where *scalars*."""

    statement: Statement
    session: int
    type: str = "sqlalchemy.engine.Result"
    scalars: bool = False
    made: Where | None = None

    def join(self, other: Result) -> Result:
        """Return the result of either statement."""
        return replace(
            self,
            statement=self.statement.join(other.statement),
            session=self.session if self.session == other.session else -1,
            scalars=self.scalars and other.scalars,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Factory(Immutable):
    """A sessionmaker or scoped_session: what makes Sessions. *ambient* is the number of a registry's own Session."""

    type: str = "sqlalchemy.orm.sessionmaker"
    makes: str = "sqlalchemy.orm.Session"
    expire_on_commit: bool | None = True
    autoflush: bool | None = True
    bind: Value = NOTHING
    ambient: int = -1
    subclass: Class | None = None

    def join(self, other: Factory) -> Factory:
        """Return a factory of which only what both share is known."""
        same = self.expire_on_commit == other.expire_on_commit
        flushing = self.autoflush if self.autoflush == other.autoflush else None
        return replace(self, expire_on_commit=self.expire_on_commit if same else None, autoflush=flushing)


@dataclass(frozen=True, kw_only=True, eq=False)
class Manager(Immutable):
    """A context manager that was made and is entered by ``with``.

    Attributes:
        row: Its row in the lifecycle table, or None.
        session: Number of the Session it is about.
        owned: It made the Session itself.
        function: Of the project, under ``@contextmanager``; *arguments* as they were bound.
        suspended: After entering: where its generator waits, (block, op), with its registers.
    """

    row: Any = None
    session: int = -1
    owned: bool = False
    gives: Value = UNKNOWN
    function: Function | None = None
    arguments: Mapping[str, Value]
    context: int = -1
    suspended: tuple[tuple[int, int], ...] = ()
    registers: Mapping[int, Value]

    def join(self, other: Manager) -> Manager:
        """Return either: they come from the same line."""
        return replace(
            self,
            gives=join((self.gives, other.gives)),
            suspended=tuple(sorted({*self.suspended, *other.suspended})),
            registers=join_maps(self.registers, other.registers),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Object(Immutable):
    """An instance of a class that is not mapped: of the project, or from outside (*external* is its dotted name)."""

    class_: Class | None = None
    external: str = ""
    fields: Mapping[str, Value]
    kept: bool = False  # a global of a module, so it outlives the function

    def join(self, other: Object) -> Object:
        """Return an object whose fields may hold what either has."""
        return replace(self, fields=join_maps(self.fields, other.fields), kept=self.kept or other.kept)


@dataclass(frozen=True, kw_only=True, eq=False)
class Frame(Immutable):
    """The variables of one call of a body. *parent* is the frame of the function around it."""

    variables: Mapping[str, Value]
    parent: int = -1
    module: str = ""
    body: int = -1

    def join(self, other: Frame) -> Frame:
        """Return frames in which each variable may be either; one that is bound on one path only may be unbound."""
        return replace(self, variables=join_maps(self.variables, other.variables))


@dataclass(frozen=True, kw_only=True, eq=False)
class Coroutine(Immutable):
    """A call that waits to be awaited. Its work is taken as done where it was called.

    Attributes:
        result: What awaiting it gives.
        sessions: Numbers of the Sessions it works with.
    """

    result: Value
    sessions: frozenset[int] = frozenset()
    made: Where | None = None
    many: bool = False  # one for each element of something

    def join(self, other: Coroutine) -> Coroutine:
        """Return either."""
        return replace(
            self, result=join((self.result, other.result)), sessions=self.sessions | other.sessions
        )


Thing = (
    Session
    | Instance
    | Collection
    | Statement
    | Loader
    | Result
    | Factory
    | Manager
    | Object
    | Frame
    | Coroutine
)
