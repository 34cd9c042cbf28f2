"""The ``tether`` command. Each subcommand imports its own room, so that help costs next to nothing.

Exit status: 2 where a command line, a configuration or a baseline cannot be used; otherwise the subcommand's.
"""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, ArgumentTypeError, RawDescriptionHelpFormatter
from collections.abc import Callable, Collection, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tether.errors import ConfigError

if TYPE_CHECKING:
    from tether.check.front.analysis import Analyser, Read
    from tether.core.config import Config

USAGE_ERROR = 2

DESCRIPTION = "Keeps the data of SQLAlchemy programs on track."

EPILOG = """\
commands:
  demo                         the story in a minute, on a throw-away SQLite file
  run [options] app.py [args]  run a program, and report what went wrong with its data; or -m module
  check [options] [paths]      read source code, and report what will go wrong with its data
  explain [HAZARD]             what a hazard is, why it hurts, and what to write instead
  lsp                          the same as check, for editors

Each command has a --help of its own.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status.

    Args:
        arguments: Words of the command line after ``tether``; None: those this process was started with.

    Raises:
        SystemExit: argparse has printed help or an error.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    own, rest = _split(words, takes_value=())
    parser = _parser("tether", "tether [-h] [--version] COMMAND ...", DESCRIPTION, EPILOG)
    parser.add_argument("--version", action="store_true", help="print the version")
    if parser.parse_args(own).version:
        return _version()
    if not rest:
        parser.print_help()
        return 0
    name, *others = rest
    if name not in COMMANDS:
        parser.error(f"there is no command called {name!r}; {_near(name, COMMANDS)}")
    try:
        return COMMANDS[name](others)
    except ConfigError as error:
        print(f"tether: {error}", file=sys.stderr)
        return USAGE_ERROR
    except BrokenPipeError:  # whoever read our output has seen enough, as in `tether explain | head`
        _discard_output()
        return 0


def _version() -> int:
    from tether.core.version import version

    print(f"tether {version()}")
    return 0


# ------------------------------------------------------------------- commands


def demo(words: list[str]) -> int:
    """Show what people say about SQLAlchemy's sessions, and what happens."""
    from tether.demo import main as tell

    return tell(words)


def run(words: list[str]) -> int:
    """Run a program under the watch."""
    known = _run_options()
    own, program, module = _split_run(words, known)
    parser = _run_parser(known)
    options = parser.parse_args(own)
    if not program:
        parser.error("it needs a program: tether run app.py, or tether run -m module")
    from tether.watch.run import run as run_program

    return run_program(program, module=module, **vars(options))


def check(words: list[str]) -> int:
    """Read source code and report hazards."""
    parser = _check_parser()
    options = vars(parser.parse_args(words))
    if options["unsafe_fixes"] and not (options["fix"] or options["diff"]):
        parser.error("--unsafe-fixes goes with --fix or --diff")
    from tether.check.front.run import Options
    from tether.check.front.run import run as run_check

    paths = options.pop("paths")
    return run_check(paths, Options(**options), _make_analyser)


def _make_analyser(paths: Sequence[str], root: str, config: Config, read: Read) -> Analyser:
    """Return the engine; it is imported only if something must be analysed."""
    from tether.check.syntax import make_analyser

    return make_analyser(paths, root, config, read)


def lsp(words: list[str]) -> int:
    """Serve an editor over stdin and stdout."""
    parser = _parser(
        "tether lsp", None, "Serve an editor over stdin and stdout, by the Language Server Protocol."
    )
    parser.parse_args(words)
    from tether.lsp import main as serve

    return serve()


def explain(words: list[str]) -> int:
    """Print a page of the catalogue, or the list of its pages."""
    parser = _parser("tether explain", None, "What a hazard is, why it hurts, and what to write instead.")
    parser.add_argument("hazard", nargs="?", metavar="HAZARD", help="its name; without it, all are listed")
    name = parser.parse_args(words).hazard
    from tether import report
    from tether.core.hazard_names import no_such_hazard
    from tether.hazards import all_hazards

    hazards = all_hazards()
    if name is not None and name not in hazards:
        parser.error(no_such_hazard(name, hazards))
    colour = report.wants_colour(sys.stdout)
    text = (
        report.hazard_page(hazards[name], colour=colour)
        if name is not None
        else report.hazard_list(hazards.values(), colour=colour)
    )
    _print(text)
    return 0


COMMANDS: dict[str, Callable[[list[str]], int]] = {
    "demo": demo,
    "run": run,
    "check": check,
    "explain": explain,
    "lsp": lsp,
}


# ------------------------------------------------------------------ tether run


def _run_parser(options: Mapping[str, dict[str, Any]]) -> ArgumentParser:
    parser = _parser(
        "tether run",
        "tether run [options] [--] app.py [args ...]\n       tether run [options] -m module [args ...]",
        "Run a program as it would run without tether, then report what went wrong with its data.",
        "Everything after the program belongs to the program. Its exit status is the exit status.",
    )
    for flag, settings in options.items():
        parser.add_argument(flag, **settings)
    return parser


def _run_options() -> dict[str, dict[str, Any]]:
    """Return the options of ``tether run``, as argparse takes them."""
    from tether.report import formats

    return {
        "--format": {
            "type": _format,
            "default": "text",
            "metavar": "FORMAT",
            "help": f"of the report: {', '.join(formats())} (default: text)",
        },
        "--out": {"type": Path, "metavar": "FILE", "help": "write the report to FILE instead of stderr"},
        "--fail": {
            "action": "store_true",
            "help": "exit with 1 if the program succeeds and an error is found",
        },
        "--only": {"type": _hazard_names, "metavar": "HAZARD,..", "help": "look for these hazards only"},
        "--mode": {
            "choices": ("collect", "warn", "log", "raise"),
            "help": "also warn, log or raise at the line where it happens (collect: report only)",
        },
        "--values": {"action": "store_const", "const": True, "help": "print data in the report"},
        "--sample": {
            "type": _share,
            "metavar": "SHARE",
            "help": "of the Sessions to watch: 0.1 is one in ten",
        },
        "--baseline": {"type": Path, "metavar": "FILE", "help": "leave out the findings that FILE holds"},
        "--write-baseline": {"type": Path, "metavar": "FILE", "help": "write the findings to FILE, as known"},
    }


