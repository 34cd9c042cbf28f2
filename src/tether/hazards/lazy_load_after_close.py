"""lazy-load-after-close: what was never loaded is read on a detached instance."""

from __future__ import annotations

from tether.core.hazard import Hazard

HAZARD = Hazard(
    name="lazy-load-after-close",
    severity="error",
    summary="An attribute that was never loaded is read on a detached instance.",
    why=(
        "A relationship or deferred column is fetched when it is first read, and that needs the Session. "
        "Once the Session has been closed, was garbage-collected or has expunged the instance, SQLAlchemy "
        "raises DetachedInstanceError. Columns that were loaded stay readable, so the same instance works "
        "in one place and fails in another."
    ),
    instead=(
        "Load the attribute together with the row, for example with .options(selectinload(User.orders)), "
        "or read it while the Session is open."
    ),
    example="""\
with Session(engine) as session:
    user = session.get(User, 1)
print(user.orders)
""",
    better="""\
with Session(engine) as session:
    user = session.get(User, 1, options=[selectinload(User.orders)])
print(user.orders)
""",
)
