"""The program as a child of ``tether run`` that behaves as if it had been started directly.

Standard streams and inherited descriptors are the same, signals are handed on, a stop by Ctrl-Z stops both,
and the way the program ends is known exactly. One difference is left: a signal that another process sends to
the whole process group at once comes to the program twice, once from its sender and once handed on.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence, Set
from contextlib import suppress
from typing import Final, NamedTuple, NoReturn

Signal = signal.Signals | int

# Not handed on: made by a fault of the receiver itself, or about what the receiver does with its terminal.
_FAULTS: Final = {
    "SIGBUS",
    "SIGFPE",
    "SIGILL",
    "SIGSEGV",
    "SIGSYS",
    "SIGTRAP",
    "SIGPIPE",
    "SIGXCPU",
    "SIGXFSZ",
}
_KEPT: Final = _FAULTS | {"SIGKILL", "SIGSTOP", "SIGTTIN", "SIGTTOU"}

# A terminal sends these to its whole foreground process group, so the program has them already.
_FROM_TERMINAL: Final = {"SIGINT", "SIGQUIT", "SIGTSTP", "SIGHUP", "SIGWINCH", "SIGCONT"}

_PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h
_CANNOT_START: Final = 127  # what a shell answers


class Ended(NamedTuple):
    """How a program ended.

    Attributes:
        process: Its number.
        status: Its exit status, or minus the number of the signal that killed it (as ``Popen.returncode``).
    """

    process: int
    status: int


class Arrived(NamedTuple):
    """A signal that came to the parent; *sender* is 0 if it came from the kernel, such as a terminal's."""

    number: int
    sender: int


def run_process(arguments: Sequence[str], environment: Mapping[str, str]) -> Ended:
    """Run a program to its end and return how it ended; *arguments* begins with the executable's path."""
    if sys.platform == "win32":
        return _run_without_signals(arguments, environment)
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, _awaited())
    number = _start(arguments, environment, mask)
    status = _wait(number)
    while waiting := signal.sigpending() & _awaited():
        signal.sigwait(waiting)  # a Ctrl-C that ended the program must not end the report too
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    return Ended(number, os.waitstatus_to_exitcode(status))


def end_like(status: int) -> int:
    """End this process by the signal that ended the program, if it was one; else return the exit status."""
    if status >= 0 or sys.platform == "win32":
        return status
    import resource

    number = -status
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # the program's core file is the one that counts
    if number != signal.SIGKILL:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
    os.kill(os.getpid(), number)
    return 128 + number  # in a container's first process the signal has no effect


# ---------------------------------------------------------------------- start


def _start(arguments: Sequence[str], environment: Mapping[str, str], mask: set[Signal]) -> int:
    """Start the program with *mask* as its signal mask; return its process number."""
    libc = _libc()
    parent = os.getpid()
    children_ignored = signal.signal(signal.SIGCHLD, _do_nothing) == signal.SIG_IGN
    number = os.fork()
    if number:
        return number
    try:
        if children_ignored:
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # until the new Python sets its own
        _die_with(parent, libc)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        _become(arguments, environment)
    finally:
        os._exit(_CANNOT_START)


def _become(arguments: Sequence[str], environment: Mapping[str, str]) -> NoReturn:
    try:
        os.execve(arguments[0], list(arguments), environment)
    except OSError as error:
        os.write(2, f"tether: {arguments[0]} cannot be started: {error.strerror}\n".encode())
        os._exit(_CANNOT_START)


def _awaited() -> set[Signal]:
    """Return the signals that the parent takes one by one: those it hands on, and SIGCHLD."""
    return (set(signal.valid_signals()) - _numbers(_KEPT)) | {signal.SIGCHLD}


def _numbers(names: Set[str]) -> set[Signal]:
    """Return the signals of these names that exist here."""
    return {getattr(signal, name) for name in names if hasattr(signal, name)}


def _do_nothing(number: int, frame: object) -> None:
    """Take the place of a disposition that would make the kernel drop a signal we wait for."""


def _libc() -> object:
    """Return the C library on Linux, loaded before the fork; None elsewhere."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        import ctypes

        return ctypes.CDLL(None)
    except (ImportError, OSError):  # a Python built without ctypes
        return None


def _die_with(parent: int, libc: object) -> None:
    """Ask Linux to kill this process when *parent* is killed, as SIGKILL on it is meant for the program."""
    if libc is None:
        return
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # type: ignore[attr-defined]
    if os.getppid() != parent:  # it was killed before we could ask
        os._exit(128 + signal.SIGKILL)


# ---------------------------------------------------------------------- wait


def _wait(number: int) -> int:
    """Hand on signals until the program has ended; return its wait status."""
    wanted = _awaited()
    while True:
        arrived = _next_signal(wanted)
        if arrived.number != signal.SIGCHLD:
            if _is_meant_for_program(arrived, number):
                with suppress(ProcessLookupError):
                    os.kill(number, arrived.number)
            continue
        process, status = os.waitpid(number, os.WNOHANG | os.WUNTRACED)
        if process and os.WIFSTOPPED(status):
            _stop_by(os.WSTOPSIG(status))
        elif process:
            return status


def _stop_by(number: int) -> None:
    """Stop this process as the program was stopped, so that a shell sees its job stop, until continued."""
    os.kill(
        os.getpid(), number
    )  # while it is blocked, so that it is one with the terminal's, if that is here
    mask = signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _next_signal(wanted: set[Signal]) -> Arrived:
    """Wait for one of the blocked signals."""
    if hasattr(signal, "sigwaitinfo"):
        info = signal.sigwaitinfo(wanted)
        # POSIX: codes of signals that a process sent are not positive.
        return Arrived(info.si_signo, (info.si_pid or -1) if info.si_code <= 0 else 0)
    # macOS does not tell who sent a signal: what a terminal may have sent is taken to come from it.
    number = signal.sigwait(wanted)
    return Arrived(number, 0 if _has_terminal() else -1)


def _has_terminal() -> bool:
    """Return True if this process is in the foreground of a terminal."""
    try:
        return os.tcgetpgrp(0) == os.getpgrp()
    except OSError:
        return False


def _is_meant_for_program(arrived: Arrived, number: int) -> bool:
    """Return False if the program has the signal already: from its terminal, or as its own sender."""
    if arrived.sender == 0:
        return arrived.number not in _numbers(_FROM_TERMINAL)
    return not _is_descendant(arrived.sender, number)


def _is_descendant(process: int, ancestor: int) -> bool:
    """Return True if *process* is *ancestor* or was started below it (without /proc: if it is the same)."""
    while process > 1 and process != ancestor:
        try:
            with open(f"/proc/{process}/stat", "rb") as file:
                # The name in parentheses may hold anything; state and parent follow the last one.
                process = int(file.read().rpartition(b")")[2].split()[1])
        except (OSError, IndexError, ValueError):
            return False
    return process == ancestor


# ---------------------------------------------------------------------- Windows


def _run_without_signals(arguments: Sequence[str], environment: Mapping[str, str]) -> Ended:
    """Run a program where there is no fork; Ctrl-C reaches it through the console it shares with us."""
    with subprocess.Popen(list(arguments), env=dict(environment), close_fds=False) as program:
        while True:
            try:
                return Ended(program.pid, program.wait())
            except KeyboardInterrupt:
                continue
