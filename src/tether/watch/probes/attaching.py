"""How instances join a Session: added, merged, saved in bulk."""

from __future__ import annotations

from typing import Any

from sqlalchemy import inspect
from sqlalchemy.orm.state import InstanceState

from tether.core.states import Cause
from tether.orm import private
from tether.orm.inspect import has_net_changes
from tether.watch.abandoned import note_statement
from tether.watch.changes import note_copied, note_entrusted
from tether.watch.events import CopyAdded, InstanceReturned, MergedOver
from tether.watch.memory import Ending, Mark, Written
from tether.watch.merging import compare_merged, remember_given
from tether.watch.opcodes import result_is_dropped
from tether.watch.probes.base import Probe
from tether.watch.probes.using import tell_refused_inserts, with_given_keys


class Attaching(Probe):
    """Notes that an instance joined a Session, so that what was changed on it is not lost."""

    names = ("after_attach", "bulk_save")
    events = (CopyAdded, InstanceReturned)
    always = True

    def wrap_after_attach(self, original: Any) -> Any:
        """Wrap the moment when ``add()`` or one of its cascades has taken an instance in; refusals come earlier."""

        def _after_attach(self_: Any, state: Any, obj: Any) -> None:
            if self.on:
                try:
                    self.joined(self_, state, obj)
                except Exception as error:
                    self.broke(error)
            original(self_, state, obj)

        return _after_attach

    def joined(self, session: Any, state: Any, obj: Any) -> None:
        """Forget that the instance was detached, and remember where it joined."""
        recorder = self.recorder
        state._tether_end = None
        if state.key is not None:
            self.waiting.returned(state)
            state._tether_joined = Mark(recorder.capture(), Cause.UNKNOWN, recorder.generation)
        elif recorder.takes(CopyAdded):
            self.note_copy(session, state, obj)

    def note_copy(self, session: Any, state: Any, obj: Any) -> None:
        """Report a new instance with the primary key of one that is persistent in the same Session."""
        if not state.manager.is_mapped:
            return  # a subclass that is not mapped; SQLAlchemy will say so
        mapper, values = state.mapper, state.dict
        names = [mapper.get_property_by_column(column).key for column in mapper.primary_key]
        if any(values.get(name) is None for name in names):
            return
        key = mapper.identity_key_from_primary_key(tuple(values[name] for name in names))
        other = private.states_by_identity(session).get(key)
        if other is None or other is state or private.is_being_deleted(session, other):
            return
        recorder = self.recorder
        facts, original = recorder.instance(state), recorder.instance(other)
        recorder.publish(CopyAdded(facts, original, recorder.capture()), facts.class_path)

    def wrap_bulk_save(self, original: Any) -> Any:
        """Wrap what all bulk methods share: they write detached instances, or dictionaries made from them."""

        def _bulk_save_mappings(
            self_: Any, mapper: Any, mappings: Any, *arguments: Any, **options: Any
        ) -> Any:
            if not self.on:
                return original(self_, mapper, mappings, *arguments, **options)
            given = list(mappings)  # it may be a generator
            operation = ""
            try:
                self.began(self_)
                operation = _operation(given, *arguments, **options)
            except Exception as error:
                self.broke(error)
            try:
                result = original(self_, mapper, given, *arguments, **options)
            except Exception as error:
                self.bulk_failed(self_, error, given)
                raise
            try:
                mapped = inspect(mapper)
                if operation:
                    note_statement(self.recorder, self_, mapped.class_, operation)
                self.saved(self_, mapped, given)
            except Exception as error:
                self.broke(error)
            return result

        return _bulk_save_mappings

    def began(self, session: Any) -> None:
        """Remember that the Session holds a connection from here on, even if nothing was to be sent."""
        record = self.recorder.record(session)
        if record is not None and record.began is None:
            record.began = self.recorder.capture()

    def bulk_failed(self, session: Any, error: Exception, given: list[Any]) -> None:
        """Remember where it failed: the Session refuses everything until a rollback; explain a second INSERT."""
        try:
            record = self.recorder.record(session)
            if record is not None:
                record.failure = (self.recorder.capture(), type(error).__name__)
                states = [item for item in given if isinstance(item, InstanceState)]
                tell_refused_inserts(self.recorder, error, with_given_keys(states))
        except Exception as own:
            self.broke(own)

    def saved(self, session: Any, mapper: Any, given: list[Any]) -> None:
        """Note that these rows were written, whoever holds them."""
        record = self.recorder.record(session)
        for item in given:
            if isinstance(item, InstanceState):
                self.waiting.columns_saved(item)
                if record is not None:
                    note_entrusted(item, record, columns_only=True)
            elif isinstance(item, dict) and self.waiting.candidates:
                names = [mapper.get_property_by_column(column).key for column in mapper.primary_key]
                key = mapper.identity_key_from_primary_key(tuple(item.get(name) for name in names))
                self.waiting.row_saved(key)


def _is_written(state: Any, written: dict[Any, Written]) -> bool:
    """Return True if this transaction has written the row itself, or any row of its class by a statement."""
    return state.key in written or any(
        not row.token and row.class_ is state.class_ for row in written.values()
    )


def _operation(
    given: list[Any],
    isupdate: bool,
    isstates: bool,
    return_defaults: bool,
    update_changed_only: bool,
    render_nulls: bool,
) -> str:
    """Return what a bulk method is about to send: ``INSERT``, ``UPDATE``, or "" if nothing has a change."""
    if not given:
        return ""
    if not isupdate:
        return "INSERT"
    return "UPDATE" if not (isstates and update_changed_only) or any(map(has_net_changes, given)) else ""


class Merging(Probe):
    """Compares what ``merge()`` was given with what it found in the database."""

    names = ("merge",)
    events = (MergedOver, InstanceReturned)

    def wrap_merge(self, original: Any) -> Any:
        """Wrap the one function behind ``merge()``, ``merge_all()`` and their cascades."""

        def _merge(self_: Any, state: Any, state_dict: Any, **options: Any) -> Any:
            seen = options.get("_recursive")
            outermost = not seen and self.on
            result = original(self_, state, state_dict, **options)
            if outermost:
                try:
                    self.merged(self_, seen or {}, options.get("load", True))
                except Exception as error:
                    self.broke(error)
            return result

        return _merge

    def merged(self, session: Any, pairs: dict[Any, Any], load: bool) -> None:
        """Note for each argument, cascades included, that it was merged, and what that did to the row."""
        recorder = self.recorder
        record = recorder.record(session)
        if record is None:
            return
        site = recorder.capture()
        unused = site is not None and result_is_dropped(site.code, site.lasti)
        written = record.all_flushed()
        for source, result in pairs.items():
            if not isinstance(source, InstanceState) or source.obj() is result:
                continue
            self.waiting.returned(source)
            note_copied(source, inspect(result))
            note_entrusted(source, record)
            by_others = source.key is not None and not _is_written(source, written)
            if load and by_others and recorder.takes(MergedOver):
                self._compare(source, result, site)
            source._tether_merged = (site, unused)  # type: ignore[attr-defined]
            if source.key is None:  # a transient one gets a mark, so that writes to it are looked at
                ending = Ending(None, Cause.UNKNOWN, record, recorder.log.sequence, recorder.generation)
                source._tether_end = ending  # type: ignore[attr-defined]

    def _compare(self, source: Any, result: Any, site: Any) -> None:
        difference = compare_merged(source, inspect(result))
        remember_given(source)
        if difference is not None:
            facts = self.recorder.instance(source)
            self.recorder.publish(MergedOver(facts, *difference, site), facts.class_path)
