"""The table as data: what it names is there."""

from __future__ import annotations

from importlib import import_module

from tests.lifecycle.checking import rows_here
from tether.lifecycle import table


def exists(name: str) -> bool:
    """Return whether the dotted *name* can be imported, or is a member of something that can.

    What a call gives, written ``name()``, is taken to have its members.
    """
    module, members = name.partition("()")[0], []
    while module:
        try:
            found = import_module(module)
        except ImportError:
            module, _, member = module.rpartition(".")
            members.insert(0, member)
            continue
        for member in members:
            if not hasattr(found, member):
                return member in getattr(found, "__annotations__", {})
            found = getattr(found, member)
        return True
    return False


def test_every_name_of_sqlalchemy_exists() -> None:
    """
    Each name of the table that is SQLAlchemy's, in the version that is installed, can be imported.
    """
    here = rows_here()
    aliases = {name for name, of in table().aliases.items() if of in here}
    names = {*here, *aliases, *table().bases, *table().options}
    ours = sorted(name for name in names if name.startswith("sqlalchemy."))

    assert [] == [name for name in ours if not exists(name)]


def test_every_alias_leads_to_a_name_of_the_table() -> None:
    """
    What an alias stands for has rows, or members with rows.
    """
    known = {
        ".".join(name.split(".")[:end]) for name in table().rows for end in range(1, name.count(".") + 2)
    }

    assert [] == [name for name, of in table().aliases.items() if of not in known]
