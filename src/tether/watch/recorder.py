"""The recorder: what one watch knows and whom it tells. Made by ``start()``, never at import."""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from functools import partial
from itertools import count
from typing import Any, Final

from sqlalchemy.orm import Session
from sqlalchemy.orm.state import InstanceState

from tether.core.config import Config
from tether.core.finding import Finding, Place
from tether.core.states import Cause
from tether.orm import private
from tether.watch.events import Event, Instance, MapGrew
from tether.watch.ledger import Ledger
from tether.watch.loaders import Way, way_to
from tether.watch.memory import MAXIMUM_SESSIONS, CommitLog, Ending, Mark, Runs, SessionRecord
from tether.watch.site import Site, Sites

BEFORE: Final = "before the watch began"
FORGOTTEN: Final = "too many queries ago to be remembered"
GROWING: Final = 10  # transactions in a row after which an identity map is said to only grow
NO_LINE: Final = "no line of the program is on the stack"

_generations = count(1)
_tokens = count(1)


def token_of(state: InstanceState[Any]) -> int:
    """Return a number that names this instance for as long as it lives, and no other ever."""
    token: int | None = getattr(state, "_tether_token", None)
    if token is None:
        token = next(_tokens)
        state._tether_token = token  # type: ignore[attr-defined]
    return token


def _without_data(error: BaseException) -> str:
    """Return class and place of an error; its text may hold what it was about, such as an identity key."""
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    if traceback is None:
        return type(error).__name__
    name = traceback.tb_frame.f_globals.get("__name__", "")
    return f"{type(error).__name__} in {name}, line {traceback.tb_lineno}"


