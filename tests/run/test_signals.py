"""Signals come to the program as without tether: all, and once each, from processes and from a terminal."""

from __future__ import annotations

import os
import pty
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.run.programs import PYTHON, TETHER, Running, read_line, run, write

# Prints each signal it gets. SIGRTMAX ends it: tether takes pending signals in the order of their numbers,
# so this one is handed on behind every other.
LISTENER = """
    import os, signal
    all = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD}
    signal.pthread_sigmask(signal.SIG_BLOCK, all)
    print("ready", flush=True)
    while (number := signal.sigwait(all)) != signal.SIGRTMAX:
        print(int(number), flush=True)
"""
# Takes the place of a shell on a terminal: one job in the foreground, told when it stops, and continued.
SHELL = """
    import fcntl, os, signal, subprocess, sys, termios
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    job = subprocess.Popen(sys.argv[1:], process_group=0)
    os.tcsetpgrp(0, job.pid)
    _, status = os.waitpid(job.pid, os.WUNTRACED)
    while os.WIFSTOPPED(status):
        os.tcsetpgrp(0, os.getpgrp())
        print("stopped by", os.WSTOPSIG(status), flush=True)
        os.tcsetpgrp(0, job.pid)
        os.killpg(job.pid, signal.SIGCONT)
        _, status = os.waitpid(job.pid, os.WUNTRACED)
    print("ended with", os.waitstatus_to_exitcode(status), flush=True)
"""
HANDED_ON = [
    "SIGHUP",
    "SIGINT",
    "SIGQUIT",
    "SIGUSR1",
    "SIGUSR2",
    "SIGALRM",
    "SIGTERM",
    "SIGCONT",
    "SIGWINCH",
    "SIGTSTP",
]


@pytest.mark.parametrize("name", HANDED_ON)
def test_signal_from_a_process(tmp_path: Path, name: str) -> None:
    """
    A signal that a process sends to tether comes to the program, once.
    """
    write(tmp_path, LISTENER)
    program = Running([*TETHER, "app.py"], tmp_path)
    assert "ready" == program.line()
    number = getattr(signal, name)
    program.process.send_signal(number)
    assert str(int(number)) == program.line()
    program.process.send_signal(signal.SIGRTMAX)
    result = program.end()

    assert (0, "") == (result.status, result.out)


def test_real_time_signal(tmp_path: Path) -> None:
    """
    A signal without a name is handed on too, and can end both.
    """
    write(tmp_path, "import signal; print('ready', flush=True); signal.pause()")
    program = Running([*TETHER, "app.py"], tmp_path)
    assert "ready" == program.line()
    number = signal.SIGRTMIN + 3
    program.process.send_signal(number)
    result = program.end()

    assert -number == result.status
    assert f"killed by signal {int(number)} before it imported sqlalchemy.orm" in result.err


def test_signal_to_a_program_that_waits(tmp_path: Path) -> None:
    """
    SIGTERM ends a program without a handler, and tether with the same wait status.
    """
    write(tmp_path, "import signal; print('ready', flush=True); signal.pause()")
    program = Running([*TETHER, "app.py"], tmp_path)
    assert "ready" == program.line()
    program.process.terminate()
    result = program.end()

    assert -signal.SIGTERM == result.status
    expected = (
        "tether: nothing to watch: the program was killed by SIGTERM before it imported sqlalchemy.orm\n"
    )
    assert expected == result.err


def test_program_that_handles_a_signal(tmp_path: Path) -> None:
    """
    A handler of the program's runs, and its exit status is the one that counts.
    """
    write(
        tmp_path,
        """
        import signal, sys
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(8))
        print("ready", flush=True)
        signal.pause()
        """,
    )
    program = Running([*TETHER, "app.py"], tmp_path)
    assert "ready" == program.line()
    program.process.terminate()

    assert 8 == program.end().status


def test_program_that_signals_its_group(tmp_path: Path) -> None:
    """
    A program that sends SIGTERM to its own process group gets it once, and tether goes on.
    """
    write(
        tmp_path,
        """
        import os, signal, sys
        seen = []
        signal.signal(signal.SIGTERM, lambda number, frame: seen.append(number))
        signal.signal(signal.SIGRTMAX, lambda number, frame: sys.exit(len(seen)))
        os.killpg(0, signal.SIGTERM)
        print("ready", flush=True)
        while True:
            signal.pause()
        """,
    )
    program = Running([*TETHER, "app.py"], tmp_path)
    assert "ready" == program.line()
    program.process.send_signal(signal.SIGRTMAX)

    assert 1 == program.end().status


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="only Linux ties a child's life to its parent's"
)
def test_killing_tether_kills_the_program(tmp_path: Path) -> None:
    """
    SIGKILL, which cannot be handed on, ends the program with tether.
    """
    write(tmp_path, "import signal; print('ready', flush=True); signal.pause()")
    program = Running([*TETHER, "app.py"], tmp_path)
    assert "ready" == program.line()
    program.process.kill()

    assert -signal.SIGKILL == program.end().status  # its output has ended, so nobody holds it open any more


