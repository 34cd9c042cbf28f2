"""No row is left out: each one of SQLAlchemy's is executed by a test of this folder."""

from __future__ import annotations

from tests.lifecycle import test_asyncio, test_queries, test_session, test_transactions
from tests.lifecycle.checking import rows_here


def test_every_row_is_executed() -> None:
    """
    The names that the tests of this folder execute are exactly those that have rows.
    """
    executed = {
        *test_session.MEMBERS,
        *test_queries.EXECUTED,
        *test_transactions.EXECUTED,
        *test_asyncio.EXECUTED,
    }

    assert [] == sorted(rows_here().keys() - executed)
