"""outdated-read: a detached row is read after this process committed a newer version of it."""

from __future__ import annotations

from tether.core.hazard import Hazard

HAZARD = Hazard(
    name="outdated-read",
    severity="warning",
    summary="A detached row was read after this process had committed a newer version of it.",
    why=(
        "A detached instance keeps the values it was loaded with. It is never told that another Session "
        "committed a newer version, so the read gives the old value without an error."
    ),
    instead="Load the row again in an open Session where the current value matters.",
    example="""\
with Session(engine) as session:
    shown = session.get(User, 1)
rename(1, "Ada")
print(shown.name)
""",
    better="""\
rename(1, "Ada")
with Session(engine) as session:
    shown = session.get(User, 1)
print(shown.name)
""",
)
