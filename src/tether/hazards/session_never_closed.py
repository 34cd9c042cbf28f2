"""session-never-closed: a Session was garbage-collected while its transaction was open."""

from __future__ import annotations

from tether.core.hazard import Hazard

HAZARD = Hazard(
    name="session-never-closed",
    severity="warning",
    summary="A Session was left to the garbage collector while its transaction was open.",
    why=(
        "A Session that ran a statement holds a connection until commit, rollback or close. Without one "
        "of them the connection stays out of the pool, and its transaction open, until the Session "
        "happens to be collected."
    ),
    instead="Open the Session in a block: `with Session(engine) as session:`.",
    example="""\
def first_name() -> str:
    session = Session(engine)
    return session.get(User, 1).name


first_name()
""",
    better="""\
def first_name() -> str:
    with Session(engine) as session:
        return session.get(User, 1).name


first_name()
""",
)
