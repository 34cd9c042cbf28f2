"""What the conformance matrix found: ordered lists, one-to-one relationships, UUIDs of a driver."""

from __future__ import annotations

import pytest
from asyncpg.pgproto import pgproto
from sqlalchemy import Engine, Uuid, select
from sqlalchemy.orm import Session, selectinload

from tests.carry.back.models import Customer, Order, Profile, Step
from tests.carry.back.people import bring, order_with, row, somebody, taken, theirs
from tether.carry.attach import attach
from tether.carry.coding import decode, encode
from tether.carry.drafts import edit
from tether.carry.rebase import rebase
from tether.carry.snapshots import snapshot
from tether.errors import NoBaseError


def test_uuid_of_asyncpg_travels() -> None:
    """
    asyncpg gives UUIDs of a class of its own, which travel in a document as what they are.
    """
    value = pgproto.UUID("12345678-1234-5678-1234-567812345678")

    assert value == decode(encode(value, Uuid()), Uuid())


def positions(engine: Engine) -> list[tuple[int, str]]:
    """Return the steps with the positions that the database holds."""
    with Session(engine) as session:
        return [
            tuple(row) for row in session.execute(select(Step.position, Step.name).order_by(Step.position))
        ]


def test_position_is_no_change_of_an_element(shop: Engine) -> None:
    """
    I remove the first step of a detached list, which moves the second up; they delete the second: no conflict.
    """
    order = order_with(shop, Order.steps)
    order.steps.pop(0)
    with somebody(shop, Order, 1) as there:
        there.steps.pop(1)

    bring(shop, order)

    assert [(0, "step3")] == positions(shop)


def test_order_of_mine_over_older_positions_in_the_session(shop: Engine) -> None:
    """
    The Session holds the positions from before they reordered: preferred, my order is written all the same.
    """
    order = order_with(shop, Order.steps)
    order.steps.insert(1, order.steps.pop())
    with Session(shop, expire_on_commit=False) as session:
        here = session.get(Order, 1)
        assert ["step1", "step2", "step3"] == [step.name for step in here.steps]
        session.commit()
        with somebody(shop, Order, 1) as there:
            there.steps.insert(0, there.steps.pop(1))
        attach(session, order, on_conflict="mine")
        session.commit()

    assert [(0, "step1"), (1, "step3"), (2, "step2")] == positions(shop)


def test_positions_in_step_are_not_written(shop: Engine) -> None:
    """
    They remove the first step, I add one: only mine is inserted, though the Session's positions are older.
    """
    order = order_with(shop, Order.steps)
    order.steps.append(Step(name="mine"))
    with Session(shop, expire_on_commit=False) as session:
        here = session.get(Order, 1)
        assert 3 == len(here.steps)
        session.commit()
        with somebody(shop, Order, 1) as there:
            there.steps.pop(0)
        attach(session, order)

        assert [] == [s.name for s in session.dirty if isinstance(s, Step) and session.is_modified(s)]
        assert ["mine"] == [step.name for step in session.new]


def test_rebase_reads_positions(shop: Engine) -> None:
    """
    A list that is rebased has the newest positions, not only the newest order.
    """
    with Session(shop, expire_on_commit=False) as session:
        here = session.get(Order, 1)
        assert 3 == len(here.steps)
        session.commit()
        with somebody(shop, Order, 1) as there:
            there.steps.insert(0, there.steps.pop())
        rebase(here)

        assert [(0, "step3"), (1, "step1"), (2, "step2")] == [(s.position, s.name) for s in here.steps]


@pytest.fixture
def profiled(shop: Engine) -> Engine:
    """
    The shop, where ann has a profile and bob has none.
    """
    theirs(shop, Customer, 1, profile=Profile(id=1, text="p"))
    return shop


@pytest.mark.parametrize("form", ["detached", "draft"])
def test_one_to_one_from_the_side_of_the_foreign_key(profiled: Engine, form: str) -> None:
    """
    A row that belongs to another one now comes home, though the other side of the relationship was not loaded.
    """
    with Session(profiled) as session:
        profile = session.get(Profile, 1, options=[selectinload(Profile.customer)])
        bob = session.get(Customer, 2)
        session.expunge_all()
        if form == "draft":
            session.add_all([profile, bob])
            profile, bob = edit(snapshot([profile, bob]))
    profile.customer = bob

    bring(profiled, profile)

    assert (2,) == row(profiled, Profile, 1, "customer_id")


def test_one_to_one_that_was_not_loaded_still_has_no_base(profiled: Engine) -> None:
    """
    Set from the side without foreign key while it was not loaded, a one-to-one relationship is refused by name.
    """
    bob = taken(profiled, Customer, 2)
    bob.profile = None

    with Session(profiled) as session, pytest.raises(NoBaseError, match="profile"):
        attach(session, bob)
