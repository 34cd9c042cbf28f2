"""The findings and hazards that every format is tried on."""

from __future__ import annotations

from tether.core.finding import Finding, Place
from tether.core.hazard import Hazard

LAZY = Hazard(
    name="lazy-load-after-close",
    severity="error",
    summary="An attribute that was never loaded is read on a detached instance.",
    why="It is fetched when it is first read, and that needs the Session.",
    instead="Load it together with the row.",
    example="print(user.orders)\n",
    better="session.get(User, 1, options=[selectinload(User.orders)])\n",
)
LOOP = Hazard(
    name="lazy-load-in-loop",
    severity="warning",
    summary="A relationship is loaded one row at a time.",
    why="Each row costs a statement.",
    instead="Load them all at once.",
    default=False,
)
HAZARDS = {hazard.name: hazard for hazard in (LOOP, LAZY)}

LOADED = Place("loaded", "app/views.py", 38, 12, "show", "user = session.get(User, 1)")
DETACHED = Place("detached", "app/views.py", 40, 5, "show", "with Session(engine) as session:", "close")
USED = Place("used", "app/views.py", 42, 5, "show", "user.orders")
LAZY_FINDING = Finding(
    "lazy-load-after-close",
    "error",
    "`User.orders` is read, but the `User` is detached and `orders` was never loaded",
    USED,
    (LOADED, DETACHED, USED),
    help=".options(selectinload(User.orders)) on the query at app/views.py:38",
    subject="User.orders",
)

BEFORE = Place("loaded", note="before the watch began")
IN_LOOP = Place("used", "app/日本.py", 7, 0, "mail", "row.customer")
LOOP_FINDING = Finding(
    "lazy-load-in-loop",
    "warning",
    "`Order.customer` is loaded one row at a time",
    IN_LOOP,
    (BEFORE, IN_LOOP),
    subject="Order.customer",
    count=12,
)

NOWHERE_FINDING = Finding("lazy-load-in-loop", "hint", "no line is known", Place("used"))

FINDINGS = [LAZY_FINDING, LOOP_FINDING, NOWHERE_FINDING]
NOTE = "outdated-read is switched off: SQLAlchemy has no Session.commit here"
