"""merge-result-ignored: merge() copied the instance; the argument is used or written afterwards."""

from __future__ import annotations

from tether.core.hazard import Hazard

HAZARD = Hazard(
    name="merge-result-ignored",
    severity="error",
    summary="The instance given to merge() was changed afterwards; merge() had copied it.",
    why=(
        "merge() copies the instance onto the one in the Session and returns that one. The argument stays "
        "outside the Session, so what is written to it afterwards is not saved, and what the Session "
        "writes does not show on it."
    ),
    instead="Keep the result and go on with it: user = session.merge(user).",
    example="""\
with Session(engine) as session:
    user = session.get(User, 1)
with Session(engine) as session:
    session.merge(user)
    user.name = "Ada"
    session.commit()
""",
    better="""\
with Session(engine) as session:
    user = session.get(User, 1)
with Session(engine) as session:
    user = session.merge(user)
    user.name = "Ada"
    session.commit()
""",
)
