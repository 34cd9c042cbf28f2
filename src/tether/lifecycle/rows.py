"""The words of the lifecycle table: what a call does to a Session and to instances. Plain values only."""

from __future__ import annotations

from dataclasses import dataclass, field

# What an effect does. Subjects are given by Effect.to.
VERBS = (
    "flush",  # changes are written: pending become persistent, those marked to be deleted become deleted; what the
    # database computes is left unloaded (see Mapping)
    "expire",  # loaded attributes of persistent instances are forgotten, the primary key too; `attributes` narrows it
    "discard",  # changes of persistent instances that were not flushed are dropped; the instance forgets them too
    "load",  # what a query loads (columns, eager relationships, options of the query that first loaded the row) is
    # loaded where it is not; or the named attributes
    "detach",  # persistent ones leave the Session, *detached*; pending ones become transient. Nothing is unloaded, and
    # changes stay on the instance, where nothing writes them any more. To "all": deleted ones are left as they are
    "make transient",  # it leaves the Session and forgets that it had a row; its attributes stay
    "make detached",  # transient become detached: what was not set counts as expired, what was set as unchanged
    "add",  # transient become pending, detached become persistent; what was marked to be deleted is not any more
    "delete",  # marked to be deleted at the next flush, detached ones enter the Session; relationships that the cascade
    # goes over are loaded, and to read these what is expired
    "remove",  # DELETE was sent: they are *deleted*; expired ones stay persistent
    "set",  # UPDATE was sent: plain values are set; where an attribute that it sets had a change that was not flushed,
    # the attribute is expired and the change lost
    "update",  # the same, and what the database computes is unloaded
    "let load",  # its relationships load through this Session, which writes nothing of it
    "copy",  # merge: the argument stays as it is; the result is another one, or the argument if that is in this Session
    "begin",  # a transaction, or with "when inside" a savepoint, begins
    "commit",  # it ends and its work is kept; deleted ones are detached if the Session expires on commit
    "rollback",  # it ends and its work is lost: deleted ones are persistent again, nothing is marked to be deleted
    "close",  # the Session gives up its connection, and work that was not committed; it can be used again
    "end",  # the ambient Session is another one from here on (scoped_session.remove, teardown)
    "read",  # every attribute of the argument may be read here: a serialiser, a template
    "hand over",  # the argument goes to another thread, process or task, and is used there later
    "send",  # the argument goes to a queue at once, and a worker that waits there may begin with it
    "keep",  # the argument is kept after the call: a cache
)

SUBJECTS = (
    "session",  # the Session itself
    "all",  # every instance in the Session
    "argument",  # the instance or instances given as `argument`, and what the relationships' cascade reaches; the
    # argument "self" is the receiver
    "result",  # what the call returns
)

# When an effect holds. "" is always.
CONDITIONS = (
    "",
    "expire_on_commit",  # the Session was made with expire_on_commit=True, SQLAlchemy's default
    "autoflush",  # the Session autoflushes
    "owned",  # the context manager made the Session itself: sessionmaker.begin(), but not Session.begin()
    "changed",  # of those instances only that have changes
    "new",  # of those instances only that were inserted or added in this transaction, or since the savepoint
    "inside",  # of those instances only that were changed since the savepoint; of a rollback: of what was done since it
    "matched",  # of those instances only whose rows the statement touches
    "absent",  # of those instances only that were not in the Session yet, or were expired
)

# What Returns.kind may be, and the class whose rows then hold, unless Returns.type says another.
KINDS = {
    "session": "sqlalchemy.orm.Session",
    "async session": "sqlalchemy.ext.asyncio.AsyncSession",
    "scoped session": "sqlalchemy.orm.scoped_session",
    "factory": "sqlalchemy.orm.sessionmaker",
    "instance": "",
    "optional instance": "",
    "instances": "",
    "row": "",
    "optional row": "",
    "rows": "",
    "result": "sqlalchemy.engine.Result",
    "scalars": "sqlalchemy.engine.ScalarResult",
    "query": "sqlalchemy.orm.Query",
    "statement": "sqlalchemy.Select",
    "manager": "",
    "self": "",
    "value": "",
}

ROLES = ("call", "manager", "statement", "decorator", "boundary")

