"""change-discarded: a change that was not flushed is dropped by refresh, expire, expunge or close."""

from __future__ import annotations

from tether.core.hazard import Hazard

HAZARD = Hazard(
    name="change-discarded",
    severity="error",
    summary="A change that was not flushed was dropped.",
    why=(
        "refresh() and expire() put the instance back to what the row holds, without a flush, even when "
        "autoflush is on. expunge(), close() and the garbage collection of the Session let go of the "
        "instance before its change was written. None of them warns."
    ),
    instead="Call session.flush() or session.commit() before the line that drops the change.",
    example="""\
with Session(engine) as session:
    user = session.get(User, 1)
    user.name = "Ada"
    session.refresh(user)
    session.commit()
""",
    better="""\
with Session(engine) as session:
    user = session.get(User, 1)
    user.name = "Ada"
    session.flush()
    session.refresh(user)
    session.commit()
""",
)
