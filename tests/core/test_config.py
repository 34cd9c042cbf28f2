"""[tool.tether] in pyproject.toml: what is read, where it is looked for, and what is said if it is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from tether.core.config import Config, read_config
from tether.errors import ConfigError

KNOWN = ("change-discarded", "lazy-load-in-loop", "write-while-detached")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read(project: Path, text: str) -> Config:
    (project / "pyproject.toml").write_text(text, encoding="utf-8")
    return read_config(project, KNOWN)


def refusal(project: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read(project, text)
    return str(caught.value)


def test_every_setting(project: Path) -> None:
    """
    Each setting is read from its name with hyphens.
    """
    config = read(
        project,
        """
        [tool.tether]
        allow = ["change-discarded"]
        baseline = "known/tether.json"
        rollback = false
        values = true
        sample = 0.25
        loop-threshold = 5
        rows-threshold = 6
        identity-map-threshold = 7
        skip = ["framework", "vendor/*"]
        mode = "warn"
        [[tool.tether.lifecycle.call]]
        on = ["shop.save"]
        [tool.tether.per-file]
        "tests/*" = ["lazy-load-in-loop"]
        [tool.tether.per-class]
        "app.models.User" = ["write-while-detached", "change-discarded"]
        """,
    )

    assert (
        Config(
            allow=frozenset({"change-discarded"}),
            per_file=(("tests/*", frozenset({"lazy-load-in-loop"})),),
            per_class=(("app.models.User", frozenset({"write-while-detached", "change-discarded"})),),
            baseline=str(project / "known/tether.json"),
            rollback=False,
            values=True,
            sample=0.25,
            loop_threshold=5,
            rows_threshold=6,
            identity_map_threshold=7,
            skip=("framework", "vendor/*"),
            mode="warn",
            lifecycle={"call": [{"on": ["shop.save"]}]},
            root=str(project),
        )
        == config
    )


def test_no_pyproject(project: Path) -> None:
    """
    Where nobody wrote [tool.tether], the defaults hold.
    """
    config = read(project, "[project]\nname = 'shop'\n")

    assert Config() == config


def test_nearest_above_with_the_table(project: Path) -> None:
    """
    A pyproject.toml without [tool.tether] is passed over on the way up.
    """
    inner = project / "package" / "module"
    inner.mkdir(parents=True)
    (project / "package" / "pyproject.toml").write_text("[tool.other]\nmode = 1\n")
    (project / "pyproject.toml").write_text("[tool.tether]\nmode = 'log'\n")

    assert "log" == read_config(inner, KNOWN).mode


def test_windows_separators_in_a_glob(project: Path) -> None:
    """
    A glob with backslashes means the same as with slashes.
    """
    config = read(project, "[tool.tether.per-file]\n'tests\\*' = ['change-discarded']\n")

    assert (("tests/*", frozenset({"change-discarded"})),) == config.per_file


@pytest.mark.parametrize(
    ("text", "line", "sentence"),
    [
        (
            "[tool.tether]\nmode = 'log'\nper_file = {}\n",
            3,
            "there is no setting called 'per_file' in [tool.tether]; did you mean per-file?",
        ),
        (
            "[tool.tether]\nzzz = 1\n",
            2,
            (
                "there is no setting called 'zzz' in [tool.tether]; the settings are allow, per-file,"
                " per-class, baseline, rollback, values, sample, loop-threshold, rows-threshold,"
                " identity-map-threshold, skip, mode, lifecycle."
            ),
        ),
        (
            "[tool.tether]\nallow = [\n  'change-discarded',\n  'lazy-load-in-lop',\n]\n",
            4,
            "there is no hazard called 'lazy-load-in-lop'; did you mean lazy-load-in-loop?",
        ),
        (
            "[tool.tether]\n[tool.tether.per-file]\n'a.py' = ['change-discarded']\n'b.py' = ['change']\n",
            4,
            "there is no hazard called 'change'; did you mean change-discarded?",
        ),
        (
            "[tool.tether.per-class]\nUser = 'change-discarded'\n",
            2,
            (
                "`per-class` for 'User' must be an array of strings,"
                ' such as ["lazy-load-in-loop"], not a string.'
            ),
        ),
        (
            "[tool.tether]\nper-file = ['change-discarded']\n",
            2,
            '`per-file` must be a table, such as {"tests/*" = ["lazy-load-in-loop"]}, not an array.',
        ),
        (
            "[tool.other]\nsample = 2\n[tool.tether] # ours = here\n# sample = 2\nsample = 2\n",
            5,
            "`sample` must be a number from 0.0 to 1.0, not 2; 0.1 watches one Session in ten.",
        ),
        (
            "[tool.tether]\nsample = nan\n",
            2,
            "`sample` must be a number from 0.0 to 1.0, not nan; 0.1 watches one Session in ten.",
        ),
        ("[tool.tether]\nsample = true\n", 2, "`sample` must be a number from 0.0 to 1.0, not a boolean."),
        (
            "[tool.tether]\nloop-threshold = 0\n",
            2,
            "`loop-threshold` must be a whole number from 1 upwards, not 0.",
        ),
        (
            "[tool.tether]\nrows-threshold = 1e4\n",
            2,
            "`rows-threshold` must be a whole number from 1 upwards, not a float.",
        ),
        ("[tool.tether]\nvalues = 'yes'\n", 2, "`values` must be true or false, not a string."),
        ("[tool.tether]\nvalues = 2024-01-01\n", 2, "`values` must be true or false, not a date or a time."),
        (
            "[tool.tether]\nmode = 'warning'\n",
            2,
            "`mode` must be one of collect, warn, log, raise, not 'warning'.",
        ),
        ("[tool.tether]\nmode = 1\n", 2, "`mode` must be one of collect, warn, log, raise, not an integer."),
        (
            "[tool.tether]\nbaseline = ''\n",
            2,
            '`baseline` must be the path of a file, such as "tether-baseline.json", not empty.',
        ),
        (
            "[tool.tether]\nskip = ['a', 1]\n",
            2,
            (
                '`skip` must hold nothing but strings, such as ["our_framework", "vendor/*"];'
                " one of them is an integer."
            ),
        ),
        (
            "[tool.tether]\nskip = ['']\n",
            2,
            '`skip` must not hold an empty string; write ["our_framework", "vendor/*"], or take it out.',
        ),
        (
            "[tool]\ntether = 'on'\n",
            2,
            "`tool.tether` must be a table of settings, not a string; write `[tool.tether]` above them.",
        ),
        (
            "[tool.tether]\nmode =\n",
            2,
            "this file is not TOML ('Invalid value', says tomllib); correct that place.",
        ),
        ("tool.tether.mode = 'x'\n", 1, "`mode` must be one of collect, warn, log, raise, not 'x'."),
    ],
)
def test_what_cannot_be_used(project: Path, text: str, line: int, sentence: str) -> None:
    """
    What cannot be used is refused with file, line, the thing itself and what to write.
    """
    assert f"pyproject.toml:{line}: {sentence}" == refusal(project, text)


def test_not_utf8(project: Path) -> None:
    """
    A pyproject.toml in another encoding is refused by name.
    """
    (project / "pyproject.toml").write_bytes(b"[tool.tether]\nmode = '\xe9'\n")
    with pytest.raises(ConfigError) as caught:
        read_config(project, KNOWN)

    assert "pyproject.toml: this file is not UTF-8, as TOML must be; save it as UTF-8." == str(caught.value)


def test_tool_is_no_table(project: Path) -> None:
    """
    A file in which `tool` is something else has no [tool.tether].
    """
    assert Config() == read(project, "tool = 3\n")
