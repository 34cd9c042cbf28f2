"""sent-before-commit: the key of a new row is sent to a worker before the row is committed."""

from __future__ import annotations

from tether.core.hazard import Hazard

HAZARD = Hazard(
    name="sent-before-commit",
    severity="warning",
    summary="The primary key of a new row was sent to a task queue before the row was committed.",
    why=(
        "Until the commit only this transaction sees the row, although its key is known since the flush. A worker "
        "that is waiting takes the task at once, looks for the row on a connection of its own and finds none. "
        "Whether it does depends on which of the two is quicker, so it shows under load. If the transaction is "
        "rolled back afterwards, the task is for a row that never was."
    ),
    instead="Commit first, then send the key: `session.commit()` before `task.delay(user.id)`.",
    example="""\
with Session(engine) as session:
    user = User(name="Ada")
    session.add(user)
    session.flush()
    send_welcome.delay(user.id)
    session.commit()
""",
    better="""\
with Session(engine) as session:
    user = User(name="Ada")
    session.add(user)
    session.commit()
    send_welcome.delay(user.id)
""",
)
