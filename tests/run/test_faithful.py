"""A program under ``tether run`` is what it is without."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.run.programs import PYTHON, TETHER, TIME_LIMIT, Result, run, surroundings, write

ITSELF = """
    import sys
    print(sys.argv, __name__, __file__, __package__, __doc__, sorted(globals()))
    print(getattr(__spec__, "name", None))
    print(sys.path, sys.orig_argv, sys.flags, sys.warnoptions, sys._xoptions)
    print(sys.modules["__main__"].__dict__ is globals(), [n for n in sys.modules if n.startswith("tether")])
"""
SURROUNDINGS = """
    import os, signal, sys
    print([signal.getsignal(number) for number in sorted(signal.valid_signals())])
    print(sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])))
    print(os.getcwd(), os.umask(0o22), os.getpgrp(), os.getsid(0), os.getpriority(os.PRIO_PROCESS, 0))
    print(sorted(os.listdir("/proc/self/fd")))
    print([os.fstat(number).st_mode for number in (0, 1)])
"""
PARTS = """
    import multiprocessing, sys
    print("imported as", __name__)
    def work(number):
        print("working in", __name__, number * number, flush=True)
    if __name__ == "__main__":
        sys.stdout.flush()
        for method in ("fork", "spawn", "forkserver"):
            process = multiprocessing.get_context(method).Process(target=work, args=(7,))
            process.start()
            process.join()
            print(method, process.exitcode, flush=True)
"""
PROGRAMS = {
    "itself": ITSELF,
    "surroundings": SURROUNDINGS,
    "parts": PARTS,
    "streams": "import sys; sys.stdout.write(sys.stdin.read().upper()); sys.stdout.write('no line end')",
    "returns nothing": "pass",
    "exits with a number": "import sys; sys.exit(7)",
    "exits with a large number": "import sys; sys.exit(1000)",
    "exits with a text": "import sys; sys.exit('the reason')",
    "exits with None": "import sys; sys.exit(None)",
    "exits with True": "raise SystemExit(True)",
    "raises": "def inner():\n    raise ValueError('told as without tether')\ninner()\n",
    "raises a group": "raise ExceptionGroup('two', [ValueError(1), KeyError(2)])",
    "leaves through os._exit": "import os; os._exit(5)",
    "interrupts itself": "raise KeyboardInterrupt",
    "is killed by SIGKILL": "import os; os.kill(os.getpid(), 9)",
    "is killed by SIGTERM": "import os; os.kill(os.getpid(), 15)",
    "aborts": "import os; os.abort()",
    "is not to be parsed": "this is no Python at all(\n",
}


def both(folder: Path, *words: str, env: dict[str, str] | None = None) -> tuple[Result, Result]:
    """Run the same words under Python and under tether; tether's own line is taken from stderr."""
    alone = run([*PYTHON, *words], folder, input="line\n", env=env)
    under = run([*TETHER, *words], folder, input="line\n", env=env)
    own = [line for line in under.err.splitlines(keepends=True) if line.startswith("tether: ")]
    told = "".join(line for line in under.err.splitlines(keepends=True) if line not in own)
    assert len(own) == 1  # one clear sentence
    return alone, Result(under.status, under.out, told)


@pytest.mark.parametrize("name", PROGRAMS)
def test_same_program(tmp_path: Path, name: str) -> None:
    """
    Output, traceback, exit status, arguments, signals and descriptors are those of the program alone.
    """
    write(tmp_path, PROGRAMS[name])
    alone, under = both(tmp_path, "app.py", "first", "-x", "--", "--fail")

    assert alone == under


def test_same_module(tmp_path: Path) -> None:
    """
    A module of a package is run as by ``python -m``, with its arguments and its spec.
    """
    write(tmp_path, "", "pack/__init__.py")
    write(tmp_path, ITSELF, "pack/tool.py")
    alone, under = both(tmp_path, "-m", "pack.tool", "first", "-m", "--out")

    assert alone == under


def test_same_folder(tmp_path: Path) -> None:
    """
    A folder with a ``__main__.py`` is run as by Python.
    """
    write(tmp_path, ITSELF, "folder/__main__.py")
    alone, under = both(tmp_path, "folder")

    assert alone == under


def test_options_of_the_interpreter_are_the_programs(tmp_path: Path) -> None:
    """
    ``python -X dev -W error -m tether run app.py`` runs the program with ``-X dev -W error``.
    """
    write(tmp_path, ITSELF)
    options = ["-X", "dev", "-W", "error::UserWarning", "-OBu"]
    alone = run([*PYTHON, *options, "app.py"], tmp_path)
    under = run([sys.executable, *options, "-m", "tether", "run", "app.py"], tmp_path)
    merged = run([sys.executable, *options[:-1], "-OBum", "tether", "run", "app.py"], tmp_path)

    assert alone.out.replace("'-OBu', ", "") == merged.out.replace("'-OBu', ", "")
    assert alone.out == under.out


def test_the_script_is_the_module(tmp_path: Path) -> None:
    """
    The ``tether`` script on PATH runs a program just as ``python -m tether`` does.
    """
    write(tmp_path, ITSELF)
    script = Path(sys.executable).with_name("tether")
    # Its first line names the interpreter that pip was run with, which may be another name of the same one.
    python = script.read_text().splitlines()[0].removeprefix("#!")
    module = [python, "-m", "tether", "run", "app.py"]

    assert run(module, tmp_path) == run([script, "run", "app.py"], tmp_path)


def test_inherited_descriptors_stay_open(tmp_path: Path) -> None:
    """
    A descriptor that the shell opened for the program reaches it.
    """
    write(tmp_path, "import os, sys; os.write(int(sys.argv[1]), b'through')")
    ours, theirs = socket.socketpair()
    with ours, theirs:
        subprocess.run(
            [*TETHER, "app.py", str(theirs.fileno())],
            cwd=tmp_path,
            env=surroundings(),
            pass_fds=[theirs.fileno()],
            check=True,
            timeout=TIME_LIMIT,
            capture_output=True,
        )

        assert b"through" == ours.recv(100)


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams(tmp_path: Path, closed: str) -> None:
    """
    A program that is started without a standard stream runs to its end, report or no report.
    """
    write(tmp_path, "import pathlib, sys; pathlib.Path('done').touch(); sys.exit(3)")
    result = run(["sh", "-c", f"{' '.join(TETHER)} app.py {closed}"], tmp_path)

    assert 3 == result.status
    assert (tmp_path / "done").exists()


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    """
    The folder through which the processes report is gone at the end.
    """
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    write(tmp_path, "import os; print(os.listdir(os.environ['TMPDIR']))")
    result = run([*TETHER, "app.py"], tmp_path, env={"TMPDIR": str(temporary)})

    assert "['tether-" == result.out[:9]
    assert [] == list(temporary.iterdir())
