"""What annotations say."""

from __future__ import annotations

import pytest

from tether.check.project.annotation import Annotation, parse_annotation


@pytest.mark.parametrize(
    ["text", "names", "optional", "container"],
    [
        ("Order", ("Order",), False, ""),
        ("orm.Session", ("orm.Session",), False, ""),
        ("'Order'", ("Order",), False, ""),
        ("'list[Order]'", ("Order",), False, "list"),
        ("list['Order']", ("Order",), False, "list"),
        ("Optional['Order']", ("Order",), True, ""),
        ("Order | None", ("Order",), True, ""),
        ("'Order | None'", ("Order",), True, ""),
        ("typing.Union[A, B, None]", ("A", "B"), True, ""),
        ("list[Order | None]", ("Order",), False, "list"),
        ("list[Order] | None", ("Order",), True, "list"),
        ("list[A] | A", ("A",), False, "either"),
        ("collections.abc.Sequence[Order]", ("Order",), False, "list"),
        ("Set['Order']", ("Order",), False, "set"),
        ("dict[str, Order]", ("Order",), False, "dict"),
        ("tuple[A, B]", ("A", "B"), False, "tuple"),
        ("AsyncIterator[AsyncSession]", ("AsyncSession",), False, "iterator"),
        ("AsyncGenerator[AsyncSession, None]", ("AsyncSession",), False, "iterator"),
        ("Callable[[int], Session]", ("Session",), False, "callable"),
        ("type[Base]", ("Base",), False, "type"),
        ("list", (), False, "list"),
        ("None", (), True, ""),
        ("Literal['a', 'b']", (), False, ""),
        ("Page[Order]", ("Page",), False, ""),
        ("not python(", (), False, ""),
        ("", (), False, ""),
        ("f(x)", (), False, ""),
    ],
)
def test_types(text: str, names: tuple[str, ...], optional: bool, container: str) -> None:
    """
    The names of the types, whether None is one of them, and the container they are in.
    """
    found = parse_annotation(text)

    assert (names, optional, container) == (found.names, found.optional, found.container)


@pytest.mark.parametrize(
    ["text", "expected"],
    [
        ("Mapped['Order']", Annotation(("Order",), False, "", ("Mapped",))),
        ("Mapped[Optional[int]]", Annotation(("int",), True, "", ("Mapped",))),
        ("Mapped[List['Order']]", Annotation(("Order",), False, "list", ("Mapped",))),
        ("WriteOnlyMapped['Order']", Annotation(("Order",), False, "write only", ("WriteOnlyMapped",))),
        ("DynamicMapped['Order']", Annotation(("Order",), False, "dynamic", ("DynamicMapped",))),
        ("'Mapped[\"Order\"]'", Annotation(("Order",), False, "", ("Mapped",))),
        ("Awaitable[Optional[A]]", Annotation(("A",), True, "", ("Awaitable",))),
    ],
)
def test_wrappers(text: str, expected: Annotation) -> None:
    """
    What is around the types is told apart from them.
    """
    assert expected == parse_annotation(text)


def test_metadata() -> None:
    """
    `Annotated` keeps what else it was given.
    """
    found = parse_annotation("Annotated[Session, Depends(get_db)] | None")
    called = found.metadata[0]

    assert (("Session",), True, "Depends", ["get_db"]) == (
        found.names,
        found.optional,
        called.last,
        [one.text for one in called.items],
    )
