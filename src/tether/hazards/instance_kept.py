"""instance-kept: a row is kept in a module global, a class attribute or a cache beyond its Session."""

from __future__ import annotations

from tether.core.hazard import Hazard

HAZARD = Hazard(
    name="instance-kept",
    severity="warning",
    summary="A row is kept beyond its Session, in a place that lives as long as the program.",
    why=(
        "Once its Session is closed the row is detached: it never sees another change, what was not "
        "loaded raises DetachedInstanceError, and what is written to it is not saved. Kept in a module "
        "global, a class attribute or an lru_cache, it meets readers that know nothing of its Session."
    ),
    instead="Keep the primary key and load the row where it is needed, or keep plain values.",
    example="""\
CACHE: dict[int, User] = {}


def user_for(key: int) -> User:
    with Session(engine) as session:
        CACHE[key] = session.get(User, key)
    return CACHE[key]


user_for(1)
""",
    better="""\
CACHE: dict[int, str] = {}


def name_for(key: int) -> str:
    with Session(engine) as session:
        CACHE[key] = session.get(User, key).name
    return CACHE[key]


name_for(1)
""",
)
