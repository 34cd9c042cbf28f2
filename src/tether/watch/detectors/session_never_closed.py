"""Runtime half of session-never-closed: collected with an open transaction, or an identity map that only grows."""

from __future__ import annotations

from collections.abc import Iterator

from tether.core.finding import Finding, Place
from tether.hazards.session_never_closed import HAZARD
from tether.watch.detectors.base import Detector, story, used
from tether.watch.events import MapGrew, SessionCollected
from tether.watch.recorder import BEFORE
from tether.watch.site import Site


class SessionNeverClosed(Detector):
    """A Session was left to the garbage collector, or lives on and only grows."""

    hazard = HAZARD

    def session_collected(self, event: SessionCollected) -> Iterator[Finding]:
        """Report the Session at the line that made it."""
        opened = self.opened(event.created, event.before_watch)
        began = used(event.began, "used")
        where = opened if opened.known else began
        message = "a Session is garbage-collected while its transaction is open: nothing closed it"
        places = story(opened, began)
        yield self.hazard.at(
            where, message, places=places, help="with Session() as session:", subject="Session"
        )

    def map_grew(self, event: MapGrew) -> Iterator[Finding]:
        """Report the Session at the line that made it, with the line that ends its transactions."""
        opened = self.opened(event.created, event.before_watch)
        now = used(event.site)
        where = opened if opened.known else now
        message = (
            f"the identity map of a Session has grown with each of its last {event.transactions} transactions"
        )
        help = "a Session for each piece of work, or expunge what is done"
        yield self.hazard.at(where, message, places=story(opened, now), help=help, subject="Session")

    def opened(self, site: Site | None, before_watch: bool) -> Place:
        """Return where the Session was made."""
        return Place("opened", note=BEFORE) if before_watch else used(site, "opened")
