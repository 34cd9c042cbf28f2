"""The `tether` command: help, the catalogue, and where the words of the command line go."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tether.cli import main
from tether.core.version import version
from tether.errors import ConfigError
from tether.hazards import all_hazards


def tether(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a person does, in a process of its own."""
    command = [sys.executable, "-m", "tether", *words]
    env = {**os.environ, **environment}
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", env=env, check=False)


@pytest.mark.parametrize("words", [(), ("--help",), ("-h",)])
def test_help(words: tuple[str, ...]) -> None:
    """
    Alone and with --help the command says what it is and lists its subcommands.
    """
    done = tether(*words)

    assert (0, "") == (done.returncode, done.stderr)
    assert "Keeps the data of SQLAlchemy programs on track." in done.stdout
    commands = done.stdout.partition("commands:\n")[2].partition("\n\n")[0]
    listed = [line.split()[0] for line in commands.splitlines()]

    assert ["demo", "run", "check", "explain", "lsp"] == listed


def test_installed_command() -> None:
    """
    The installed `tether` is the same as `python -m tether`.
    """
    command = Path(sys.executable).with_name("tether")
    done = subprocess.run([command, "--help"], capture_output=True, text=True, check=False)

    assert tether("--help").stdout == done.stdout


@pytest.mark.parametrize("words", [[], ["--version"], ["run", "--help"], ["explain"]])
def test_imports(words: list[str]) -> None:
    """
    Help, version and catalogue import none of what takes time to import.
    """
    code = f"""\
import sys
from tether.cli import main
try:
    main({words!r})
except SystemExit:
    pass
print(sorted({{"sqlalchemy", "msgspec", "rich"}} & set(sys.modules)), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "[]\n" == done.stderr


def test_version() -> None:
    """
    --version prints the version of the installed distribution.
    """
    assert f"tether {version()}\n" == tether("--version").stdout


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["rnu"], "tether: error: there is no command called 'rnu'; did you mean run?"),
        (
            ["zzz"],
            "tether: error: there is no command called 'zzz'; there are demo, run, check, explain, lsp.",
        ),
        (["--verbose"], "tether: error: unrecognized arguments: --verbose"),
        (
            ["explain", "lazy-load-after-clos"],
            "tether explain: error: there is no hazard called 'lazy-load-after-clos'; did you mean",
        ),
        (["explain", "a", "b"], "tether explain: error: unrecognized arguments: b"),
        (["run"], "tether run: error: it needs a program: tether run app.py, or tether run -m module"),
        (["run", "-m"], "tether run: error: it needs a program: tether run app.py, or tether run -m module"),
        (
            ["run", "--fail", "--"],
            "tether run: error: it needs a program: tether run app.py, or tether run -m module",
        ),
        (
            ["run", "--format", "xml", "app.py"],
            "tether run: error: argument --format: there is no format called 'xml';",
        ),
        (["run", "--form", "json", "app.py"], "tether run: error: unrecognized arguments: --form"),
        (
            ["run", "--only", "lazy-load-in-lop", "app.py"],
            "tether run: error: argument --only: there is no hazard called 'lazy-load-in-lop'; did you mean",
        ),
        (
            ["run", "--only", " ,", "app.py"],
            "tether run: error: argument --only: it names no hazard; `tether explain` lists them all.",
        ),
        *(
            (
                ["run", "--sample", share, "app.py"],
                f"tether run: error: argument --sample: {share!r} is not a number from 0.0 to 1.0;",
            )
            for share in ("2", "nan", "half")
        ),
    ],
)
def test_command_line_that_cannot_be_used(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """
    A command line that cannot be used is refused with status 2 and a sentence on stderr.
    """
    with pytest.raises(SystemExit) as caught:
        main(words)
    said = capsys.readouterr()

    assert (2, "") == (caught.value.code, said.out)
    assert sentence in said.err


def test_explain_one() -> None:
    """
    `tether explain HAZARD` prints the hazard's page.
    """
    hazard = all_hazards()["write-while-detached"]
    page = tether("explain", hazard.name).stdout

    assert f"{hazard.name}  [{hazard.severity}]" == page.splitlines()[0]
    assert hazard.summary in " ".join(page.split())
    assert "\n    " + hazard.example.splitlines()[0] in page


def test_explain_all() -> None:
    """
    `tether explain` lists every hazard of the catalogue.
    """
    listed = [line.split()[0] for line in tether("explain").stdout.partition("\n\n")[0].splitlines()]

    assert sorted(all_hazards()) == sorted(listed)


def test_output_that_nobody_reads() -> None:
    """
    A reader that has seen enough, as in `tether explain | head`, ends the command without a complaint.
    """
    command = [sys.executable, "-m", "tether", "explain"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()

        assert b"" == process.stderr.read()
    assert 0 == process.returncode


def test_output_in_a_narrow_encoding() -> None:
    """
    Where stdout cannot hold a character, the command still works.
    """
    done = tether("explain", PYTHONIOENCODING="ascii")

    assert (0, "") == (done.returncode, done.stderr)


# ----------------------------------------------------------------- tether run


Call = dict[str, Any]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch) -> Callable[[Sequence[str]], Call]:
    """Return a function that says what the runner would be asked to do."""

    def called(words: Sequence[str]) -> Call:
        seen: Call = {}

        def run(program: list[str], **asked: Any) -> int:
            seen.update(asked, program=program)
            return 7

        monkeypatch.setattr("tether.watch.run.run", run)
        assert 7 == main(["run", *words])
        return {name: value for name, value in seen.items() if value not in (None, False)}

    return called


PLAIN = {"format": "text"}


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        (["app.py"], {"program": ["app.py"]}),
        (["app.py", "--fail", "-m", "--", "--help"], {"program": ["app.py", "--fail", "-m", "--", "--help"]}),
        (["--", "app.py", "--", "-h"], {"program": ["app.py", "--", "-h"]}),
        (["--", "--fail"], {"program": ["--fail"]}),
        (["-m", "app", "--fail", "--", "-x"], {"program": ["app", "--fail", "--", "-x"], "module": True}),
        (["-mapp.main", "x"], {"program": ["app.main", "x"], "module": True}),
        (["--fail", "--", "-m", "app"], {"program": ["app"], "module": True, "fail": True}),
        (["-", "-x"], {"program": ["-", "-x"]}),
        (
            ["--out", "r.txt", "app.py", "--out", "x"],
            {"program": ["app.py", "--out", "x"], "out": Path("r.txt")},
        ),
        (["--out=r.txt", "app.py"], {"program": ["app.py"], "out": Path("r.txt")}),
        (["--format", "json", "-m", "json"], {"program": ["json"], "module": True, "format": "json"}),
        (
            ["--only", "change-discarded, never-committed", "app.py"],
            {"program": ["app.py"], "only": ["change-discarded", "never-committed"]},
        ),
        (["--values", "--sample", "0.1", "app.py"], {"program": ["app.py"], "values": True, "sample": 0.1}),
        (
            ["--baseline", "a.json", "--write-baseline", "b.json", "app.py"],
            {"program": ["app.py"], "baseline": Path("a.json"), "write_baseline": Path("b.json")},
        ),
        (["", "x"], {"program": ["", "x"]}),
    ],
)
def test_whose_words(call: Callable[[Sequence[str]], Call], words: list[str], asked: Call) -> None:
    """
    Options before the program are tether's; the program and every word behind it are the program's.
    """
    assert PLAIN | asked == call(words)


def test_configuration_that_cannot_be_used(tmp_path: Path) -> None:
    """
    A configuration that cannot be used is one sentence and status 2; the program does not run.
    """
    (tmp_path / "pyproject.toml").write_text("[tool.tether]\nmode = 'loud'\n")
    (tmp_path / "app.py").write_text("print('it ran')\n")
    command = [sys.executable, "-m", "tether", "run", "app.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert (2, "") == (done.returncode, done.stdout)
    assert (
        "tether: pyproject.toml:2: `mode` must be one of collect, warn, log, raise, not 'loud'.\n"
        == done.stderr
    )


def test_error_of_a_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """
    A file that a command cannot use is named on stderr, with status 2.
    """

    def run(program: list[str], **asked: Any) -> int:
        raise ConfigError("b.json", "this is not a baseline.")

    monkeypatch.setattr("tether.watch.run.run", run)
    status = main(["run", "app.py"])

    assert (2, "tether: b.json: this is not a baseline.\n") == (status, capsys.readouterr().err)


def test_words_reach_the_program(tmp_path: Path) -> None:
    """
    A program that is run sees exactly its own words.
    """
    (tmp_path / "app.py").write_text("import json, sys\nprint(json.dumps(sys.argv))\n")
    command = [sys.executable, "-m", "tether", "run", "--fail", "--", "app.py", "--fail", "--", "-m", "x"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert ["app.py", "--fail", "--", "-m", "x"] == json.loads(done.stdout)


# ---------------------------------------------------------------- tether demo


def test_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    `tether demo` hands its words to the demonstration and returns its status.
    """
    demo = SimpleNamespace(main=len)
    monkeypatch.setitem(sys.modules, "tether.demo", demo)

    assert 2 == main(["demo", "--one", "two"])
