"""The end of ``async with``: SQLAlchemy closes in a task of its own, where the line and the exception are lost."""

from __future__ import annotations

from typing import Any

from tether.watch.probes.base import Probe
from tether.watch.site import awaiting


class Leaving(Probe):
    """Carries the ``async with`` line, and whether an exception is leaving it, into the task that closes."""

    names = ("async_exit", "async_maker_exit")
    always = True
    module = "sqlalchemy.ext.asyncio.session"

    def wrap_async_exit(self, original: Any) -> Any:
        """Wrap ``AsyncSession.__aexit__()``."""
        return self._wrap(original)

    def wrap_async_maker_exit(self, original: Any) -> Any:
        """Wrap the exit of ``async_sessionmaker.begin()``."""
        return self._wrap(original)

    def _wrap(self, original: Any) -> Any:
        async def __aexit__(self: Any, type_: Any, value: Any, traceback: Any) -> Any:
            site = probe.recorder.capture() if probe.on else None
            if site is None:
                return await original(self, type_, value, traceback)
            token = awaiting.set((site, type_ is not None))
            try:
                return await original(self, type_, value, traceback)
            finally:
                awaiting.reset(token)

        probe = self
        return __aexit__
