"""The watch starts with ``sqlalchemy.orm``, never before, and the user's own start-up files still run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import tether
from tests.run.programs import PYTHON, TETHER, run, write

LOADED = "import sys; print(sorted(sys.modules))"


def test_program_without_sqlalchemy_loads_the_hook_only(tmp_path: Path) -> None:
    """
    Under tether a program has the modules it has without, and the hook with what that imports.
    """
    write(tmp_path, LOADED)
    alone, under = run([*PYTHON, "app.py"], tmp_path), run([*TETHER, "app.py"], tmp_path)

    assert {"_tether_hook", "__future__", "atexit"} == set(eval(under.out)) - set(eval(alone.out))


def test_user_sitecustomize_still_runs(tmp_path: Path) -> None:
    """
    A sitecustomize on PYTHONPATH runs under its own name and from its own file.
    """
    write(tmp_path, "print('customized', __name__, __file__)", "own/sitecustomize.py")
    write(
        tmp_path, "import sitecustomize, sys; print(sitecustomize.__file__, 'usercustomize' in sys.modules)"
    )
    env = {"PYTHONPATH": str(tmp_path / "own")}
    alone, under = run([*PYTHON, "app.py"], tmp_path, env=env), run([*TETHER, "app.py"], tmp_path, env=env)

    assert f"customized sitecustomize {tmp_path}/own/sitecustomize.py" in alone.out
    assert alone.out.splitlines() == under.out.splitlines()[-2:]


@pytest.mark.parametrize("body", ["import no_such_module", "raise ValueError('mine')"])
def test_broken_user_sitecustomize(tmp_path: Path, body: str) -> None:
    """
    A sitecustomize that raises is reported by Python as without tether.
    """
    write(tmp_path, body, "own/sitecustomize.py")
    write(tmp_path, "print('ran')", "child.py")
    # Only the child has the broken file on its path, so that tether itself starts without.
    write(
        tmp_path,
        """
        import os, subprocess, sys
        paths = [os.environ.get("PYTHONPATH", ""), "own"]
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
        sys.exit(subprocess.call([sys.executable, "child.py"], env=env))
        """,
    )
    alone, under = run([*PYTHON, "app.py"], tmp_path), run([*TETHER, "app.py"], tmp_path)
    own = "tether: nothing to watch: the program never imported sqlalchemy.orm\n"

    assert (alone.status, alone.out, alone.err + own) == (under.status, under.out, under.err)


def test_usercustomize_still_runs(tmp_path: Path) -> None:
    """
    A usercustomize in the user's site-packages runs after ours.
    """
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    write(tmp_path, "print('user customized')", f"base/lib/{version}/site-packages/usercustomize.py")
    write(tmp_path, "import site; print(site.ENABLE_USER_SITE)")
    env = {"PYTHONUSERBASE": str(tmp_path / "base")}
    # A virtual environment has no user site; the Python it was made from has.
    base = f"{sys.base_prefix}/bin/{version}"
    write(tmp_path, f"import subprocess; raise SystemExit(subprocess.call([{base!r}, 'app.py']))", "outer.py")
    alone = run([*PYTHON, "outer.py"], tmp_path, env=env)
    under = run([*TETHER, "outer.py"], tmp_path, env=env)

    assert "user customized\nTrue\n" == alone.out
    assert alone.out == under.out


@pytest.mark.parametrize("flag", ["-I", "-S", "-E"])
def test_isolated_children_run_unwatched(tmp_path: Path, flag: str) -> None:
    """
    A child that ignores PYTHONPATH or start-up files runs as always.
    """
    write(tmp_path, "import sys; print('_tether_hook' in sys.modules); sys.exit(6)", "child.py")
    write(
        tmp_path,
        f"import subprocess, sys; sys.exit(subprocess.call([sys.executable, {flag!r}, 'child.py']))",
    )
    result = run([*TETHER, "app.py"], tmp_path)

    assert (6, "False\n") == (result.status, result.out)
    assert "tether: nothing to watch: the program never imported sqlalchemy.orm\n" == result.err


@pytest.mark.parametrize("flag", ["-I", "-S", "-E"])
def test_isolated_program_is_told_why(tmp_path: Path, flag: str) -> None:
    """
    A program that was itself asked to run isolated runs so, and the reason for the empty report is named.
    """
    write(tmp_path, "import sys; print(sys.argv)")
    home = str(Path(tether.__file__).parents[1])
    code = f"import sys; sys.path.insert(0, {home!r}); from tether.cli import main; sys.exit(main())"
    write(tmp_path, code, "start.py")
    result = run([sys.executable, flag, "start.py", "run", "app.py"], tmp_path)

    assert "['app.py']\n" == result.out
    assert (
        "tether: nothing to watch: Python was started with -I, -E or -S, "
        "which switches off the start-up file of the watch\n" == result.err
    )


def old_python(version: str) -> str | None:
    """Return an old Python that runs: on PATH, or where pyenv keeps its versions."""
    name = f"python{version}"
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    for path in (shutil.which(name), *pyenv.glob(f"versions/*/bin/{name}")):
        # pyenv's stand-ins on PATH exist and fail
        if path and subprocess.run([path, "-c", ""], capture_output=True, check=False).returncode == 0:
            return str(path)
    return None


@pytest.mark.parametrize("version", ["2.7", "3.6", "3.8", "3.10"])
def test_other_pythons_are_left_alone(tmp_path: Path, version: str) -> None:
    """
    A child that is run by an older Python sees no error and no change.
    """
    python = old_python(version)
    if python is None:
        pytest.skip(f"there is no Python {version} here")
    body = "import sys; print(sys.path); print('sitecustomize' in sys.modules)"
    write(tmp_path, f"import subprocess, sys; sys.exit(subprocess.call([{python!r}, '-c', {body!r}]))")
    alone, under = run([*PYTHON, "app.py"], tmp_path), run([*TETHER, "app.py"], tmp_path)

    assert alone.out == under.out
    assert "tether: nothing to watch: the program never imported sqlalchemy.orm\n" == under.err


def test_cleared_environment_is_harmless(tmp_path: Path) -> None:
    """
    A program that empties its environment before it imports SQLAlchemy is watched all the same.
    """
    write(tmp_path, "import os; os.environ.clear(); import sqlalchemy.orm")
    result = run([*TETHER, "app.py"], tmp_path)

    assert (0, "no findings\n") == (result.status, result.err)


@pytest.mark.parametrize(
    "first",
    [
        "import sqlalchemy.orm",
        "import sqlalchemy.ext.asyncio",
        "from sqlalchemy.ext.declarative import declarative_base",
        "import sqlalchemy.ext.automap, sqlalchemy.ext.hybrid",
        "from sqlalchemy import orm",
        "import importlib.util; importlib.util.find_spec('sqlalchemy.orm'); import sqlalchemy.orm",
        "import threading as t; x = t.Timer(0, __import__, ['sqlalchemy.orm']); x.start(); x.join()",
    ],
)
def test_any_first_import_starts_the_watch(tmp_path: Path, first: str) -> None:
    """
    Whatever part of SQLAlchemy is imported first, and where, the watch starts and the import is unchanged.
    """
    write(
        tmp_path,
        f"""
        import sys
        {first}
        orm = sys.modules["sqlalchemy.orm"]
        loader = orm.__loader__
        print(type(loader).__name__, orm.__spec__.loader is loader, vars(loader).keys())
        print([type(finder).__name__ for finder in sys.meta_path if "tether" in type(finder).__module__])
        """,
    )
    result = run([*TETHER, "app.py"], tmp_path)

    assert "SourceFileLoader True dict_keys(['name', 'path'])\n[]\n" == result.out
    assert (0, "no findings\n") == (result.status, result.err)


def test_old_sqlalchemy_runs_unwatched(tmp_path: Path) -> None:
    """
    With an SQLAlchemy that is too old the program runs as without tether, and one sentence says so.
    """
    write(tmp_path, "__version__ = '1.4.54'", "sqlalchemy/__init__.py")
    write(tmp_path, "class Session: pass", "sqlalchemy/orm/__init__.py")
    write(tmp_path, "from sqlalchemy.orm import Session; print(Session.__name__); raise SystemExit(9)")
    result = run([*TETHER, "app.py"], tmp_path)

    assert (9, "Session\n") == (result.status, result.out)
    expected = "tether: SQLAlchemy 1.4.54 is too old to be watched; tether needs 2.0.20 or later\n"
    assert expected == result.err


def test_module_of_the_program_called_tether(tmp_path: Path) -> None:
    """
    A module of the user's that happens to be called tether does not get in the way of the watch.
    """
    write(tmp_path, "raise RuntimeError('not this one')", "tether.py")
    write(tmp_path, "import sqlalchemy.orm")
    script = Path(sys.executable).with_name("tether")
    result = run([script, "run", "app.py"], tmp_path)

    assert (0, "no findings\n") == (result.status, result.err)
