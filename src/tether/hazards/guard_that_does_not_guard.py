"""guard-that-does-not-guard: a read that raises, inside a guard that waits for AttributeError."""

from __future__ import annotations

from tether.core.hazard import Hazard

HAZARD = Hazard(
    name="guard-that-does-not-guard",
    severity="warning",
    summary="A read that is certain to raise stands in a guard that waits for another error.",
    why=(
        "getattr() with a default, hasattr() and `except AttributeError` help against AttributeError "
        "only. Where an attribute cannot be loaded, the read raises DetachedInstanceError, or "
        "MissingGreenlet in async code, and neither of them is an AttributeError."
    ),
    instead=(
        'Load the attribute together with the row; or ask first, which loads nothing: "orders" in '
        "inspect(user).unloaded."
    ),
    example="""\
with Session(engine) as session:
    user = session.get(User, 1)
print(getattr(user, "orders", []))
""",
    better="""\
with Session(engine) as session:
    user = session.get(User, 1)
print([] if "orders" in inspect(user).unloaded else user.orders)
""",
)
