"""Mode ``raise``: the safe moments after a Session's method, when what was found may be raised."""

from __future__ import annotations

from typing import Any

from tether.watch.probes.base import Probe


class Raising(Probe):
    """Raises what was found during ``close()`` and ``merge()`` once they have done all their work."""

    names = ("close_session", "expunge", "expunge_all", "merge_public")
    order = 9

    def wrap_close_session(self, original: Any) -> Any:
        """Wrap what ``close()``, ``reset()`` and ``invalidate()`` share."""

        def _close_impl(self_: Any, *arguments: Any, **options: Any) -> None:
            local = self.recorder.local
            local.closing = True
            try:
                original(self_, *arguments, **options)
            finally:
                local.closing = False
            self.recorder.ledger.raise_pending()

        return _close_impl

    def wrap_expunge(self, original: Any) -> Any:
        """Wrap ``Session.expunge()``."""

        def expunge(self: Any, instance: Any) -> None:
            original(self, instance)
            probe.recorder.ledger.raise_pending()

        probe = self
        return expunge

    def wrap_expunge_all(self, original: Any) -> Any:
        """Wrap ``Session.expunge_all()``; inside ``close()`` it is too early to raise."""

        def expunge_all(self: Any) -> None:
            original(self)
            if not getattr(probe.recorder.local, "closing", False):
                probe.recorder.ledger.raise_pending()

        probe = self
        return expunge_all

    def wrap_merge_public(self, original: Any) -> Any:
        """Wrap ``Session.merge()``."""

        def merge(self: Any, instance: Any, *, load: bool = True, options: Any = None) -> Any:
            result = original(self, instance, load=load, options=options)
            probe.recorder.ledger.raise_pending()
            return result

        probe = self
        return merge