def _split_run(
    words: Sequence[str], options: Mapping[str, dict[str, Any]]
) -> tuple[list[str], list[str], bool]:
    """Return tether's own words, the program with its words, and whether it is a module.

    argparse is not asked: it would look for its options behind the program
    too, and what it makes of ``--`` there differs between versions of Python.
    """
    own, rest = _split(words, {flag for flag, settings in options.items() if "action" not in settings})
    if rest[:1] == ["--"]:
        rest = rest[1:]
        return (own, rest[1:], True) if rest[:1] == ["-m"] else (own, rest, False)
    if rest and rest[0].startswith("-m"):
        joined = [rest[0][2:]] if len(rest[0]) > 2 else []  # `-mmodule`, as python takes it
        return own, joined + rest[1:], True
    return own, rest, False


def _split(words: Sequence[str], takes_value: Collection[str]) -> tuple[list[str], list[str]]:
    """Return the options at the beginning of *words*, and the rest from the first word that is none."""
    place = 0
    while place < len(words):
        word = words[place]
        if not word.startswith("-") or word in ("-", "--") or word.startswith("-m"):
            break
        place += 2 if word in takes_value else 1
    return list(words[:place]), list(words[place:])


# ---------------------------------------------------------------- tether check


def _check_parser() -> ArgumentParser:
    from tether.core.finding import SEVERITIES
    from tether.report import formats

    parser = _parser(
        "tether check",
        "tether check [options] [paths]",
        "Read source code and report what will go wrong with its data. The program is never imported or run.",
        "Exit status: 0 nothing found, 1 findings, 2 nothing could be checked.",
    )
    add = parser.add_argument
    add("paths", nargs="*", metavar="paths", help="files and folders (default: the working directory)")
    names = ", ".join(formats())
    add(
        "--format",
        type=_format,
        default="text",
        metavar="FORMAT",
        help=f"of the report: {names} (default: text)",
    )
    add("--out", type=Path, metavar="FILE", help="write the report to FILE instead of stdout")
    levels = " or ".join(SEVERITIES)
    add(
        "--level",
        choices=SEVERITIES,
        default="warning",
        help=f"the least grave to report: {levels} (warning)",
    )
    add("--only", "--select", type=_hazard_names, metavar="HAZARD,..", help="look for these hazards only")
    add("--also", type=_hazard_names, default=[], metavar="HAZARD,..", help="also for these, off by default")
    add("--baseline", type=Path, metavar="FILE", help="leave out the findings that FILE holds")
    add("--write-baseline", type=Path, metavar="FILE", help="write the findings to FILE, as known")
    add("--since", metavar="REF", help="leave out what git's commit REF has too")
    add("--fix", action="store_true", help="write what can be written safely")
    add("--unsafe-fixes", action="store_true", help="with --fix or --diff: also what may change the program")
    add("--diff", action="store_true", help="show what --fix would write, and write nothing")
    add("--no-cache", dest="cache", action="store_false", help="read and write no cache")
    add("--cache-dir", type=Path, metavar="FOLDER", help="of the cache (default: .tether_cache)")
    add(
        "--jobs",
        type=_count,
        metavar="N",
        help="processes that analyse (default: as many as it is worth, up to 8)",
    )
    add("-v", "--verbose", action="store_true", help="also tell what was left out and what was cut short")
    return parser


def _format(text: str) -> str:
    """Return the name of a format that exists."""
    from tether.report import formats

    if text in formats():
        return text
    raise ArgumentTypeError(f"there is no format called {text!r}; there are {', '.join(formats())}.")


def _hazard_names(text: str) -> list[str]:
    """Return the hazards in a list with commas."""
    from tether.core.hazard_names import no_such_hazard
    from tether.hazards import all_hazards

    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in all_hazards():
            raise ArgumentTypeError(no_such_hazard(name, all_hazards()))
    if not names:
        raise ArgumentTypeError("it names no hazard; `tether explain` lists them all.")
    return names


def _count(text: str) -> int:
    """Return a number from 1."""
    if text.isascii() and text.isdigit() and int(text) > 0:
        return int(text)
    raise ArgumentTypeError(f"{text!r} is not a number of processes; 1 uses no other process")


def _share(text: str) -> float:
    """Return a number from 0.0 to 1.0."""
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if 0 <= share <= 1:
        return share
    raise ArgumentTypeError(f"{text!r} is not a number from 0.0 to 1.0; 0.1 watches one Session in ten")


# --------------------------------------------------------------------- common


def _parser(prog: str, usage: str | None, description: str, epilog: str = "") -> ArgumentParser:
    return ArgumentParser(
        prog=prog,
        usage=usage,
        description=description,
        epilog=epilog,
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def _near(name: str, known: Collection[str]) -> str:
    near = get_close_matches(name, known, n=1)
    return f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}."


def _print(text: str) -> None:
    """Write to stdout; what its encoding lacks is written as an escape."""
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
    sys.stdout.flush()  # here, so that a closed pipe is noticed here


def _discard_output() -> None:
    """Keep the interpreter from flushing to a pipe that is closed, and from complaining about it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