# What a query that has a loader option, or a mapping without one, does to an attribute.
LOADING = (
    "load",  # it is loaded with the row
    "leave",  # it stays unloaded; to read it sends SQL
    "raise",  # it stays unloaded; to read it raises
    "raise on sql",  # it stays unloaded; to read it raises unless the identity map has the row
    "empty",  # to read it gives None or an empty collection, whatever the database holds, and sends no SQL
    "query",  # it is never loaded; to read it gives something to query with
    "keep",  # unchanged
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One thing a call does, in the order of the row.

    Attributes:
        verb: One of VERBS.
        to: One of SUBJECTS.
        argument: Name of the parameter that holds the instance, where *to* is ``argument``.
        attributes: Name of the parameter that lists attribute names; "" for all of them.
        when: One of CONDITIONS.
        given: Name of a parameter that must be given for the effect to hold; with "!" before it: must be left out.
            A literal None or False counts as left out. ``load=False`` means: given as just that; ``!load=False``: not.
        sure: False if it only may happen.
    """

    verb: str
    to: str
    argument: str = ""
    attributes: str = ""
    when: str = ""
    given: str = ""
    sure: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Returns:
    """What a call gives.

    Attributes:
        kind: One of KINDS.
        of: Where its class comes from: ``entity`` (the parameter named *argument* holds the class, or several),
            ``statement``, ``receiver``, ``argument`` (the class of that instance) or "".
        argument: Name of the parameter meant by *of*.
        awaited: It must be awaited.
        state: State of the instances it gives: ``persistent`` or "" where it depends.
        type: Dotted name of the class whose rows hold for what it gives; "" for instances, rows and values.
    """

    kind: str
    of: str = ""
    argument: str = ""
    awaited: bool = False
    state: str = ""
    type: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What one call does.

    Attributes:
        on: Dotted names of the functions or methods it holds for: ``sqlalchemy.orm.Session.commit``. A class stands for
            calling it; ``()`` after a name for what the call gives, where that has no class of its own.
        role: ``call``; ``manager`` (the call gives a context manager, *effects* are those of entering it; without a
            ``with`` it only begins); ``statement`` (*effects* are those of executing what it gives); ``decorator``; or
            ``boundary`` (ambient Sessions end where a function so marked, or so registered, ends).
        attribute: It is read, not called: a property.
        parameters: Names of the positional parameters, without self. One with "*" before it takes all further
            arguments, named ones too; effects speak of it without the "*".
        effects: In order.
        leaving: Effects of leaving the ``with`` block without an exception, where *role* is ``manager``.
        failing: Effects of leaving it by an exception.
        returns: What it gives (a manager: what ``as`` binds).
        raises: Whether it may raise a database error; an exception edge leaves *before* its effects.
        session: Where the Session is: ``receiver``, ``result``, ``ambient``, ``every`` (all that there are),
            ``transaction`` (what zope.sqlalchemy has joined to one), or the name of a parameter.
        needs: States the instance that *parameters* begins with must be in; in any other the call raises
            InvalidRequestError. () for all.
        defaults: (setting, value) of the Sessions it makes, such as ``("expire_on_commit", "true")``.
        package: Distribution whose version *since* and *until* are about.
        since: First version it holds for, "" for all.
        until: First version it does not hold for any more, "" for none.
        fact: Where the knowledge is from: a row of the truth tests, or a page of the package's documentation.
        why: SQLAlchemy's word for the cause, as in a story: ``close``, ``commit``, ``rollback``, ``expunge``, ...
    """

    on: tuple[str, ...]
    role: str = "call"
    attribute: bool = False
    parameters: tuple[str, ...] = ()
    effects: tuple[Effect, ...] = ()
    leaving: tuple[Effect, ...] = ()
    failing: tuple[Effect, ...] = ()
    returns: Returns | None = None
    raises: bool = False
    session: str = "receiver"
    needs: tuple[str, ...] = ()
    defaults: tuple[tuple[str, str], ...] = ()
    package: str = "sqlalchemy"
    since: str = ""
    until: str = ""
    fact: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where Sessions come from without a call that makes one.

    Attributes:
        annotations: Dotted names of classes: a parameter so annotated is a Session of the caller's.
        names: Names of parameters that are Sessions where nothing says otherwise: weak evidence.
        kind: ``session`` or ``async session``.
        owner: ``parameter``, ``request`` or ``ambient``.
        expire_on_commit: ``true``, ``false`` or "" where it is not known.
    """

    annotations: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    kind: str = "session"
    owner: str = "parameter"
    expire_on_commit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """Names under which something of the table can be reached too.

    Attributes:
        name: Dotted name a program may write: ``sqlalchemy.orm.session.Session``.
        of: Dotted name the table uses for it.
    """

    name: str
    of: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """What a loader option does, in the query that has it, to the attributes it names.

    Attributes:
        on: Dotted names of the function and of the method of Load that chains it.
        effect: One of LOADING.
        other: One of LOADING: what it does to the other columns of the same class (``load_only`` leaves them).
        follows: Whether an option chained to it is about the class its attribute leads to.
        given: (parameter, effect) where an argument that is given changes the effect: ``defer(raiseload=True)``.
        since: First version of SQLAlchemy it holds for, "" for all.
        until: First version it does not hold for any more, "" for none.
        fact: Where the knowledge is from.
    """

    on: tuple[str, ...]
    effect: str
    other: str = "keep"
    follows: bool = False
    given: tuple[str, str] = ("", "")
    since: str = ""
    until: str = ""
    fact: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapping:
    """Whether an attribute is loaded, by how it is mapped.

    Attributes:
        kind: ``relationship`` or ``column``.
        setting: Parameter of ``relationship()`` or ``mapped_column()`` that decides it, such as ``lazy``, or what the
            attribute is made with: ``column_property``, ``Computed``; "" for an attribute with none of the others.
        values: Values of the parameter it holds for, as Python writes them, or ``sql`` for a SQL expression; () for any
            other.
        queried: One of LOADING: in an instance that a query without options loads.
        inserted: One of LOADING: after the flush that inserts an instance on which it was not set.
        updated: One of LOADING: after the flush that updates an instance on which it was loaded and not changed.
        sure: False if *inserted* or *updated* depend on the database: ``load`` where it has RETURNING.
        since: First version of SQLAlchemy it holds for, "" for all.
        until: First version it does not hold for any more, "" for none.
        fact: Where the knowledge is from.
    """

    kind: str
    setting: str = ""
    values: tuple[str, ...] = ()
    queried: str = "load"
    inserted: str = "leave"
    updated: str = "keep"
    sure: bool = True
    since: str = ""
    until: str = ""
    fact: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Everything that is known. ``rows`` and ``options`` are looked up by dotted name."""

    rows: dict[str, tuple[Row, ...]]
    sources: tuple[Source, ...]
    aliases: dict[str, str]
    bases: dict[str, tuple[str, ...]]  # dotted name of a class -> of those whose rows it inherits
    options: dict[str, tuple[Option, ...]] = field(default_factory=dict)
    mappings: tuple[Mapping, ...] = ()
