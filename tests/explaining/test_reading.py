"""Each prediction about reading an attribute, compared with what reading does: {situation} x {attribute}."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, event, inspect
from sqlalchemy.orm import Mapper, close_all_sessions

from tests.explaining.conftest import fill
from tests.explaining.models import Base
from tests.explaining.situations import SITUATIONS
from tether.explaining.outcome import Outcome
from tether.explaining.reading import reading
from tether.explaining.surroundings import around


def observed(instance: object, key: str, statements: list[str]) -> tuple[str, int, bool, object]:
    """Read the attribute; return the exception's name or "", the SELECTs, if it wrote, and the value."""
    statements.clear()
    value, raised = None, ""
    try:
        value = getattr(instance, key)
    except Exception as error:  # noqa: BLE001  whatever it is, its name is what was predicted
        raised = type(error).__name__
    selects = [statement for statement in statements if statement.startswith("SELECT")]
    wrote = any(statement.startswith(("INSERT", "UPDATE", "DELETE")) for statement in statements)
    return raised, len(selects), wrote, value


def differences(outcome: Outcome, raised: str, selects: int, wrote: bool, value: object) -> list[str]:
    """Return what was not as predicted."""
    least, most = outcome.selects
    empty = value is None or (hasattr(value, "__len__") and len(value) == 0)
    claims = {
        f"raised {raised!r}": raised in {outcome.raises, *outcome.may_raise.split(" or ")},
        f"{selects} SELECTs": least <= selects and (most is None or selects <= most),
        f"wrote: {wrote}": wrote == outcome.text.startswith("flushes first"),
        f"gave a {type(value).__name__}": empty
        if outcome.text in ("gives None", "gives an empty collection")
        else True,
        "gave nothing": not empty if "identity map" in outcome.text and not outcome.may_raise else True,
    }
    return [claim for claim, holds in claims.items() if not holds]


def attributes(mapper: Mapper[Base]) -> list[str]:
    groups = mapper.column_attrs, mapper.relationships, mapper.composites, mapper.synonyms
    return [name for group in groups for name in [*group.keys()]]


@pytest.mark.parametrize("name", SITUATIONS)
def test_reading_is_predicted(engine: Engine, statements: list[str], name: str) -> None:
    """
    In each situation, for each attribute, the exception, the SELECTs and the autoflush are as predicted.
    """
    wrong = []
    committed: list[object] = []
    event.listen(engine, "commit", committed.append)
    first, _alive = SITUATIONS[name](engine)
    for key in attributes(inspect(type(first))):
        close_all_sessions()
        if committed:
            fill(engine)
            committed.clear()
        instance, _kept = SITUATIONS[name](engine)
        state = inspect(instance)
        outcome = reading(state, key, around(state))
        wrong += [
            (key, outcome.text, claim) for claim in differences(outcome, *observed(instance, key, statements))
        ]

    assert [] == wrong
