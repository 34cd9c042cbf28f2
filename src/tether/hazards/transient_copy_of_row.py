"""transient-copy-of-row: an instance made by hand with the primary key of an existing row is added."""

from __future__ import annotations

from tether.core.hazard import Hazard

HAZARD = Hazard(
    name="transient-copy-of-row",
    severity="error",
    summary="An instance made by hand with the primary key of an existing row was added.",
    why=(
        "User(id=1) is a new, transient instance, not a detached copy of row 1. add() makes it pending, "
        "and the flush sends an INSERT that fails with IntegrityError because the row exists."
    ),
    instead=(
        'Load the row and set its attributes, or call session.merge(User(id=1, name="Ada")), which '
        "updates the attributes that were set."
    ),
    example="""\
with Session(engine) as session:
    session.add(User(id=1, name="Ada"))
    session.commit()
""",
    better="""\
with Session(engine) as session:
    session.merge(User(id=1, name="Ada"))
    session.commit()
""",
)
