"""What each chapter shows is what the truth table says: rows S1 to S6, and M1 and M2 of merge()."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from tether.demo.chapter import Answer
from tether.demo.chapters import all_chapters, source_of
from tether.demo.stage import Performance


class Told(NamedTuple):
    """What must come out of a chapter.

    Each happening is ``(line of code, verb, text)``, each finding ``(hazard, line of code)``.
    """

    answer: Answer
    happenings: list[tuple[str, str, str]]
    findings: list[tuple[str, str]]


RENAMED = "customer 1: name 'Ann' → 'Ada'"
NO_REFRESH = (
    "DetachedInstanceError: Instance <Customer> is not bound to a Session; "
    "attribute refresh operation cannot proceed"
)
NO_LAZY_LOAD = (
    "DetachedInstanceError: Parent instance <Order> is not bound to a Session; "
    "lazy load operation of attribute 'invoice' cannot proceed"
)
CONFLICT = (
    "SAWarning: New instance <Customer> with identity key "
    "(<class 'tether.demo.shop.Customer'>, (1,), None) conflicts with persistent instance <Customer>"
)
TAKEN = "IntegrityError: (sqlite3.IntegrityError) UNIQUE constraint failed: customer.id"
OTHER_EMAIL = "customer 1: email 'ann@home.example' → 'ann@work.example'"

TRUTH = {
    # S1, S1.1
    "rename": Told(
        "wrong",
        [
            ('print("persistent:", inspect(customer).persistent)', "prints", "persistent: True"),
            ("session.commit()", "commits", RENAMED),
        ],
        [],
    ),
    # S1.4
    "rename-after-close": Told(
        "wrong",
        [('print("the object says", customer.name)', "prints", "the object says Ada")],
        [("write-while-detached", "customer.name = name")],
    ),
    # S2.3
    "read-after-commit": Told(
        "wrong",
        [
            ("print(customer.name)", "prints", "Ann"),
            ("print(customer.name)", "raises", NO_REFRESH),
        ],
        [("expired-read-after-close", "print(customer.name)")],
    ),
    # S2.12
    "read-after-close": Told(
        "wrong",
        [
            ("session.commit()", "commits", RENAMED),
            ("print(customer.name)", "prints", "Ann"),
        ],
        [("outdated-read", "print(customer.name)")],
    ),
    # S2.4
    "read-unloaded": Told(
        "half right",
        [
            ("print(order.status)", "prints", "sent"),
            ("print(order.invoice)", "raises", NO_LAZY_LOAD),
        ],
        [("lazy-load-after-close", "print(order.invoice)")],
    ),
    # S2.8, S2.9
    "read-after-rollback": Told(
        "half right",
        [
            ("print(customer.name)", "prints", "Ann"),
            ("print(customer.name)", "raises", NO_REFRESH),
        ],
        [("expired-read-after-close", "print(customer.name)")],
    ),
    # S3.4
    "expunge": Told(
        "half right",
        [
            ('print("detached:", inspect(customer).detached)', "prints", "detached: True"),
            ('print("the object says", customer.name)', "prints", "the object says Ada"),
        ],
        [("change-discarded", "session.expunge(customer)")],
    ),
    # S4.1, S4.2, S4.3
    "refresh": Told(
        "wrong",
        [
            ('print("detached:", inspect(customer).detached)', "prints", "detached: False"),
            ("session.commit()", "commits", OTHER_EMAIL),
        ],
        [("change-discarded", "session.refresh(customer)")],
    ),
    # S5.1, S5.3
    "copy-added": Told(
        "wrong",
        [
            ('print("detached:", inspect(copy).detached)', "prints", "detached: False"),
            ('print("transient:", inspect(copy).transient)', "prints", "transient: True"),
            ("session.commit()", "warns", CONFLICT),
            ("session.commit()", "raises", TAKEN),
        ],
        [("transient-copy-of-row", "session.add(copy)")],
    ),
    # S5.6
    "copy-merged": Told("wrong", [("session.commit()", "commits", RENAMED)], []),
    # S6.3, S6.4c
    "pickle-draft": Told(
        "half right",
        [
            ("session.commit()", "commits", OTHER_EMAIL),
            (
                "session.commit()",
                "commits",
                f"{RENAMED}, email 'ann@work.example' → 'ann@home.example'",
            ),
        ],
        [("merge-over-newer-row", "session.merge(draft)")],
    ),
    # S6.5
    "pickle-expired": Told(
        "wrong",
        [
            ("session.commit()", "commits", RENAMED),
            (
                'print("without a value:", sorted(inspect(copy).unloaded))',
                "prints",
                "without a value: ['email', 'id', 'name', 'orders']",
            ),
        ],
        [("expired-instance-serialised", "data = pickle.dumps(customer)")],
    ),
    # S6.14, S5.4
    "json-round-trip": Told(
        "wrong",
        [
            ('print("orders:", len(customer.orders))', "prints", "orders: 2"),
            ('print("orders:", len(back.orders))', "prints", "orders: 0"),
            ("session.commit()", "raises", TAKEN),
        ],
        [("transient-copy-of-row", "session.commit()")],
    ),
    # M1
    "merge-unchanged": Told(
        "wrong",
        [
            ('print("items:", len(order.items))', "prints", "items: 2"),
            ("session.commit()", "commits", "item 4 is new: name 'cushion', order_id 2"),
            ("session.commit()", "commits", "item 4 is gone: name 'cushion', order_id 2"),
        ],
        [("merge-over-newer-row", "session.merge(order)")],
    ),
    # what carry is for
    "bring-home": Told(
        "wrong",
        [
            ("session.commit()", "commits", "item 4 is new: name 'cushion', order_id 2"),
            ("print(tether.plan(session, order))", "prints", "UPDATE Order 2"),
            ("print(tether.plan(session, order))", "prints", "-   status: 'open'"),
            ("print(tether.plan(session, order))", "prints", "+   status: 'packed'"),
            ("session.commit()", "commits", "order 2: status 'open' → 'packed'"),
            ("print(tether.plan(session, order))", "prints", "CONFLICT Order 2.status: changed"),
            ("print(tether.plan(session, order))", "prints", "!   base   'open'"),
            ("print(tether.plan(session, order))", "prints", "!   mine   'wrapped'"),
            ("print(tether.plan(session, order))", "prints", "!   theirs 'packed'"),
            ("session.commit()", "commits", "order 2: status 'packed' → 'packed, wrapped'"),
        ],
        [],
    ),
    "check-first": Told(
        "wrong",
        [
            ("print(f\"{path.name}:{finding['line']} {finding['hazard']}\")", "prints", found)
            for found in (
                "copy_added.py:24 transient-copy-of-row",
                "expunge.py:21 change-discarded",
                "pickle_expired.py:24 expired-instance-serialised",
                "read_after_commit.py:22 expired-read-after-close",
                "read_after_rollback.py:27 expired-read-after-close",
                "read_unloaded.py:21 lazy-load-after-close",
                "refresh.py:21 change-discarded",
                "rename_after_close.py:18 write-while-detached",
            )
        ],
        [],
    ),
}


def told(performance: Performance) -> Told:
    """What came out of a chapter, in the words of this file."""
    code = performance.code
    return Told(
        performance.verdict.answer,
        [
            (code[one.line].strip(), one.verb, ": ".join(filter(None, (one.kind, one.text))))
            for one in performance.seen.happenings
        ],
        [(finding.hazard, code[finding.line].strip()) for finding in performance.findings],
    )


@pytest.mark.parametrize("name", TRUTH)
def test_chapter_shows_what_the_truth_table_says(name: str, performances: dict[str, Performance]) -> None:
    """
    Each chapter prints, commits, warns, raises and is reported as the truth table has it.
    """
    assert TRUTH[name] == told(performances[name])


def test_every_chapter_has_its_truth() -> None:
    """
    No chapter is told without a line in this file.
    """
    assert list(TRUTH) == list(all_chapters())


def test_lines_that_are_shown_are_those_of_the_chapters_own_file(
    performances: dict[str, Performance],
) -> None:
    """
    The code on the page stands, number by number, in the file of the chapter; there is no second copy.
    """
    for name, performance in performances.items():
        lines = source_of(name).read_text().splitlines()

        assert {number: lines[number - 1] for number in performance.code} == performance.code


def test_reports_point_at_lines_that_are_shown(performances: dict[str, Performance]) -> None:
    """
    Every place of every finding is a line on the page, under the short name of the program's file.
    """
    for performance in performances.values():
        places = [place for finding in performance.findings for place in finding.places]

        assert {"shop.py"} >= {place.path for place in places}
        assert [] == [place for place in places if performance.code[place.line].strip() != place.text]


def test_the_watch_changes_nothing_of_what_happens(performances: dict[str, Performance]) -> None:
    """
    The second run, under the watch, leaves the database as the first one did.
    """
    for performance in performances.values():
        assert performance.seen.after == performance.watched.after
        assert performance.seen.printed == performance.watched.printed
