"""Everything a watched program does that a detector may care about: one frozen dataclass per fact.

Plain values and call sites only, never a live object: an event keeps no instance and no Session alive.
A detector takes an event by defining the method of the same name in lower case: ``LoadRefused`` goes
to ``load_refused``. An event that no detector takes is not looked for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from tether.core.finding import Place
from tether.core.states import Cause
from tether.watch.site import Site


@dataclass(frozen=True, slots=True)
class Instance:
    """What is known of an instance when something happens to it.

    Attributes:
        token: A number for this instance, and for no other ever.
        class_name: ``User``.
        class_path: ``app.models.User``.
        identity: ``User#7`` if printing data was asked for, else ``User``.
        loaded: Where it was loaded, created or unpickled.
        detached: Where and why it left its Session; None if it is in one, or never was.
        expired: Where and why it was last expired as a whole; None if it was not.
        changed: Where its first unflushed change was made; None if there is none.
        query: The query that can load more of it by an option; None if there is none, or none is known.
        loaded_by: SQLAlchemy's method that loaded it, such as ``get`` or ``scalars``; "" if not known.
    """

    token: int
    class_name: str
    class_path: str
    identity: str
    loaded: Place
    detached: Place | None = None
    expired: Place | None = None
    changed: Place | None = None
    query: Place | None = None
    loaded_by: str = ""


class Event:
    """Base of all events; ``handler`` is the name of the method that takes one."""

    __slots__ = ()
    handler: ClassVar[str] = ""

    def __init_subclass__(cls) -> None:
        cls.handler = re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()


@dataclass(frozen=True, slots=True)
class LoadRefused(Event):
    """SQLAlchemy raised DetachedInstanceError: an attribute needed SQL and there is no Session.

    Attributes:
        kind: ``relationship``, ``deferred`` or ``expired``.
        loader: The option that loads it with the query, as code; "" if no option does.
    """

    instance: Instance
    attribute: str
    kind: str
    loader: str
    site: Site | None


@dataclass(frozen=True, slots=True)
class AwaitRefused(Event):
    """SQLAlchemy raised MissingGreenlet: an attribute needed SQL where nothing can be awaited.

    Attributes:
        kind: ``relationship``, ``deferred``, ``expired`` or ``server`` (a value the database made at a flush).
    """

    instance: Instance
    attribute: str
    kind: str
    loader: str
    cause: Cause
    site: Site | None


@dataclass(frozen=True, slots=True)
class DetachedWrite(Event):
    """A detached instance was changed. It may yet come back, so nothing is lost so far.

    Attributes:
        merged: Where it was the argument of ``merge()`` since it was detached; None if it was not.
        unused: True if the result of that ``merge()`` was thrown away on the spot.
    """

    instance: Instance
    attribute: str
    site: Site | None
    merged: Site | None
    unused: bool


@dataclass(frozen=True, slots=True)
class InstanceReturned(Event):
    """A detached instance was added, merged or saved in bulk: what was changed is not lost."""

    token: int


@dataclass(frozen=True, slots=True)
class InstanceGone(Event):
    """An instance that was changed while detached is gone for good.

    Attributes:
        attributes: Names whose values really differ from what was loaded; may be empty.
    """

    token: int
    attributes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ChangesDropped(Event):
    """Unflushed changes were forgotten.

    Attributes:
        attributes: Names whose values really differed.
        can_return: True if the instance still holds them, and they are saved if it is added to a Session.
        count: How many instances lost alike changes at once.
    """

    instance: Instance
    attributes: tuple[str, ...]
    cause: Cause
    site: Site | None
    can_return: bool = False
    count: int = 1


@dataclass(frozen=True, slots=True)
class WorkAbandoned(Event):
    """A Session ended with rows that were added or flushed, and neither committed nor rolled back.

    Attributes:
        rows: ``(class name, class path, operation, where it was flushed or added, where it was made)``;
            operation is ``INSERT``, ``UPDATE``, ``DELETE``, or ``add`` or ``delete`` for what was never flushed.
    """

    rows: tuple[tuple[str, str, str, Site | None, Site | None], ...]
    cause: Cause
    site: Site | None
    created: Site | None


@dataclass(frozen=True, slots=True)
class MergedOver(Event):
    """``merge()`` set attributes, or removed rows, that somebody else had changed since the copy was loaded.

    Attributes:
        restored: Attributes put back to what the copy was loaded with.
        conflicting: Attributes changed on both sides.
        removed: Relationships that lost rows the copy never knew.
        added: Relationships that got rows back which somebody else had taken out.
    """

    instance: Instance
    restored: tuple[str, ...]
    conflicting: tuple[str, ...]
    removed: tuple[str, ...]
    added: tuple[str, ...]
    site: Site | None


@dataclass(frozen=True, slots=True)
class SessionOverlap(Event):
    """Two threads or tasks were inside one Session at the same time."""

    created: Site | None
    before_watch: bool
    here: Site | None
    there: Site | None
    tasks: bool
    method: str


@dataclass(frozen=True, slots=True)
class SessionRefused(Event):
    """SQLAlchemy refused an instance because it is in another Session, or in none.

    Attributes:
        method: The method that refused: ``add``, ``refresh``, ``expire``, ``expunge``, ``delete``.
        attached: Where it joined the Session it is in; None if it is in none.
        original: Where the Session got its own instance of the same row; None if it has none.
    """

    instance: Instance
    method: str
    attached: Site | None
    elsewhere: bool
    site: Site | None
    original: Place | None = None


@dataclass(frozen=True, slots=True)
class CopyAdded(Event):
    """A new instance was added whose primary key is that of a persistent instance in the same Session."""

    instance: Instance
    original: Instance
    site: Site | None


@dataclass(frozen=True, slots=True)
class InsertRefused(Event):
    """An INSERT failed on a row that the program had given a primary key."""

    instance: Instance
    site: Site | None


@dataclass(frozen=True, slots=True)
class HandedOver(Event):
    """A row or Session was passed to another thread, process, queue or background task.

    Attributes:
        what: ``User`` or ``Session``.
        receiver: ``threading.Thread``, ``ThreadPoolExecutor.submit``, ...
        reason: Why that hurts: ``attached``, ``expired`` or ``in use``.
    """

    what: str
    class_path: str
    instance: Instance | None
    receiver: str
    reason: str
    site: Site | None


@dataclass(frozen=True, slots=True)
class SerialisedEmpty(Event):
    """An expired instance was pickled or dumped: what was expired is silently missing.

    Attributes:
        how: ``pickle``, ``copy.deepcopy``, ``SQLModel.model_dump``.
    """

    instance: Instance
    how: str
    missing: tuple[str, ...]
    site: Site | None


@dataclass(frozen=True, slots=True)
class OutdatedRead(Event):
    """A detached instance was read after this process committed a newer version of its row."""

    instance: Instance
    attribute: str
    operation: str
    committed: Site | None
    site: Site | None


@dataclass(frozen=True, slots=True)
class UsedAfterFailure(Event):
    """A Session was used again after a flush or statement failed and the error was caught."""

    created: Site | None
    before_watch: bool
    failed: Site | None
    error: str
    site: Site | None


@dataclass(frozen=True, slots=True)
class LoadedInLoop(Event):
    """The same attribute was loaded row by row from one line.

    Attributes:
        kind: ``relationship``, ``deferred`` or ``expired``.
        count: How many rows so far, in this transaction.
        expired: Where the rows were expired, for ``expired``.
    """

    instance: Instance
    attribute: str
    kind: str
    loader: str
    count: int
    site: Site | None


@dataclass(frozen=True, slots=True)
class SessionCollected(Event):
    """A Session was garbage-collected while its transaction was open."""

    created: Site | None
    before_watch: bool
    began: Site | None


@dataclass(frozen=True, slots=True)
class MapGrew(Event):
    """The identity map of a Session grew with every transaction, past the threshold."""

    created: Site | None
    before_watch: bool
    size: int
    transactions: int
    site: Site | None


@dataclass(frozen=True, slots=True)
class EverythingFetched(Event):
    """``.all()`` built a long list that is only iterated, from a query without a limit."""

    what: str
    rows: int
    site: Site | None


@dataclass(frozen=True, slots=True)
class StateShared(Event):
    """An attribute was set on an instance whose state belongs to another one: ``copy.copy(instance)``."""

    instance: Instance
    attribute: str
    site: Site | None


@dataclass(frozen=True, slots=True)
class DynamicEmpty(Event):
    """A dynamic relationship of a detached instance was read: it answers with nothing."""

    instance: Instance
    attribute: str
    site: Site | None


@dataclass(frozen=True, slots=True)
class InstanceKept(Event):
    """A detached instance was found in something that lives as long as the process.

    Attributes:
        keeper: ``app.cache.USERS``, ``app.views.Page.current``, ``lru_cache of app.rates.rate_for``.
    """

    instance: Instance
    keeper: str
