"""What a program loses is in the report, however the program ends."""

from __future__ import annotations

import signal
from pathlib import Path
from textwrap import dedent

import pytest

from tests.run.programs import LOST, MODEL, READ, TETHER, Running, run, watched, write

NOT_AT_ITS_END = "what only shows at its end is not in this report"


def test_program_that_returns(folder: Path) -> None:
    """
    Findings come at the end, with the program's own output and status untouched.
    """
    result = watched(folder, "lose_a_write(); read_too_late(); print('done'); sys.exit(4)")

    assert (4, "done\n") == (result.status, result.out)
    assert [LOST, READ] == result.found
    assert [] == result.notes


def test_text_report(folder: Path) -> None:
    """
    The report on stderr is text, in paths relative to the working directory.
    """
    write(folder, MODEL + "lose_a_write()\n")
    result = run([*TETHER, "app.py"], folder)

    hazard, path, line = LOST
    assert f"{path}:{line}:5 {hazard}: " == result.err[: len(f"{path}:{line}:5 {hazard}: ")]
    assert result.err.endswith("1 finding: 1 error\n")


def test_unhandled_exception(folder: Path) -> None:
    """
    The traceback is Python's own, and the report follows it.
    """
    result = watched(folder, "read_too_late()\nraise ValueError('mine')\n")
    traceback = result.err[: result.err.index("{\n")]

    assert 1 == result.status
    assert "Traceback (most recent call last):" == traceback.splitlines()[0]
    assert traceback.endswith("ValueError: mine\n")
    assert "tether" not in traceback
    assert [READ] == result.found


@pytest.mark.parametrize(
    ("ending", "status", "words"),
    [
        ("os._exit(0)", 0, "the program ended without its exit handlers, as with os._exit"),
        ("os._exit(9)", 9, "the program ended without its exit handlers, as with os._exit"),
        ("os.kill(os.getpid(), 9)", -signal.SIGKILL, "the program was killed by SIGKILL"),
        ("os.kill(os.getpid(), 15)", -signal.SIGTERM, "the program was killed by SIGTERM"),
        ("os.abort()", -signal.SIGABRT, "the program was killed by SIGABRT"),
        (
            "os.execv('/bin/sh', ['sh', '-c', 'exit 6'])",
            6,
            "the program ended without its exit handlers, as with os._exit",
        ),
    ],
)
def test_sudden_end(folder: Path, ending: str, status: int, words: str) -> None:
    """
    What was found before a sudden end is reported, and that the end itself was not seen.
    """
    result = watched(folder, f"read_too_late(); {ending}")

    assert status == result.status
    assert [READ] == result.found
    assert [f"{words}; {NOT_AT_ITS_END}"] == result.notes


def test_interrupt_of_a_program_that_waits(folder: Path) -> None:
    """
    A program that is interrupted ends with its KeyboardInterrupt, and nothing is missing.
    """
    write(
        folder,
        MODEL
        + "import signal\nuser = load()\nuser.name = 'kept'\nprint('ready', flush=True)\nsignal.pause()\n",
    )
    program = Running([*TETHER, "--format", "json", "app.py"], folder)
    assert "ready" == program.line()
    program.process.send_signal(signal.SIGINT)
    result = program.end()

    assert -signal.SIGINT == result.status
    assert ["write-while-detached"] == [hazard for hazard, _, _ in result.found]
    assert [] == result.notes


def test_what_is_open_at_the_end(folder: Path) -> None:
    """
    A write that nobody can save any more, since the program ends, is a finding.
    """
    result = watched(folder, "user = load()\nuser.name = 'never saved'\n")

    assert ["write-while-detached"] == [hazard for hazard, _, _ in result.found]


def test_exit_handlers_of_the_program_come_first(folder: Path) -> None:
    """
    A program that saves in an exit handler has saved, also if it registered that before it had SQLAlchemy.
    """
    first = """
        import atexit
        def save():
            with Session(engine) as session, session.begin():
                session.add(user)
        atexit.register(save)
        import multiprocessing.util  # has an exit handler too
    """
    write(folder, dedent(first) + MODEL + "user = load()\nuser.name = 'saved late'\n")
    result = run([*TETHER, "app.py"], folder)

    assert (0, "no findings\n") == (result.status, result.err)


def test_program_that_watches_itself(folder: Path) -> None:
    """
    A program with a ``tether.watching()`` of its own is watched before, in and after it.
    """
    result = watched(
        folder,
        """
        import tether
        read_too_late()
        with tether.watching() as report:
            pass
        lose_a_write()
        """,
    )

    assert [LOST, READ] == result.found
