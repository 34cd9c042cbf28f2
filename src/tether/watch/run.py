"""``tether run``: a program runs as without tether, and a report of all its processes comes at the end.

The program is a child process of its own, run by the real Python, so that ``__main__``, tracebacks,
multiprocessing and exit status need no imitation. This process hands on signals, waits, and reports; it
imports no SQLAlchemy.
"""

from __future__ import annotations

import ast
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.machinery import PathFinder
from importlib.util import decode_source
from pathlib import Path
from signal import Signals
from tempfile import TemporaryDirectory
from typing import Any, Final

from tether.core.baseline import read_baseline, without_known
from tether.core.baseline import write_baseline as save_baseline
from tether.core.config import read_config
from tether.core.finding import Finding
from tether.hazards import all_hazards
from tether.report import render, wants_colour
from tether.watch.activation.gathering import Gathered, gather
from tether.watch.activation.process import Ended, end_like, run_process

VARIABLE: Final = "TETHER_RUN"  # as in activation/path/_tether_hook.py, which may not import this
START_UP: Final = Path(__file__).parent / "activation" / "path"
HOME: Final = Path(__file__).parents[2]
NOT_STARTED: Final = 2  # Python's own status for a file it cannot open


def run(
    program: Sequence[str],
    *,
    module: bool = False,
    fail: bool = False,
    out: Path | None = None,
    format: str = "text",
    baseline: Path | None = None,
    write_baseline: Path | None = None,
    **options: Any,
) -> int:
    """Run a program, report what went wrong with its data, and return its exit status.

    The report goes to stderr, or to *out*. A program that is killed by a
    signal ends this process by the same signal, after the report.

    Args:
        program: A file, folder or zip archive with its arguments, or with *module* a module name with them.
        module: Run a module, as ``python -m`` does.
        fail: Return 1 where the program returned 0 and an error was found. ``mode="raise"`` implies it, for
            what is found too late to be raised.
        out: File for the report; overwritten.
        format: ``text``, ``json``, ``sarif`` or ``github``.
        baseline: File of known findings, which are left out; None: the one in the configuration, if any.
        write_baseline: File to write the findings to, as known; they are reported all the same.
        options: ``only``, ``mode``, ``sample``, ``values``, ``rollback`` as for ``tether.start()``; one that
            is missing or None counts as in the configuration.

    Raises:
        ConfigError: The configuration or the baseline cannot be used as written. The program was not started,
            or its baseline cannot be written.
    """
    config = read_config(Path.cwd(), all_hazards())
    # A baseline that is about to be written need not be there yet.
    known_file = baseline or (config.baseline if write_baseline is None else None)
    known = read_baseline(known_file) if known_file else Counter[str]()
    given = {name: value for name, value in options.items() if value is not None}
    if not _can_start(program[0], module=module, out=out):
        return NOT_STARTED
    began = time.monotonic()
    with TemporaryDirectory(prefix="tether-") as folder:
        ended = run_process(_command(program, module=module), _environment(os.environ, folder, given))
        gathered = gather(Path(folder), ended.process)
    findings = without_known(gathered.findings, known)
    remarks = _remarks(gathered, ended, program[0], module=module)
    if gathered.watched:
        _report(findings, remarks, format=format, out=out, seconds=time.monotonic() - began)
    else:
        for remark in remarks:
            _say(remark)
    if write_baseline is not None:
        save_baseline(write_baseline, gathered.findings)
    wanted = fail or given.get("mode", config.mode) == "raise"
    if ended.status == 0 and wanted and any(finding.severity == "error" for finding in findings):
        return 1
    return end_like(ended.status)


# ---------------------------------------------------------------------- before


def _can_start(name: str, *, module: bool, out: Path | None) -> bool:
    """Return True if there is a program to run and a place for the report; else say what is missing."""
    if not module and not Path(name).exists():
        _say(f"there is no file {name}")
        return False
    if out is not None:
        try:
            out.open("a").close()
        except OSError as error:
            _say(f"the report cannot be written to {out}: {error.strerror}; the program was not started")
            return False
    return True


def _command(program: Sequence[str], *, module: bool) -> list[str]:
    return [sys.executable, *_interpreter_options(), *(["-m"] if module else []), *program]


