"""Every change of an attribute or collection, on attached and on detached instances."""

from __future__ import annotations

from typing import Any

from tether.orm import private
from tether.watch.events import ChangesDropped, DetachedWrite, StateShared, WorkAbandoned
from tether.watch.probes.base import Probe
from tether.watch.waiting import note_write


class Writing(Probe):
    """Remembers the first unflushed change of each instance, and sees changes of detached ones."""

    names = ("modified",)
    events = (DetachedWrite, StateShared, ChangesDropped, WorkAbandoned)  # the last two name the line

    def wrap_modified(self, original: Any) -> Any:
        """Wrap the one function that every instrumented change passes, before it is made."""

        def _modified_event(
            self_: Any,
            dict_: Any,
            attr: Any,
            previous: Any,
            collection: bool = False,
            is_userland: bool = False,
        ) -> None:
            # Not the second change of an instance in a Session, and none of a new one: three attribute reads.
            if self_._tether_end is None and (
                self_.modified if self_.session_id is not None else self_.key is None
            ):
                return original(self_, dict_, attr, previous, collection, is_userland)  # type: ignore[no-any-return]
            if self.on:
                try:
                    self.note(self_, dict_, attr, previous)
                except Exception as error:
                    self.broke(error)
                self.recorder.ledger.raise_pending()
            original(self_, dict_, attr, previous, collection, is_userland)

        return _modified_event

    def note(self, state: Any, dict_: Any, attribute: Any, previous: Any) -> None:
        """Note a change that is about to be made."""
        if attribute is None or not attribute.send_modified_events:
            return
        if self.note_shared(state, dict_, attribute):
            return
        number = state.session_id
        if number is not None and private.is_live(number):
            if self.recorder.sessions.get(number, True) is not None:
                state._tether_wrote = self.recorder.capture()
                state._tether_escaped = None
        elif state.key is not None or getattr(state, "_tether_merged", None) is not None:
            self.note_detached(state, attribute, previous)

    def note_shared(self, state: Any, dict_: Any, attribute: Any) -> bool:
        """Report a state that belongs to another instance than the one that is written to."""
        instance = state.obj()
        if instance is None or getattr(instance, "__dict__", dict_) is dict_ or state.dict is dict_:
            return False
        facts = self.recorder.instance(state)
        self.recorder.publish(StateShared(facts, attribute.key, self.recorder.capture()), facts.class_path)
        return True

    def note_detached(self, state: Any, attribute: Any, previous: Any) -> None:
        """Report a change of an instance that no Session tracks; it waits for the instance's end or return."""
        recorder = self.recorder
        ending = recorder.ending(state)
        if not recorder.takes(DetachedWrite) or (ending is not None and ending.session is None):
            return
        merged, unused = getattr(state, "_tether_merged", None) or (None, False)
        candidate = self.waiting.hold(state, after_merge=merged is not None)
        if candidate is None:
            return
        if not note_write(candidate, state, attribute, previous):
            return
        facts = recorder.instance(state)
        event = DetachedWrite(facts, attribute.key, recorder.capture(), merged, unused)
        recorder.publish(event, facts.class_path)
