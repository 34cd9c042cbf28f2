"""[tool.tether.lifecycle]: rows for one's own helpers, and what is said if they are wrong."""

from __future__ import annotations

import tomllib

import pytest

from tether.errors import ConfigError
from tether.lifecycle import joined, read_rows, table
from tether.lifecycle.rows import Effect, Returns, Row, Source

SAVE = """
[[call]]
on = ["shop.db.save"]
parameters = ["session", "instance"]
session = "session"
effects = ["add instance", "commit session", "perhaps expire all when expire_on_commit"]
returns = "instance like instance"
raises = true
"""


def test_row() -> None:
    """
    A row is read word by word.
    """
    row = read_rows(tomllib.loads(SAVE)).rows["shop.db.save"]

    assert (
        Row(
            on=("shop.db.save",),
            parameters=("session", "instance"),
            session="session",
            effects=(
                Effect(verb="add", to="argument", argument="instance"),
                Effect(verb="commit", to="session"),
                Effect(verb="expire", to="all", when="expire_on_commit", sure=False),
            ),
            returns=Returns(kind="instance", of="argument", argument="instance"),
            raises=True,
            package="",
        ),
    ) == row


def test_source_alias_and_base() -> None:
    """
    Where Sessions come from, other names, and classes that are like another are read too.
    """
    own = read_rows(
        {
            "source": [{"names": ["tx"], "expire-on-commit": "false", "owner": "request"}],
            "aliases": {"shop.S": "sqlalchemy.orm.Session"},
            "bases": {"shop.Unit": ["sqlalchemy.orm.Session"]},
        }
    )

    assert (Source(names=("tx",), owner="request", expire_on_commit="false"),) == own.sources
    assert ({"shop.S": "sqlalchemy.orm.Session"}, {"shop.Unit": ("sqlalchemy.orm.Session",)}) == (
        own.aliases,
        own.bases,
    )


def test_own_rows_come_first() -> None:
    """
    A user's row for a name that is known takes the place of the known one; all others stay.
    """
    own = read_rows({"call": [{"on": ["sqlalchemy.orm.Session.commit"], "effects": ["commit session"]}]})
    both = joined(table(), own)

    assert own.rows["sqlalchemy.orm.Session.commit"] == both.rows["sqlalchemy.orm.Session.commit"]
    assert table().rows.keys() == both.rows.keys()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[[cal]]\non = ['f']", "there is no key 'cal' in `lifecycle`; did you mean call?"),
        ("call = 1", "`lifecycle.call` must be an array of tables; write `[[tool.tether.lifecycle.call]]`."),
        (
            "[[call]]\nparameters = ['a']",
            '`lifecycle.call` number 1 does not say what it is about; write on = ["package.module.function"].',
        ),
        (
            "[[call]]\non = ['f']\neffect = ['flush all']",
            "there is no key 'effect' in `lifecycle.call` number 1; did you mean effects or fact?",
        ),
        (
            "[[call]]\non = ['f']\neffects = ['comit session']",
            "`lifecycle.call` number 1: there is no verb called 'comit'; did you mean commit? (in 'comit session')",
        ),
        (
            "[[call]]\non = ['f']\neffects = ['expire all when expire_on_comit']",
            (
                "`lifecycle.call` number 1: there is no condition called 'expire_on_comit'; did you mean"
                " expire_on_commit? (in 'expire all when expire_on_comit')"
            ),
        ),
        (
            "[[call]]\non = ['f']\neffects = ['expire everything']\nparameters = ['thing']",
            "`lifecycle.call` number 1: there is no parameter called 'everything'; did you mean thing?",
        ),
        (
            "[[call]]\non = ['f']\neffects = ['expire']",
            (
                "`lifecycle.call` number 1: 'expire' is no effect; write a verb, its subject and, if need be, a"
                " condition, such as 'expire all when expire_on_commit'."
            ),
        ),
        (
            "[[call]]\non = ['f']\nreturns = 'instanc'",
            (
                "`lifecycle.call` number 1: there is no kind of result called 'instanc'; did you mean instance or"
                " instances? (in 'instanc')"
            ),
        ),
        (
            "[[call]]\non = ['f']\nsession = 'db'\nparameters = ['db_']",
            "`lifecycle.call` number 1: there is no place of a Session called 'db'; did you mean db_?",
        ),
        ("[[call]]\non = 'f'", "`lifecycle.call` number 1: `on` must be an array of strings, not a string."),
        (
            "[[call]]\non = ['f']\nraises = 1",
            "`lifecycle.call` number 1: `raises` must be true or false, not an integer.",
        ),
        (
            "[[call]]\non = ['f']\nwhy = 1",
            "`lifecycle.call` number 1: `why` must be a string, not an integer.",
        ),
        (
            "[[source]]\nnames = ['tx']\nkind = 'sesion'",
            (
                "`lifecycle.source` number 1: there is no kind called 'sesion'; did you mean session or async session"
                " or scoped session?"
            ),
        ),
        ("[aliases]\na = 1", "`lifecycle.aliases.a` must be a dotted name, not an integer."),
        ("[bases]\na = 'b'", "`lifecycle.bases.a` must be an array of strings, not a string."),
    ],
)
def test_refusal(text: str, sentence: str) -> None:
    """
    What cannot be used is refused in one sentence that names the key.
    """
    with pytest.raises(ConfigError) as caught:
        read_rows(tomllib.loads(text), "shop/pyproject.toml")

    assert f"shop/pyproject.toml: {sentence}" == str(caught.value)