def _interpreter_options() -> list[str]:
    """Return the options this Python was started with, such as ``-X dev``: they are meant for the program.

    ``sys.orig_argv`` is the executable, its options, then the script as in
    ``sys.argv``, or ``-m`` and the module where ``sys.argv`` has its file.
    """
    before = sys.orig_argv[1 : len(sys.orig_argv) - len(sys.argv)]
    if before and before[-1].endswith("m") and Path(sys.argv[0]).name == "__main__.py":
        rest = before.pop()[:-1]
        before += [rest] if rest != "-" else []
    return before


def _environment(current: Mapping[str, str], folder: str, watch: Mapping[str, Any]) -> dict[str, str]:
    """Return the environment in which every Python below the program starts the watch."""
    told = {"folder": folder, "home": str(HOME), "root": str(Path.cwd()), "watch": dict(watch)}
    path = current.get("PYTHONPATH")
    # An empty entry would mean the working directory.
    paths = f"{START_UP}{os.pathsep}{path}" if path else str(START_UP)
    return {**current, VARIABLE: json.dumps(told), "PYTHONPATH": paths}


# ---------------------------------------------------------------------- after


def _remarks(gathered: Gathered, ended: Ended, name: str, *, module: bool) -> list[str]:
    """Return what the user must know beside the findings, one sentence each."""
    remarks = list(gathered.notes)
    if gathered.watched and not gathered.complete:
        remarks.append(f"{_ending(ended.status)}; what only shows at its end is not in this report")
    elif not gathered.watched and not gathered.notes:
        remarks.append(f"nothing to watch: {_why_nothing(ended.status, name, module=module)}")
    return remarks


def _ending(status: int) -> str:
    """Return how a program ended that did not reach its exit handlers."""
    if status < 0:
        return f"the program was killed by {_signal(status)}"
    return "the program ended without its exit handlers, as with os._exit"


def _signal(status: int) -> str:
    try:
        return Signals(-status).name
    except ValueError:  # a real-time signal
        return f"signal {-status}"


def _why_nothing(status: int, name: str, *, module: bool) -> str:
    """Return why no watch began, as the second half of a sentence."""
    if status == 1:
        cannot = _cannot_run_module(name) if module else _cannot_run_file(Path(name))
        if cannot:
            return cannot
    if sys.flags.isolated or sys.flags.ignore_environment or sys.flags.no_site:
        return "Python was started with -I, -E or -S, which switches off the start-up file of the watch"
    if status < 0:
        return f"the program was killed by {_signal(status)} before it imported sqlalchemy.orm"
    return "the program never imported sqlalchemy.orm"


def _cannot_run_file(path: Path) -> str:
    if path.is_dir():
        return "" if (path / "__main__.py").exists() else f"the folder {path} has no __main__.py"
    try:
        ast.parse(decode_source(path.read_bytes()), str(path))
    except (SyntaxError, ValueError, UnicodeDecodeError):  # ValueError: null bytes
        return f"{path} is not Python, or not for this version of it"
    except OSError as error:
        return f"{path} cannot be read: {error.strerror}"
    return ""


def _cannot_run_module(name: str) -> str:
    """Look for a module without importing anything; its own package may extend its path when it runs."""
    path: Sequence[str] = [str(Path.cwd()), *sys.path]
    known = ""
    for part in name.split("."):
        known = f"{known}.{part}" if known else part
        spec = PathFinder.find_spec(known, path)
        if spec is None:
            return f"there is no module called {known}"
        path = spec.submodule_search_locations or []
    return ""


def _report(
    findings: Sequence[Finding], remarks: Sequence[str], *, format: str, out: Path | None, seconds: float
) -> None:
    """Write the report to stderr, or to *out*."""
    colour = out is None and sys.stderr is not None and wants_colour(sys.stderr)
    text = render(
        format, findings, tool="watch", hazards=all_hazards(), seconds=seconds, notes=remarks, colour=colour
    )
    if out is None:
        _write(text)
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        _say(f"the report cannot be written to {out}: {error.strerror}; here it is instead")
        _write(text)
    else:
        _say(f"the report is in {out}")


def _say(sentence: str) -> None:
    _write(f"tether: {sentence}\n")


def _write(text: str) -> None:
    """Write to stderr; somebody who closed it does not want to know."""
    if sys.stderr is not None:
        with suppress(OSError, ValueError):
            sys.stderr.write(text)
            sys.stderr.flush()
