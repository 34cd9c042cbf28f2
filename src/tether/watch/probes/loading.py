"""Where instances come from: queries, constructors, pickles. One dictionary entry a query, nothing per row."""

from __future__ import annotations

from typing import Any

from tether.core.states import Cause
from tether.orm import private
from tether.watch.dropping import report_dropped
from tether.watch.events import ChangesDropped, LoadedInLoop
from tether.watch.loaders import attribute_of_load, loader_option
from tether.watch.memory import RepeatedLoad
from tether.watch.probes.base import Probe

_LONGEST_WAY = 8  # a chain of options longer than this helps nobody


class Queries(Probe):
    """Remembers the line of each query, and counts loads that repeat row by row."""

    names = ("instances",)
    events = (LoadedInLoop, ChangesDropped)
    always = True

    def wrap_instances(self, original: Any) -> Any:
        """Wrap the function that turns a cursor into instances."""
        recorder = self.recorder
        capture, runs = recorder.capture, recorder.runs

        def instances(cursor: Any, context: Any) -> Any:
            result = original(cursor, context)
            if self.on:
                try:
                    site = capture()
                    runs.add(context.runid, site)
                    if private.has_limit(context):
                        runs.limited.add(context.runid)
                    parent, refreshed = private.single_row_load(context)
                    if parent is not None or refreshed is not None:
                        self.single_row(context, parent, refreshed, site)
                    elif private.overwrites(context):
                        self.populating(context, site)
                except Exception as error:
                    self.broke(error)
            return result

        return instances

    def single_row(self, context: Any, parent: Any, refreshed: Any, site: Any) -> None:
        """Note a lazy load or a refresh, and report each one from the threshold on."""
        recorder = self.recorder
        if refreshed is not None:
            self._keep_origin(refreshed)
        else:
            self._keep_way(context, parent)
        record = recorder.record(context.session)
        if record is None or site is None or site.api == "refresh" or not recorder.takes(LoadedInLoop):
            return
        state = refreshed if refreshed is not None else parent
        attribute, kind = attribute_of_load(context, state, refreshed is not None)
        if record.loads is None:
            record.loads = {}
        key = (site, state.class_, attribute, kind)
        load = record.loads.get(key)
        if load is None:
            load = record.loads[key] = RepeatedLoad()
        if load.event is not None:
            load.count += 1  # told when the transaction ends
            return
        load.rows.add(state.key or id(state))
        if len(load.rows) >= recorder.config.loop_threshold:
            option = loader_option(state.mapper, attribute, recorder.query_of(state)[1])
            facts = recorder.instance(state)
            load.event = LoadedInLoop(facts, attribute, kind, option, len(load.rows), site)
            load.rows.clear()  # they need not be told apart any longer
            recorder.publish(load.event, facts.class_path)

    def _keep_origin(self, state: Any) -> None:
        # The refresh gives the state a new run number; keep where the row came from in the first place.
        sites, run = self.recorder.runs.sites, state.__dict__.get("runid")
        if getattr(state, "_tether_made", None) is None and run in sites:
            state._tether_made = (sites[run], "loaded")

    def _keep_way(self, context: Any, parent: Any) -> None:
        # What a lazy load brings could have come with the query that loaded its parent.
        site, way = self.recorder.query_of(parent)
        if len(way) < _LONGEST_WAY:
            self.recorder.runs.lazy[context.runid] = (
                site,
                (*way, (parent.mapper, private.lazy_attribute(context))),
            )

    def populating(self, context: Any, site: Any) -> None:
        """Report changes that the rows of this query are about to overwrite."""
        recorder, session = self.recorder, context.session
        if recorder.record(session) is None:
            return
        classes = tuple(private.classes_of(context))
        states = [state for state in private.modified_states(session) if issubclass(state.class_, classes)]
        report_dropped(recorder, self.waiting, states, Cause.POPULATE_EXISTING, site)


class Constructors(Probe):
    """Remembers where an instance was created."""

    names = ("initialize",)
    always = True

    def wrap_initialize(self, original: Any) -> Any:
        """Wrap the call of a mapped class's constructor."""
        capture = self.recorder.capture

        def _initialize_instance(*mixed: Any, **kwargs: Any) -> None:
            if self.on:
                try:
                    mixed[0]._tether_made = (capture(), "created")
                except Exception as error:
                    self.broke(error)
            original(*mixed, **kwargs)

        return _initialize_instance
