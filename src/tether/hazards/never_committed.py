"""never-committed: rows were added or flushed, and the Session was closed without commit or rollback."""

from __future__ import annotations

from tether.core.hazard import Hazard

HAZARD = Hazard(
    name="never-committed",
    severity="error",
    summary="Rows were added or flushed, and the Session was closed without commit or rollback.",
    why=(
        "A flush sends the statements, but only commit() makes them last. Closing a Session, which is "
        "also what the end of a `with Session(...)` block does, rolls back whatever was flushed and "
        "forgets whatever was only added, without an error."
    ),
    instead=(
        "Call session.commit(), or open the block as `with Session(engine) as session, session.begin():`, "
        "which commits at its end."
    ),
    example="""\
with Session(engine) as session:
    session.add(User(name="Ada"))
    session.flush()
""",
    better="""\
with Session(engine) as session, session.begin():
    session.add(User(name="Ada"))
    session.flush()
""",
)
