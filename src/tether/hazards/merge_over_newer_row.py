"""merge-over-newer-row: merge() put back values, or removed rows, that another transaction wrote."""

from __future__ import annotations

from tether.core.hazard import Hazard

HAZARD = Hazard(
    name="merge-over-newer-row",
    severity="error",
    summary="merge() put back old values, or removed rows, that another transaction had written meanwhile.",
    why=(
        "merge() copies every loaded attribute of the instance onto the row, also those nobody changed. "
        "What another transaction wrote since the instance was loaded is overwritten, and rows added to a "
        "loaded collection are unlinked, or deleted where the relationship cascades so. No warning is "
        "given."
    ),
    instead="Load the row in the new Session and set only the attributes that changed.",
    example="""\
with Session(engine) as session:
    user = session.get(User, 1)
user.name = "Ada"
change_email(1, "new@example.org")
with Session(engine) as session:
    session.merge(user)
    session.commit()
""",
    better="""\
change_email(1, "new@example.org")
with Session(engine) as session:
    user = session.get(User, 1)
    user.name = "Ada"
    session.commit()
""",
)
