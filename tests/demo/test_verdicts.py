"""Words of a result follow from what was observed: another observation, or another SQLAlchemy, other words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy.orm import Session

from tether.demo.chapter import Answer
from tether.demo.chapters import all_chapters
from tether.demo.seen import Happening, Seen
from tether.demo.shop import Customer
from tether.demo.stage import Performance, stage

Doctor = Callable[[Seen], Seen]


def customer(**values: object) -> Doctor:
    """
    The row of the customer says something else in the end.
    """
    return lambda seen: replace(
        seen, after={**seen.after, "customer": {1: {**seen.now("customer", 1), **values}}}
    )


def raising_nothing(seen: Seen) -> Seen:
    """
    Nothing was raised, and the last line printed what the first one did.
    """
    kept = [one for one in seen.happenings if one.verb != "raises"]
    return replace(seen, happenings=tuple(kept))


def raising(kind: str) -> Doctor:
    """
    The program ended with an exception.
    """
    return lambda seen: replace(
        seen, happenings=(*raising_nothing(seen).happenings, Happening(1, "raises", "no", kind))
    )


def printing(*lines: str) -> Doctor:
    """
    These lines were printed, and no others.
    """
    return lambda seen: replace(
        seen,
        happenings=(
            *(Happening(1, "prints", line) for line in lines),
            *(one for one in seen.happenings if one.verb != "prints"),
        ),
    )


def with_item(seen: Seen) -> Seen:
    """
    Somebody's cushion is still there.
    """
    return replace(seen, after={**seen.after, "item": {4: {"name": "cushion"}}})


def without_item(seen: Seen) -> Seen:
    """
    Nobody's cushion is there.
    """
    return replace(seen, after={**seen.after, "item": {}})


def order(**values: object) -> Doctor:
    """
    The row of the order says something else in the end.
    """
    return lambda seen: replace(seen, after={**seen.after, "order": {2: {**seen.now("order", 2), **values}}})


def both(*doctors: Doctor) -> Doctor:
    """
    One change of the observation after the other.
    """

    def doctor(seen: Seen) -> Seen:
        for one in doctors:
            seen = one(seen)
        return seen

    return doctor


DOCTORED: list[tuple[str, Doctor, Answer, str]] = [
    ("rename", customer(name="Ann"), "right", "The row still says 'Ann'."),
    ("rename", raising("OSError"), "half right", "ends with OSError"),
    ("rename-after-close", customer(name="Ada"), "right", "The row has the new name."),
    ("rename-after-close", raising("OSError"), "wrong", "OSError tells so"),
    ("read-after-commit", both(raising_nothing, printing("Ann", "Ann")), "right", "Ann, Ann"),
    ("read-after-commit", raising("OSError"), "wrong", "It raises OSError."),
    ("read-after-close", raising("OSError"), "right", "It raises OSError."),
    ("read-after-close", printing("Ada"), "half right", "what the row says"),
    ("read-unloaded", raising_nothing, "right", "can both be read"),
    ("read-unloaded", printing(), "wrong", "already the status raises DetachedInstanceError"),
    ("read-after-rollback", raising_nothing, "right", "after a rollback"),
    ("read-after-rollback", printing(), "wrong", "Already after the commit"),
    ("expunge", printing("detached: False"), "wrong", "not detached"),
    ("expunge", customer(name="Ada"), "right", "is saved"),
    ("refresh", printing("detached: True"), "right", "is detached"),
    ("refresh", customer(email="ann@home.example"), "half right", "is not saved"),
    ("refresh", customer(name="Ada"), "wrong", "both changes are saved"),
    ("refresh", raising("OSError"), "wrong", "OSError tells so"),
    ("copy-added", both(printing("detached: True"), customer(name="Ada")), "right", "saves it"),
    ("copy-added", customer(name="Ada"), "half right", "Only part of it"),
    ("copy-added", raising_nothing, "wrong", "not saved"),
    ("copy-added", printing("detached: False"), "wrong", "not saved"),
    ("copy-merged", customer(email=None), "right", "empty"),
    ("copy-merged", customer(name="Ann"), "half right", "not even renamed"),
    ("pickle-draft", customer(name="Ann"), "wrong", "does not survive"),
    ("pickle-draft", customer(email="ann@work.example"), "right", "somebody else"),
    ("pickle-expired", printing("without a value: ['orders']"), "right", "all in it"),
    ("pickle-expired", printing("without a value: ['email', 'orders']"), "half right", "email"),
    ("pickle-expired", raising("OSError"), "wrong", "It raises OSError."),
    ("json-round-trip", both(raising_nothing, printing("orders: 2", "orders: 2")), "right", "takes it"),
    ("json-round-trip", printing("orders: 2", "orders: 2"), "half right", "IntegrityError"),
    ("json-round-trip", raising_nothing, "half right", "orders: 2, then orders: 0"),
    ("merge-unchanged", with_item, "right", "nothing was taken away"),
    ("merge-unchanged", lambda seen: replace(seen, happenings=()), "half right", "never there"),
    ("bring-home", raising("OSError"), "half right", "ends with OSError"),
    ("bring-home", without_item, "right", "cushion is gone"),
    ("bring-home", order(status="wrapped"), "half right", "one is left, 'wrapped'"),
    ("check-first", raising("OSError"), "half right", "ends with OSError"),
    ("check-first", printing(), "right", "found nothing"),
]


@pytest.mark.parametrize(
    "name, doctor, answer, words", DOCTORED, ids=[f"{name}: {words}" for name, _, _, words in DOCTORED]
)
def test_verdict_follows_what_was_observed(
    name: str, doctor: Doctor, answer: Answer, words: str, performances: dict[str, Performance]
) -> None:
    """
    A doctored observation gets another verdict.
    """
    performance = performances[name]

    verdict = performance.chapter.verdict(doctor(performance.seen))

    assert answer == verdict.answer
    assert words in verdict.because
    assert performance.verdict != verdict


def test_every_verdict_can_come_out_otherwise() -> None:
    """
    Each chapter is among the doctored ones.
    """
    assert set(all_chapters()) == {name for name, _, _, _ in DOCTORED}


def nothing(*_arguments: Any) -> None:
    """
    A method of another SQLAlchemy, which does nothing.
    """


def add_as_row(session: Session, instance: Customer) -> None:
    """
    An ``add()`` of another SQLAlchemy, which finds the row by itself.
    """
    session.merge(instance)


OTHERWISE: list[tuple[str, str, Callable[..., Any], Answer, list[str]]] = [
    ("rename", "commit", nothing, "right", []),
    ("rename-after-close", "close", nothing, "right", ["customer 1: name 'Ann' → 'Ada'"]),
    ("read-after-commit", "commit", nothing, "right", []),
    ("read-after-rollback", "rollback", nothing, "right", []),
    (
        "refresh",
        "refresh",
        nothing,
        "wrong",
        ["customer 1: name 'Ann' → 'Ada', email 'ann@home.example' → 'ann@work.example'"],
    ),
    ("json-round-trip", "add", add_as_row, "half right", []),
    ("merge-unchanged", "merge", nothing, "right", ["item 4 is new: name 'cushion', order_id 2"]),
]


@pytest.mark.parametrize("name, method, body, answer, commits", OTHERWISE, ids=[row[0] for row in OTHERWISE])
def test_another_sqlalchemy_tells_another_story(
    name: str,
    method: str,
    body: Callable[..., Any],
    answer: Answer,
    commits: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """
    Where a method of Session does something else, the chapter shows that and judges by it.
    """
    with stage() as house:  # fills the shop by a Session of SQLAlchemy's own
        monkeypatch.setattr(Session, method, body)
        performance = house.perform(name)

    assert answer == performance.verdict.answer
    assert commits == performance.seen.commits


def test_findings_are_those_of_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Where refresh() keeps the change, nothing is reported of it either.
    """
    with stage() as house:
        monkeypatch.setattr(Session, "refresh", nothing)
        performance = house.perform("refresh")

    assert [] == performance.findings
