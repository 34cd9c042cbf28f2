"""swallowed-database-error: a failed flush was caught, and the Session goes on without a rollback."""

from __future__ import annotations

from tether.core.hazard import Hazard

HAZARD = Hazard(
    name="swallowed-database-error",
    severity="warning",
    summary="The Session was used after a failed flush had been caught without a rollback.",
    why=(
        "When a flush fails, SQLAlchemy rolls the transaction back, and everything else that was in it is "
        "lost with it. Until rollback() is called, each further use of the Session raises "
        "PendingRollbackError."
    ),
    instead=(
        "Call session.rollback() where the error is caught, or put the risky part into `with "
        "session.begin_nested():`, which rolls back to a savepoint only."
    ),
    example="""\
with Session(engine) as session:
    session.add(User(name="ann"))
    try:
        session.flush()
    except IntegrityError:
        print("the name is taken")
    print(session.get(User, 1))
    session.commit()
""",
    better="""\
with Session(engine) as session:
    try:
        with session.begin_nested():
            session.add(User(name="ann"))
    except IntegrityError:
        print("the name is taken")
    print(session.get(User, 1))
    session.commit()
""",
)
