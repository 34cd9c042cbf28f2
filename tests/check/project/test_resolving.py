"""What names mean: through imports, re-exports, aliases, stars, and several import roots in one tree."""

from __future__ import annotations

from pathlib import Path

import pytest

from tether.check.project.modules import Project
from tether.check.project.resolving import Target

Files = dict[str, str]


def project_of(root: Path, files: Files, source_roots: tuple[str, ...] = ()) -> Project:
    """Write files below *root* and return the project that checks them all."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return Project([root / name for name in files], root, [root / one for one in source_roots])


def meaning(target: Target) -> str:
    """Return a target in one line: ``class app.models:User``."""
    where = ":".join(part for part in (target.module, target.name) if part)
    rest = "".join(f" .{part}" for part in target.rest)
    value = f" = {target.value.kind} {target.value.value}" if target.value else ""
    return f"{target.kind} {where}{rest}{value}".strip()


APP: Files = {
    "app/__init__.py": "from .models import User as Person\nfrom . import models\n__all__ = ['Person']\n",
    "app/models.py": "from .base import *\nclass User(Base):\n    class Meta: pass\nAlias = User\n",
    "app/base.py": "from sqlalchemy.orm import declarative_base\nBase = declarative_base()\n_hidden = 1\n",
    "app/cycle_a.py": "from .cycle_b import x, y\n",
    "app/cycle_b.py": "from .cycle_a import x\ny = x\ndef z(): pass\nz2 = z\n",
    "app/views.py": (
        "import sqlalchemy as sa\n"
        "import sqlalchemy.orm\n"
        "import app.models\n"
        "import app.models as m\n"
        "from app import Person, models, nothing\n"
        "from app.models import *\n"
        "from sqlalchemy.orm import Session as S, sessionmaker\n"
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n"
        "    from app.base import Base as Typed\n"
        "else:\n"
        "    Typed = None\n"
        "try:\n"
        "    from missing import Fast as Either\n"
        "except ImportError:\n"
        "    from app.models import User as Either\n"
        "try:\n"
        "    import orjson as json\n"
        "except ImportError:\n"
        "    json = None\n"
        "Factory = sessionmaker(bind=None)\n"
        "SA = S\n"
        "late = None\n"
        "late = make()\n"
        "either = a()\n"
        "either = b()\n"
        "loop = loop\n"
    ),
}


@pytest.mark.parametrize(
    ["name", "expected"],
    [
        ("sa.select", "external sqlalchemy.select"),
        ("sqlalchemy.orm.Session", "external sqlalchemy.orm.Session"),
        ("S", "external sqlalchemy.orm.Session"),
        ("SA", "external sqlalchemy.orm.Session"),
        ("Person", "class app.models:User"),
        ("Person.orders.name", "class app.models:User .orders .name"),
        ("Person.Meta", "class app.models:User.Meta"),
        ("models", "module app.models"),
        ("models.User", "class app.models:User"),
        ("m.Alias", "class app.models:User"),
        ("app.models.User", "class app.models:User"),
        ("app.views.S", "external sqlalchemy.orm.Session"),
        ("app.Person", "class app.models:User"),
        ("User", "class app.models:User"),
        ("Base", "variable app.base:Base = call declarative_base"),
        ("_hidden", "unknown"),
        ("Typed", "variable app.base:Base = call declarative_base"),
        ("Either", "class app.models:User"),
        ("json.dumps", "external orjson.dumps"),
        ("Factory", "variable app.views:Factory = call sessionmaker"),
        ("late", "variable app.views:late = call make"),
        ("either", "variable app.views:either"),
        ("loop", "variable app.views:loop = name loop"),
        ("nothing", "unknown"),
        ("list", "external builtins.list"),
        ("nowhere", "unknown"),
    ],
)
def test_names(tmp_path: Path, name: str, expected: str) -> None:
    """
    A name means what it was first bound to, however many modules it went through.
    """
    assert expected == meaning(project_of(tmp_path, APP).resolve("app.views", name))


@pytest.mark.parametrize(
    ["name", "expected"],
    [
        ("x", "unknown"),
        ("y", "variable app.cycle_b:y = name x"),
        ("cycle_b", "unknown"),
    ],
)
def test_cycles(tmp_path: Path, name: str, expected: str) -> None:
    """
    Modules that import each other hang nothing; what leads back to itself is unknown.
    """
    assert expected == meaning(project_of(tmp_path, APP).resolve("app.cycle_a", name))


def test_imports_of_a_function(tmp_path: Path) -> None:
    """
    An Import op in a function means the same as one at the level of the module.
    """
    project = project_of(tmp_path, APP)
    asked = [
        ("app.models", "User"),
        ("app", "models"),
        ("app.base", ""),
        ("sqlalchemy.orm", "Session"),
        (".x", "y"),
    ]

    assert [
        "class app.models:User",
        "module app.models",
        "module app.base",
        "external sqlalchemy.orm.Session",
        "unknown",
    ] == [meaning(project.resolve_import("app.views", module, name)) for module, name in asked]


MONOREPO: Files = {
    "some-server/main.py": "from models.agent import Agent\nfrom app.db import get\nimport queue\n",
    "some-server/models/agent.py": "class Agent: pass\n",
    "some-server/app/__init__.py": "",
    "some-server/app/db.py": "def get(): pass\n",
    "other/app/__init__.py": "",
    "other/app/db.py": "def get(): pass\ndef only_here(): pass\n",
    "other/run.py": "from app.db import *\nfrom shared_lib.names import Name\nfrom models.agent import Agent\n",
    "libs/shared/shared_lib/__init__.py": "",
    "libs/shared/shared_lib/names.py": "class Name: pass\n",
    "libs/queue.py": "class Queue: pass\n",
    "tool/src/pack/__init__.py": "from pack.inner import f\n",
    "tool/src/pack/inner.py": "def f(): pass\n",
    "tool/tests/test_pack.py": "from pack import f\nimport spread.part.one\nfrom spread.part import one\n",
    "spread/part/one.py": "here = 1\n",
}


@pytest.mark.parametrize(
    ["path", "name", "expected"],
    [
        ("some-server/main.py", "Agent", "class models.agent:Agent"),
        ("some-server/main.py", "get", "function app.db:get"),
        ("some-server/main.py", "queue.Queue", "external queue.Queue"),
        ("other/run.py", "get", "function app.db@other:get"),
        ("other/run.py", "only_here", "function app.db@other:only_here"),
        ("other/run.py", "Name", "class shared_lib.names:Name"),
        ("other/run.py", "Agent", "external models.agent.Agent"),
        ("tool/tests/test_pack.py", "f", "function pack.inner:f"),
        ("tool/tests/test_pack.py", "one", "module spread.part.one"),
        ("tool/tests/test_pack.py", "spread.part.one.here", "variable spread.part.one:here = constant 1"),
    ],
)
def test_several_roots(tmp_path: Path, path: str, name: str, expected: str) -> None:
    """
    Imports begin where the importing file would find them: beside it, above it, in `src`, in a folder of packages.
    """
    project = project_of(tmp_path, MONOREPO)
    module = next(module for module in project.modules() if module.path == path)

    assert expected == meaning(project.resolve(module.name, name))


def test_configured_roots(tmp_path: Path) -> None:
    """
    A configured source root comes first, and names begin there.
    """
    files = {"python/lib/deep/mod.py": "x = 1\n", "main.py": "from deep.mod import x\n"}
    project = project_of(tmp_path, files, ("python/lib",))

    assert (("deep.mod", "main"), "variable deep.mod:x = constant 1") == (
        project.names,
        meaning(project.resolve("main", "x")),
    )


def test_unchecked_files_are_found(tmp_path: Path) -> None:
    """
    A file that is not checked itself is read when a checked one imports it.
    """
    project_of(tmp_path, APP)
    project = Project([tmp_path / "app/views.py"], tmp_path)

    assert (("app.views",), "class app.models:User") == (
        project.names,
        meaning(project.resolve("app.views", "User")),
    )


def test_modules(tmp_path: Path) -> None:
    """
    A module knows its path, its lines, its classes, its imports and its functions.
    """
    module = project_of(tmp_path, APP).module("app.cycle_b")
    models = project_of(tmp_path, APP).module("app.models")
    assert module is not None
    assert models is not None

    assert (
        "app/cycle_b.py",
        "from .cycle_a import x",
        {"x": "app.cycle_a.x"},
        {"z": 1},
        ["User.Meta", "User"],
    ) == (
        module.path,
        module.lines[0],
        module.imports,
        module.functions,
        list(models.classes),
    )


def test_a_dropped_tree_is_read_again(tmp_path: Path) -> None:
    """
    The op graphs are the same whether the tree was kept or not.
    """
    first, second = (project_of(tmp_path, APP).module("app.views") for _ in range(2))
    assert first is not None
    assert second is not None
    second.drop_tree()

    assert first.bodies == second.bodies
