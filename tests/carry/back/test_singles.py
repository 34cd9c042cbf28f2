"""A many-to-one relationship whose other side holds one row: who stands there is asked once, and kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, ForeignKey, create_engine, event, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, joinedload, mapped_column, relationship

from tether.carry.attach import attach
from tether.carry.conflicts import ConflictError, Kind
from tether.carry.drafts import edit
from tether.carry.merge import MISSING
from tether.carry.plan import plan
from tether.carry.snapshots import snapshot


class Base(DeclarativeBase):
    pass


class Owner(Base):
    __tablename__ = "owner"
    id: Mapped[int] = mapped_column(primary_key=True)
    badge: Mapped[Badge | None] = relationship(back_populates="owner", uselist=False)


class Badge(Base):
    __tablename__ = "badge"
    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str] = mapped_column(default="")
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("owner.id"))
    owner: Mapped[Owner | None] = relationship(back_populates="badge")


HUNDRED = 100
FREE = 1_000  # numbers of owners without a badge start here


@pytest.fixture
def engine() -> Iterator[Engine]:
    """
    A hundred owners with a badge each, and a hundred without.
    """
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with Session(engine) as session, session.begin():
        for number in range(1, HUNDRED + 1):
            session.add(Owner(id=number, badge=Badge(id=number)))
            session.add(Owner(id=FREE + number))
    yield engine
    engine.dispose()


def moved(engine: Engine, count: int) -> list[Badge]:
    """Return badges of which each was given to an owner who had none."""
    with Session(engine) as session:
        rows = list(session.scalars(select(Badge).order_by(Badge.id).limit(count)))
        badges = edit(snapshot(rows, include=[Badge.owner]))
        free = session.scalars(select(Owner).where(Owner.id > FREE).order_by(Owner.id).limit(count))
        for badge, owner in zip(badges, snapshot(list(free)), strict=True):
            badge.owner = owner
    return badges


def owners(engine: Engine, *numbers: int) -> list[int | None]:
    """Return to whom badges belong."""
    with Session(engine) as session:
        return [session.get(Badge, number).owner_id for number in numbers]


def test_statements_do_not_grow_with_rows(engine: Engine) -> None:
    """
    One, ten and a hundred badges come home with the same statements, whether the Session holds the rows or not.
    """
    counts = {}
    for is_held in (False, True):
        for count in (1, 10, HUNDRED):
            badges = moved(engine, count)
            with Session(engine) as session:
                held: Any = []
                if is_held:
                    held = session.scalars(select(Badge).options(joinedload(Badge.owner))).all()
                    assert len(held) == HUNDRED
                sent: list[str] = []
                event.listen(
                    engine, "before_cursor_execute", lambda _c, _k, text, *_, to=sent: to.append(text)
                )
                attach(session, badges)
                session.flush()
                counts[is_held, count] = [text.split()[0] for text in sent]

                assert session.get(Owner, FREE + count).badge is session.get(Badge, count)

    assert counts[False, 1] == counts[False, 10] == counts[False, HUNDRED]
    assert ["DELETE", "SELECT", "SELECT", "SELECT", "UPDATE"] == counts[False, 1]
    assert counts[True, 1] == counts[True, 10] == counts[True, HUNDRED] == counts[False, 1]


@pytest.mark.parametrize(("policy", "expected"), [("mine", [FREE + 1, None]), ("theirs", [1, FREE + 1])])
def test_who_came_there_meanwhile(engine: Engine, policy: Any, expected: list[int | None]) -> None:
    """
    A badge that somebody else gave to the same owner is a conflict, and is not taken away in silence.
    """
    badges = moved(engine, 1)
    badges[0].text = "mine"
    with Session(engine) as session, session.begin():
        session.add(Badge(id=500, owner_id=FREE + 1))

    with Session(engine) as session:
        with pytest.raises(ConflictError) as error:
            attach(session, badges)
        assert error.value.conflicts == plan(session, badges).conflicts
        assert not session.dirty
    (conflict,) = error.value.conflicts
    assert (Owner, (FREE + 1,), None) == conflict.identity_key
    assert ("badge", Kind.CHANGED, MISSING) == (conflict.attribute, conflict.kind, conflict.base)
    assert [(Badge, (1,), None), (Badge, (500,), None)] == [conflict.mine, conflict.theirs]

    with Session(engine) as session, session.begin():
        attach(session, badges, on_conflict=policy)
    assert expected == owners(engine, 1, 500)
    with Session(engine) as session:
        assert "mine" == session.get(Badge, 1).text


def test_new_row(engine: Engine) -> None:
    """
    A new badge for an owner who has one by now is a conflict; with "theirs" it is not inserted.
    """
    with Session(engine) as session:
        badge = edit(snapshot(session.get(Badge, 1)))
        owner = snapshot(session.get(Owner, FREE + 1))
        badge.text = "changed"
        new: Any = badge.new(Badge, text="new", owner=owner)  # type: ignore[attr-defined]
    with Session(engine) as session, session.begin():
        session.add(Badge(id=500, owner_id=FREE + 1))

    with Session(engine) as session, pytest.raises(ConflictError):
        attach(session, [badge, new])
    with Session(engine) as session, session.begin():
        attach(session, [badge, new], on_conflict="theirs")

    with Session(engine) as session:
        assert 500 == session.get(Owner, FREE + 1).badge.id  # type: ignore[union-attr]
        assert session.scalar(select(Badge).where(Badge.text == "new")) is None


def test_two_that_change_places(engine: Engine) -> None:
    """
    Two badges of mine that change their owners are no conflict with each other.
    """
    with Session(engine) as session:
        badges = edit(snapshot(list(session.scalars(select(Badge).limit(2))), include=[Badge.owner]))
    first, second = badges[0].owner, badges[1].owner
    badges[0].owner, badges[1].owner = second, first

    with Session(engine) as session, session.begin():
        attach(session, badges)

    assert [2, 1] == owners(engine, 1, 2)


def test_detached_instances(engine: Engine) -> None:
    """
    The same with instances that left their Session.
    """
    with Session(engine) as session:
        badges = list(session.scalars(select(Badge).options(joinedload(Badge.owner)).limit(10)))
        free = list(
            session.scalars(select(Owner).where(Owner.id > FREE).options(joinedload(Owner.badge)).limit(10))
        )
    for badge, owner in zip(badges, free, strict=True):
        badge.owner = owner
    with Session(engine) as session, session.begin():
        session.add(Badge(id=500, owner_id=FREE + 1))

    with Session(engine) as session, session.begin():
        with pytest.raises(ConflictError) as error:
            attach(session, badges)
        assert ["badge"] == [conflict.attribute for conflict in error.value.conflicts]
        assert not session.dirty
        attach(session, badges[1:])

    assert [1, *range(FREE + 2, FREE + 11)] == owners(engine, *range(1, 11))
