"""The names that users see: complete, documented, and cheap to import."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import tether
from tether.core.settings import SETTINGS

README = Path(__file__).resolve().parent.parent / "README.md"
HEAVY = ("sqlalchemy", "msgspec", "rich")
TELL = "import json, sys; print('\\n' + json.dumps(sorted(sys.modules)))"


def modules_after(code: str) -> set[str]:
    """Return the top-level modules that a new interpreter has imported after *code*."""
    command = [sys.executable, "-c", f"{code}\n{TELL}"]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return {name.partition(".")[0] for name in json.loads(output.splitlines()[-1])}


def first_column(heading: str) -> str:
    """Return the first column of the tables that stand under *heading* in the README."""
    section = README.read_text().partition(f"\n{heading}\n")[2].partition("\n## ")[0]
    return "\n".join(line.split("|")[1] for line in section.splitlines() if line.startswith("| `"))


def test_public_names_are_those_in_the_readme() -> None:
    """
    The README's table of names lists exactly what `tether.__all__` lists.
    """
    listed = re.findall(r"`tether\.(\w+)", first_column("## Names"))

    assert sorted(tether.__all__) == sorted(listed)


def test_settings_are_those_in_the_readme() -> None:
    """
    The README's table of settings lists exactly those that `[tool.tether]` may have.
    """
    listed = re.findall(r"`([\w-]+)`", first_column("## When it is right as it is"))

    assert sorted(SETTINGS) == sorted(listed)


def test_every_public_name_can_be_imported() -> None:
    """
    Whatever `tether.__all__` lists is there, and listed once, in order.
    """
    missing = [name for name in tether.__all__ if not hasattr(tether, name)]

    assert [] == missing
    assert sorted(set(tether.__all__)) == list(tether.__all__)


def test_dir_shows_the_public_names() -> None:
    """
    `dir(tether)` offers everything in `__all__`, imported yet or not.
    """
    assert set() == set(tether.__all__) - set(dir(tether))


@pytest.mark.parametrize("name", tether.__all__)
def test_every_public_name_is_documented(name: str) -> None:
    """
    Each public name has a docstring whose first line is a sentence.
    """
    documentation = getattr(tether, name).__doc__

    assert documentation
    assert documentation.split("\n")[0].rstrip().endswith((".", ":"))


def test_unknown_name_is_an_attribute_error() -> None:
    """
    A name that does not exist raises what every module raises.
    """
    with pytest.raises(AttributeError, match="module 'tether' has no attribute 'wachting'"):
        _ = tether.wachting


@pytest.mark.parametrize(
    "code",
    [
        "import tether",
        "import tether.cli",
        "import _tether_pytest",
        "import sys, tether.cli\ntry: tether.cli.main(['--help'])\nexcept SystemExit: pass",
    ],
    ids=["import tether", "import tether.cli", "the plugin", "tether --help"],
)
def test_start_is_light(code: str) -> None:
    """
    Importing tether, its command line and its plugin, and `tether --help`, import no heavy package.
    """
    assert set() == modules_after(code) & set(HEAVY)


def test_plugin_that_is_off_does_not_import_tether(pytester: pytest.Pytester) -> None:
    """
    A run of pytest that does not ask for tether never imports it.
    """
    pytester.makepyfile("import sys\ndef test_it(): assert 'tether' not in sys.modules")

    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")

    assert {"passed": 1} == result.parseoutcomes()
