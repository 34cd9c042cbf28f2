"""expired-read-after-close: a column is read on an instance that was expired, then detached."""

from __future__ import annotations

from tether.core.hazard import Hazard

HAZARD = Hazard(
    name="expired-read-after-close",
    severity="error",
    summary="A column is read on an instance that was expired by commit or rollback and then detached.",
    why=(
        "commit() expires every instance of the Session, and so does rollback(): the next read fetches "
        "the row again, which a detached instance cannot do, so it raises DetachedInstanceError even for "
        "a column that had been loaded. close() alone expires nothing. expire_on_commit=False stops "
        "commit() from expiring, but not rollback()."
    ),
    instead=(
        "Read what is needed before the commit, call session.refresh(user) before the Session is closed, "
        "or create the Session with expire_on_commit=False."
    ),
    example="""\
with Session(engine) as session:
    user = session.get(User, 1)
    user.name = "Ada"
    session.commit()
print(user.name)
""",
    better="""\
with Session(engine, expire_on_commit=False) as session:
    user = session.get(User, 1)
    user.name = "Ada"
    session.commit()
print(user.name)
""",
)
