"""What people write or install today to turn rows into JSON. Each gives a function from orders to bytes."""

from __future__ import annotations

import json
import types
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from enum import Enum
from importlib import import_module
from typing import Any

import msgspec

from bench.orders import Customer, Item, Order, Status

Encoder = Callable[[list[Order]], bytes]
HAND = "hand-written dict + orjson"


def hand(orders: list[Any]) -> list[dict[str, Any]]:
    """Return the orders as a programmer writes it who knows all columns."""
    return [
        {
            "id": order.id,
            "customer_id": order.customer_id,
            "number": order.number,
            "status": order.status,
            "total": order.total,
            "currency": order.currency,
            "created_at": order.created_at,
            "updated_at": order.updated_at,
            "paid": order.paid,
            "weight": order.weight,
            "meta": order.meta,
            "notes": order.notes,
            "version": order.version,
            "customer": customer(order.customer),
            "items": [item(held) for held in order.items],
        }
        for order in orders
    ]


def customer(row: Customer) -> dict[str, Any]:
    """Return a customer."""
    return {
        "id": row.id,
        "name": row.name,
        "email": row.email,
        "tier": row.tier,
        "created_at": row.created_at,
    }


def item(row: Item) -> dict[str, Any]:
    """Return an item."""
    return {
        "id": row.id,
        "order_id": row.order_id,
        "sku": row.sku,
        "title": row.title,
        "qty": row.qty,
        "price": row.price,
    }


def with_orjson() -> Encoder:
    """Return the hand-written dicts, through orjson: what the others are compared to."""
    dumps: Callable[..., bytes] = import_module("orjson").dumps
    return lambda orders: dumps(hand(orders), default=as_text)


def with_stdlib() -> Encoder:
    """Return the hand-written dicts, through the standard library."""
    return lambda orders: json.dumps(hand(orders), default=as_json).encode()


def with_msgspec() -> Encoder:
    """Return the hand-written dicts, through msgspec."""
    return lambda orders: msgspec.json.encode(hand(orders))


class CustomerStruct(msgspec.Struct):
    """A customer, for msgspec.convert()."""

    id: int
    name: str
    email: str
    tier: Status
    created_at: datetime


class ItemStruct(msgspec.Struct):
    """An item."""

    id: int
    order_id: int
    sku: str
    title: str
    qty: int
    price: Decimal


class OrderStruct(msgspec.Struct):
    """An order."""

    id: int
    customer_id: int
    number: str
    status: Status
    total: Decimal
    currency: str
    created_at: datetime
    updated_at: datetime
    paid: bool
    weight: float
    meta: dict[str, Any]
    notes: str
    version: int
    customer: CustomerStruct
    items: list[ItemStruct]


def with_structs() -> Encoder:
    """Return what msgspec makes of the instances by itself."""
    return lambda orders: msgspec.json.encode(
        msgspec.convert(orders, list[OrderStruct], from_attributes=True)
    )


def with_pydantic() -> Encoder:
    """Return one pydantic model for each order, as a web framework does for a list."""
    pydantic = import_module("pydantic")
    config = pydantic.ConfigDict(from_attributes=True)

    def model(struct: type[msgspec.Struct], **fields: Any) -> Any:
        plain = {field.name: (field.type, ...) for field in msgspec.structs.fields(struct)}
        return pydantic.create_model(struct.__name__, __config__=config, **{**plain, **fields})

    nested = {
        "customer": (model(CustomerStruct), ...),
        "items": (types.GenericAlias(list, (model(ItemStruct),)), ...),
    }
    rows = pydantic.TypeAdapter(types.GenericAlias(list, (model(OrderStruct, **nested),)))
    return lambda orders: bytes(rows.dump_json(rows.validate_python(orders, from_attributes=True)))


def with_marshmallow() -> Encoder:
    """Return what marshmallow-sqlalchemy's schemas give, through the standard library."""
    package = import_module("marshmallow_sqlalchemy")
    nested = import_module("marshmallow_sqlalchemy.fields").Nested
    base = package.SQLAlchemyAutoSchema

    def schema(model: type, **members: Any) -> Any:
        meta = type("Meta", (), {"model": model, "include_fk": True})
        return type(f"{model.__name__}Schema", (base,), {"Meta": meta, **members})

    fields = {"customer": nested(schema(Customer)), "items": nested(schema(Item), many=True)}
    orders_schema = schema(Order, **fields)(many=True)
    return lambda orders: json.dumps(orders_schema.dump(orders), default=as_json).encode()


def with_serializer() -> Encoder:
    """Return what sqlalchemy-serializer's mixin gives, through the standard library."""
    import_module("sqlalchemy_serializer")
    return lambda orders: json.dumps(
        [order.to_dict() for order in orders],
        default=as_json,
    ).encode()


def as_text(value: object) -> str:
    """Return a Decimal as text; orjson knows the rest."""
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(type(value).__name__)


def as_json(value: object) -> Any:
    """Return what the standard library's encoder does not know."""
    if isinstance(value, datetime):
        return value.isoformat()
    return value.value if isinstance(value, Enum) else as_text(value)


PEERS: dict[str, Callable[[], Encoder]] = {
    HAND: with_orjson,
    f"{HAND} again": with_orjson,
    "hand-written dict + json": with_stdlib,
    "hand-written dict + msgspec": with_msgspec,
    "msgspec.convert(from_attributes) + msgspec": with_structs,
    "pydantic TypeAdapter(list)": with_pydantic,
    "marshmallow-sqlalchemy + json": with_marshmallow,
    "sqlalchemy-serializer + json": with_serializer,
}


def alike(data: bytes) -> Any:
    """Return parsed JSON with what the tools write differently made the same.

    A Decimal is text or a number; an enum its name or its value; sqlalchemy-serializer writes minutes only.
    """
    orders: list[dict[str, Any]] = json.loads(data)
    for order in orders:
        order["total"] = float(order["total"])
        order["status"] = order["status"].lower()
        order["customer"]["tier"] = order["customer"]["tier"].lower()
        for holder, name in (
            (order, "created_at"),
            (order, "updated_at"),
            (order["customer"], "created_at"),
        ):
            holder[name] = holder[name].replace(" ", "T")[:16]
        for held in order["items"]:
            held["price"] = float(held["price"])
    return orders
