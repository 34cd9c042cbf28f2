"""Results: long lists built only to be looped over, and dynamic relationships that answer with nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import inspect

from tether.orm import private
from tether.watch.events import DynamicEmpty, EverythingFetched
from tether.watch.opcodes import result_is_iterated
from tether.watch.probes.base import Probe


class Fetching(Probe):
    """Sees ``.all()`` return very many rows. Shorter lists cost a call and a length."""

    names = ("all_rows", "all_scalars")
    events = (EverythingFetched,)

    def wrap_all_rows(self, original: Any) -> Any:
        """Wrap ``Result.all()``, which ``Query.all()`` calls too."""
        return self._wrap(original)

    def wrap_all_scalars(self, original: Any) -> Any:
        """Wrap ``ScalarResult.all()``."""
        return self._wrap(original)

    def _wrap(self, original: Any) -> Any:
        threshold = self.recorder.config.rows_threshold

        def all(self: Any) -> Any:
            rows = original(self)
            if len(rows) >= threshold and probe.on:
                try:
                    probe.fetched(rows)
                except Exception as error:
                    probe.broke(error)
            return rows

        probe = self
        return all

    def fetched(self, rows: Any) -> None:
        """Report instances that were fetched without a limit, only to be iterated."""
        recorder = self.recorder
        first = rows[0]
        if isinstance(first, Sequence) and len(first) and not isinstance(first, str):
            first = first[0]
        state = private.state_of_anything(first)
        if state is None or state.__dict__.get("runid") in recorder.runs.limited:
            return
        site = recorder.capture()
        if site is None or not result_is_iterated(site.code, site.lasti):
            return
        class_ = state.class_
        path = f"{class_.__module__}.{class_.__qualname__}"
        recorder.publish(EverythingFetched(class_.__name__, len(rows), site), path)


class Dynamic(Probe):
    """Sees a dynamic relationship being read on a detached instance."""

    names = ("dynamic",)
    events = (DynamicEmpty,)

    def wrap_dynamic(self, original: Any) -> Any:
        """Wrap the iteration of a dynamic relationship's query."""

        def _iter(self_: Any) -> Any:
            if self.on:
                try:
                    self.read(self_)
                except Exception as error:
                    self.broke(error)
                self.recorder.ledger.raise_pending()
            return original(self_)

        return _iter

    def read(self, query: Any) -> None:
        """Report it if the parent is detached."""
        state = inspect(query.instance)
        if state.detached:
            recorder = self.recorder
            facts = recorder.instance(state)
            event = DynamicEmpty(facts, query.attr.key, recorder.capture())
            recorder.publish(event, facts.class_path)
