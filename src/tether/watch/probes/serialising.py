"""Instances on their way into bytes: pickles, deep copies, dumps of SQLModel."""

from __future__ import annotations

import sys
from typing import Any

from tether.orm import private
from tether.orm.inspect import expired
from tether.watch.events import SerialisedEmpty
from tether.watch.probes.base import Probe

_REACH = 30


class Pickling(Probe):
    """Sees an instance being pickled or deep-copied; what is expired goes missing without a word."""

    names = ("pickle", "unpickle")
    events = (SerialisedEmpty,)
    always = True

    def wrap_pickle(self, original: Any) -> Any:
        """Wrap the state's half of pickling an instance."""

        def __getstate__(self_: Any) -> Any:
            if self.on:
                try:
                    self.pickled(self_)
                except Exception as error:
                    self.broke(error)
                self.recorder.ledger.raise_pending()
            return original(self_)

        return __getstate__

    def pickled(self, state: Any) -> None:
        """Report an expired instance; a changed one has escaped and is not taken for lost."""
        recorder = self.recorder
        if not state.manager.is_mapped:
            return  # instrumented by hand, without a mapper
        self.waiting.returned(state)
        state._tether_escaped = state.modified  # the pickle holds the change, and may be added somewhere
        missing = tuple(sorted(expired(state)))
        # A single column waiting for the database (onupdate, a server default) is not an empty instance.
        if missing and not state.dict.keys() & state.mapper.column_attrs.keys() and state.key is not None:
            facts = recorder.instance(state)
            how = "copy.deepcopy" if _is_deep_copy() else "pickle"
            recorder.publish(SerialisedEmpty(facts, how, missing, recorder.capture()), facts.class_path)

    def wrap_unpickle(self, original: Any) -> Any:
        """Wrap the state's half of unpickling, to remember where the instance comes from."""

        def __setstate__(self_: Any, state_dict: Any) -> None:
            original(self_, state_dict)
            if self.on:
                try:
                    self_._tether_made = (self.recorder.capture(), "unpickled")
                except Exception as error:
                    self.broke(error)

        return __setstate__


def _is_deep_copy() -> bool:
    frame = sys._getframe(2)
    for _ in range(_REACH):
        if frame.f_globals.get("__name__") == "copy":
            return True
        if frame.f_back is None:
            return False
        frame = frame.f_back
    return False


class Dumping(Probe):
    """Sees ``SQLModel.model_dump()``: it reads ``__dict__``, so an expired instance gives ``{}``."""

    events = (SerialisedEmpty,)
    module = "sqlmodel.main"
    methods = ("model_dump", "model_dump_json", "dict", "json")

    def start(self) -> None:
        """Wrap the dumping methods of SQLModel."""
        self.on = True
        self.wrapped: list[tuple[str, Any, bool]] = []
        self.model = sys.modules["sqlmodel.main"].SQLModel
        for name in self.methods:
            if hasattr(self.model, name):
                self._wrap(name)

    def _wrap(self, name: str) -> None:
        probe, had = self, name in vars(self.model)
        original = getattr(self.model, name)

        def dump(self: Any, *arguments: Any, **options: Any) -> Any:
            if probe.on:
                try:
                    probe.dumped(self, name)
                except Exception as error:
                    probe.broke(error)
                probe.recorder.ledger.raise_pending()
            return original(self, *arguments, **options)

        dump.__name__, dump.__doc__, dump.__wrapped__ = name, original.__doc__, original  # type: ignore[attr-defined]
        setattr(self.model, name, dump)
        self.wrapped.append((name, (original, dump), had))

    def stop(self) -> None:
        """Put SQLModel's own methods back."""
        self.on = False
        for name, (original, dump), had in getattr(self, "wrapped", ()):
            if vars(self.model).get(name) is dump:
                if had:
                    setattr(self.model, name, original)
                else:
                    delattr(self.model, name)
        self.wrapped = []

    def dumped(self, instance: Any, method: str) -> None:
        """Report an expired instance."""
        state = private.state_of_anything(instance)
        if state is None or state.key is None:
            return
        missing = tuple(sorted(expired(state)))
        if missing and not state.dict.keys() & state.mapper.column_attrs.keys():
            recorder = self.recorder
            facts = recorder.instance(state)
            event = SerialisedEmpty(facts, f"SQLModel.{method}", missing, recorder.capture())
            recorder.publish(event, facts.class_path)