@pytest.mark.parametrize("ignored", ["SIGHUP", "SIGINT", "SIGCHLD"])
def test_ignored_signals_stay_ignored(tmp_path: Path, ignored: str) -> None:
    """
    What nohup or a shell's ``&`` ignores for the program is ignored by the program.
    """
    write(tmp_path, f"import signal; print(signal.getsignal(signal.{ignored}))", "child.py")
    write(
        tmp_path,
        f"""
        import os, signal, sys
        signal.signal(signal.{ignored}, signal.SIG_IGN)
        os.execv(sys.executable, [sys.executable, *sys.argv[1:], "child.py"])
        """,
        "ignore.py",
    )
    result = run([*PYTHON, "ignore.py", *TETHER[1:]], tmp_path)

    assert (0, "1\n") == (result.status, result.out.replace("Handlers.SIG_IGN", "1"))


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """The user's end and the program's end of a new terminal."""
    user, program = pty.openpty()
    yield user, program
    os.close(user)
    os.close(program)


def lines(descriptor: int) -> Iterator[str]:
    """Yield what is printed on a terminal, without the echo of control characters."""
    unread = b""
    while True:
        unread, line = read_line(descriptor, unread)
        for echo in ("^C", "^Z", "^\\"):
            line = line.removeprefix(echo)
        yield line


def test_interrupt_from_a_terminal_comes_once(tmp_path: Path, terminal: tuple[int, int]) -> None:
    """
    Ctrl-C reaches the program from the terminal; tether does not deliver it again.
    """
    user, end = terminal
    write(tmp_path, SHELL, "shell.py")
    write(tmp_path, LISTENER)
    shell = Running([*PYTHON, "shell.py", *TETHER, "app.py"], tmp_path, stream=end)
    screen = lines(user)
    assert "ready" == next(screen)
    os.write(user, b"\x03")
    assert "2" == next(screen)
    os.kill(job_of(shell), signal.SIGRTMAX)

    assert "ended with 0" == next(screen)
    assert 0 == shell.end().status


def test_quit_from_a_terminal(tmp_path: Path, terminal: tuple[int, int]) -> None:
    r"""
    Ctrl-\ ends the program, and tether by the same signal.
    """
    user, end = terminal
    write(tmp_path, SHELL, "shell.py")
    write(tmp_path, "import signal; print('ready', flush=True); signal.pause()")
    shell = Running([*PYTHON, "shell.py", *TETHER, "app.py"], tmp_path, stream=end)
    screen = lines(user)
    assert "ready" == next(screen)
    os.write(user, b"\x1c")

    assert f"ended with {-signal.SIGQUIT}" == next(screen)
    assert "killed by SIGQUIT" in shell.end().err


def test_stop_from_a_terminal(tmp_path: Path, terminal: tuple[int, int]) -> None:
    """
    Ctrl-Z stops the program and tether, so that the shell takes over; both continue together.
    """
    user, end = terminal
    write(tmp_path, SHELL, "shell.py")
    write(
        tmp_path,
        """
        import os, signal
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer)  # pause() would miss a signal that comes before it
        signal.signal(signal.SIGCONT, lambda number, frame: None)
        print("ready", flush=True)
        os.read(reader, 1)
        print("continued", flush=True)
        """,
    )
    shell = Running([*PYTHON, "shell.py", *TETHER, "app.py"], tmp_path, stream=end)
    screen = lines(user)
    assert "ready" == next(screen)
    os.write(user, b"\x1a")
    shown = [next(screen), next(screen), next(screen)]

    # shell and program print without waiting for each other
    assert sorted(["continued", "ended with 0", f"stopped by {int(signal.SIGTSTP)}"]) == sorted(shown)
    assert 0 == shell.end().status


def job_of(shell: Running) -> int:
    """Return the process number of the job that SHELL runs."""
    children = Path(f"/proc/{shell.process.pid}/task/{shell.process.pid}/children")
    return int(children.read_text().split()[0])
