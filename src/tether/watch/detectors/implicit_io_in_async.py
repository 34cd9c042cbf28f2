"""Runtime half of implicit-io-in-async: SQLAlchemy has just refused to load without await."""

from __future__ import annotations

from collections.abc import Iterator

from tether.core.finding import Finding
from tether.core.states import Cause
from tether.hazards.implicit_io_in_async import HAZARD
from tether.watch.detectors.base import Detector, load_with, story, used
from tether.watch.events import AwaitRefused


class ImplicitIoInAsync(Detector):
    """An attribute needed SQL where nothing can be awaited."""

    hazard = HAZARD

    def await_refused(self, event: AwaitRefused) -> Iterator[Finding]:
        """Report every refusal that a rollback is not to blame for."""
        if event.cause is Cause.ROLLBACK:
            return
        instance = event.instance
        name = f"{instance.class_name}.{event.attribute or '?'}"
        where = used(event.site)
        message = f"`{name}` is read without await, but {reason(event)}, so SQLAlchemy would have to run SQL"
        expired = instance.expired if event.kind == "expired" else None
        yield self.hazard.at(
            where, message, places=story(instance.loaded, expired, where), help=advice(event), subject=name
        )


def reason(event: AwaitRefused) -> str:
    """Return why the attribute needs SQL."""
    if event.kind == "expired":
        return f"{event.cause} expired it" if event.cause else "it is expired"
    if event.kind == "server":
        return "the database made its value at the last flush"
    return "it was never loaded"


def advice(event: AwaitRefused) -> str:
    """Return the option or call that makes the read possible."""
    instance = event.instance
    if event.kind == "expired" and event.cause is Cause.COMMIT:
        return "expire_on_commit=False on the async_sessionmaker, or `await session.refresh(instance)` first"
    if event.kind in ("expired", "server"):
        fetched = "mapper option eager_defaults=True fetches server values with the flush"
        return f"`await session.refresh(instance)` first; {fetched}"
    if event.loader and (at_load := load_with(instance, event.loader)):
        return at_load
    return f"await instance.awaitable_attrs.{event.attribute} (mixin AsyncAttrs), or load it with the query"
