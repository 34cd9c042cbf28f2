"""Values as text: bounded, one line, honest about what cannot be shown."""

from __future__ import annotations

import datetime as dt
import decimal
from unittest.mock import MagicMock

import pytest

from tests.explaining.models import Person
from tether.explaining.values import shown


class Loud:
    def __repr__(self) -> str:
        raise RuntimeError("no")


class Long:
    def __repr__(self) -> str:
        return "line\n" * 100


VALUES = {
    "None": (None, "None"),
    "number": (3, "3"),
    "decimal": (decimal.Decimal("1.50"), "Decimal('1.50')"),
    "date": (dt.date(2024, 2, 3), "datetime.date(2024, 2, 3)"),
    "text": ("it's", '"it\'s"'),
    "long text": ("x" * 1000, "'" + "x" * 60 + "'... (1000 characters)"),
    "long bytes": (b"x" * 61, "b'" + "x" * 60 + "'... (61 bytes)"),
    "list": ([1, "a"], "[1, 'a']"),
    "long list": (list(range(9)), "[0, 1, 2, 3, 4, ... (9 elements)]"),
    "set": ({"b", "a"}, "{'a', 'b'}"),
    "tuple": ((1,), "(1,)"),
    "dict": ({"k": [{"deep": [1]}]}, "{'k': [{'deep': [...]}]}"),
    "own repr that raises": (Loud(), "<Loud, whose repr() raises RuntimeError>"),
    "own repr that is long": (Long(), ("line " * 12)[:60] + "..."),
    "mapped instance": (Person(), "Person()"),
    "mapped instances": ([Person()], "[Person()]"),
}


@pytest.mark.parametrize("value, text", VALUES.values(), ids=VALUES.keys())
def test_value_as_text(value: object, text: str) -> None:
    """
    A value is one bounded line; the repr of a mapped instance is never called.
    """
    assert text == shown(value)


def test_object_that_answers_to_every_name() -> None:
    """
    A mock has the attribute that marks mapped instances, and is not taken for one.
    """
    assert shown(MagicMock()).startswith("<MagicMock")
