"""module-level-session: one Session for the whole process."""

from __future__ import annotations

from tether.core.hazard import Hazard

HAZARD = Hazard(
    name="module-level-session",
    severity="warning",
    summary="One Session is made for the whole process, in a global or on an object there, and all use that one.",
    why=(
        "A Session is one transaction and one set of instances, and all threads and requests share "
        "this one. It gives out the instance it has, with the values that were read first, as long as"
        " anybody keeps it. After one failed flush each further use raises PendingRollbackError until"
        " somebody calls rollback()."
    ),
    instead=(
        "Make a sessionmaker at the top of the module and a Session where the work is: `with "
        "make_session() as session:`. Where all functions of a thread share one, use scoped_session "
        "and call remove() at the end."
    ),
    example="""\
SESSION = Session(engine)


def user_for(key: int) -> User:
    return SESSION.get(User, key)


shown = user_for(1)
rename_elsewhere(1, "Ada")
assert user_for(1).name == "ann"
""",
    better="""\
def user_for(key: int) -> User:
    with Session(engine) as session:
        return session.get(User, key)


shown = user_for(1)
rename_elsewhere(1, "Ada")
assert user_for(1).name == "Ada"
""",
)