class Recorder:
    """Everything one watch remembers, and the way from an event to its detectors.

    Attributes:
        config: What the user asked for.
        sites: Takes call sites.
        runs: Where each query ran.
        sessions: Records by ``Session.hash_key``; None for a Session left out by sampling.
        log: Rows committed by this process.
        generation: Number of this watch; marks that another one left are not trusted.
        late: What finalizers saw; they may run anywhere, so they only append here.
    """

    def __init__(self, config: Config, ledger: Ledger) -> None:
        self.config = config
        self.ledger = ledger
        self.generation = next(_generations)
        self.sites = Sites(config.skip, self.generation)
        self.capture = self.sites.capture
        self.runs = Runs()
        self.sessions: dict[int, SessionRecord | None] = {}
        self.log = CommitLog()
        self.handlers: dict[type[Event], list[tuple[Any, Callable[[Any], Iterable[Finding] | None]]]] = {}
        self.late: deque[Callable[[], None]] = deque(maxlen=100_000)
        self.local = threading.local()
        self.dormant: list[Any] = []
        self._modules = 0
        self._sampled = 0.0

    # ------------------------------------------------------------------ events

    def takes(self, event: type[Event]) -> bool:
        """Return True if some detector takes this event."""
        return bool(self.handlers.get(event))

    def subscribe(self, detector: Any, events: Collection[type[Event]]) -> None:
        """Send *events* to *detector*."""
        for event in events:
            self.handlers.setdefault(event, []).append((detector, getattr(detector, event.handler)))

    def publish(self, event: Any, class_path: str = "") -> list[Finding]:
        """Tell every detector that takes it; return the findings, also those that are allowed.

        A detector that raises is switched off and named once; nothing reaches the program.
        """
        found: list[Finding] = []
        for detector, handler in tuple(self.handlers.get(type(event), ())):
            try:
                found.extend(handler(event) or ())
            except Exception as error:  # whatever it is, it must not become the program's bug
                self.switch_off(detector, error)
        for finding in found:
            self.ledger.add(finding, class_path)
        return found

    def later(self, event: Event, class_path: str = "") -> None:
        """Publish at the next safe moment: a finalizer may run while a lock of ours is held."""
        self.late.append(partial(self._publish_late, event, class_path))

    def _publish_late(self, event: Event, class_path: str) -> None:
        self.publish(event, class_path)

    def switch_off(self, detector: Any, error: Exception) -> None:
        """Take a detector that raised out of every list, and say so."""
        for handlers in self.handlers.values():
            handlers[:] = [entry for entry in handlers if entry[0] is not detector]
        name = detector.hazard.name
        self.ledger.disable(name, f"{name} is switched off: its detector raised {_without_data(error)}")

    def broke(self, hook: str, error: Exception) -> None:
        """Note that one of our hooks raised; the program does not notice."""
        self.ledger.disable(hook, f"the hook {hook!r} raised {_without_data(error)}; findings may be missed")

    def drain(self) -> None:
        """Work through what finalizers left."""
        while self.late:
            try:
                work = self.late.popleft()
            except IndexError:
                return
            work()

    # ------------------------------------------------------------------ sessions

    def adopt(self, number: int, created: Site | None, *, before_watch: bool = False) -> SessionRecord | None:
        """Start a record for a Session, unless sampling leaves it out."""
        if self.dormant and len(sys.modules) != self._modules:
            self.wake()
        if len(self.sessions) >= MAXIMUM_SESSIONS:
            self._forget_dead_sessions()
        record = SessionRecord(number, created, before_watch) if self._is_sampled() else None
        self.sessions[number] = record
        return record

    def wake(self) -> None:
        """Start the probes whose module the program has imported by now."""
        self._modules = len(sys.modules)
        for probe in [probe for probe in self.dormant if private.is_imported(probe.module)]:
            self.dormant.remove(probe)
            probe.begin()

    def record(self, session: Session) -> SessionRecord | None:
        """Return the record of *session*; one that existed before the watch gets one now."""
        number = session.hash_key
        try:
            return self.sessions[number]
        except KeyError:
            return self.adopt(number, None, before_watch=True)

    def _is_sampled(self) -> bool:
        # Evenly, not by chance: a share of 0.1 takes each tenth Session, and a run can be repeated.
        self._sampled += self.config.sample
        if self._sampled < 1.0 - 1e-9:
            return False
        self._sampled -= 1.0
        return True

    def _forget_dead_sessions(self) -> None:
        alive = private.live_sessions()
        for number in [number for number in self.sessions if number not in alive]:
            self.sessions.pop(number, None)

    # ------------------------------------------------------------------ instances

    def instance(self, state: InstanceState[Any]) -> Instance:
        """Return what is known of an instance, in plain values."""
        loaded, detached, expired, changed = self.places(state)
        query, _ = self.query_of(state)
        name = state.class_.__name__
        return Instance(
            token=token_of(state),
            class_name=name,
            class_path=f"{state.class_.__module__}.{state.class_.__qualname__}",
            identity=f"{name}#{state.key[1]}" if self.config.values and state.key else name,
            loaded=loaded,
            detached=detached,
            expired=expired,
            changed=changed,
            query=self.place(query, "loaded") if query is not None else None,
            loaded_by=query.api if query is not None else "",
        )

    def query_of(self, state: InstanceState[Any]) -> tuple[Site | None, Way]:
        """Return the query that an option for *state* belongs on, and the relationships it leads along.

        For a row that was loaded lazily that is the query that loaded the first of its parents.
        """
        run = state.__dict__.get("runid", 0)
        if run in self.runs.lazy:
            return self.runs.lazy[run]
        made = getattr(state, "_tether_made", None)
        site = made[0] if made is not None else self.runs.sites.get(run)
        if site is None or site.api == "__get__" or (made is not None and made[1] != "loaded"):
            return None, ()
        return site, way_to(state)

    def places(self, state: InstanceState[Any]) -> tuple[Place, Place | None, Place | None, Place | None]:
        """Return where it was loaded, detached, expired and changed; leaves no mark on the state."""
        ending = self.ending(state)
        detached, expired = self._detached(state, ending), self._expired(state, ending)
        return self.loaded(state), detached, expired, self._changed(state)

    def ending(self, state: InstanceState[Any]) -> Ending | None:
        """Return why *state* has no Session, if this watch saw it."""
        ending = getattr(state, "_tether_end", None)
        return ending if ending is not None and ending.generation == self.generation else None

    def loaded(self, state: InstanceState[Any]) -> Place:
        """Return where the instance was loaded, created or unpickled."""
        made = getattr(state, "_tether_made", None)
        if made is not None:
            return self.place(made[0], made[1])
        run = state.__dict__.get("runid")
        if run is not None and run in self.runs.sites:
            return self.place(self.runs.sites[run], "loaded")
        return Place("loaded", note=FORGOTTEN if self.runs.forgotten and run is not None else BEFORE)

    def _detached(self, state: InstanceState[Any], ending: Ending | None) -> Place | None:
        if state.key is None:
            return None
        if ending is not None:
            return self.place(ending.site, "detached", ending.cause)
        if state.session_id is not None and state.session_id not in private.live_sessions():
            return Place("detached", note="its Session was garbage-collected", cause=Cause.GARBAGE_COLLECTION)
        if state.session_id is None and not self._was_made_here(state):
            return Place("detached", note=BEFORE)
        return None

    def _was_made_here(self, state: InstanceState[Any]) -> bool:
        """Return True if this watch saw it come, and so would have seen it leave a watched Session.

        It came out of a pickle, was given a primary key by ``make_transient_to_detached()``, or its
        Session is left out by sampling.
        """
        made = getattr(state, "_tether_made", None)
        if made is None:
            return state.__dict__.get("runid") in self.runs.sites
        return made[1] == "unpickled" or (made[0] is not None and made[0].generation == self.generation)

    def _expired(self, state: InstanceState[Any], ending: Ending | None) -> Place | None:
        expiry = self.expiry(state, ending)
        return self.place(expiry.site, "expired", expiry.cause) if expiry is not None else None

    def expiry(self, state: InstanceState[Any], ending: Ending | None = None) -> Mark | None:
        """Return what last expired the whole instance: itself, or its Session's commit or rollback."""
        own = getattr(state, "_tether_expired", None)
        if own is not None and own.generation == self.generation:
            return own  # type: ignore[no-any-return]
        if ending is not None:
            return ending.expiry
        record = self.sessions.get(state.session_id or 0)
        return record.expiry if record is not None else None

    def _changed(self, state: InstanceState[Any]) -> Place | None:
        site = getattr(state, "_tether_wrote", None) if state.modified else None  # else flushed, or gone
        if site is None or site.generation != self.generation:
            return None
        return self.place(site, "changed")

    def place(self, site: Site | None, role: str, cause: str = "") -> Place:
        """Return *site* in its role, or words in its place."""
        if site is None:
            return Place(role, note=NO_LINE, cause=cause)
        return site.place(
            role, cause=cause, note="" if site.own else "inside a library; no line of the program"
        )

    # ------------------------------------------------------------------ the end of a transaction

    def tell_repeated_loads(self, record: SessionRecord) -> None:
        """Publish how often each repeated load went on after it was reported."""
        for load in (record.loads or {}).values():
            if load.count:
                self.publish(replace(load.event, count=load.count), load.event.instance.class_path)

    def measure(self, session: Session, record: SessionRecord) -> None:
        """At the end of a transaction, note the size of the identity map; report one that only grows."""
        size = private.identity_map_size(session)
        if size < self.config.identity_map_threshold // GROWING:
            return
        sizes = record.sizes = record.sizes or []
        if sizes and size <= sizes[-1]:
            sizes.clear()
        sizes.append(size)
        if len(sizes) == GROWING and size >= self.config.identity_map_threshold and self.takes(MapGrew):
            self.publish(MapGrew(record.created, record.before_watch, size, len(sizes), self.capture()))
