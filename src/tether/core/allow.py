"""What the user allows: ``# tether: allow[hazard]`` comments, and the allow lists of ``[tool.tether]``.

A comment counts on the line it stands on, and alone on a line for the statement below it. At the end of a
statement of several lines it counts for all of them. What follows the bracket is the reason, for people.
"""

from __future__ import annotations

import re
import tokenize
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from tether.core.config import Config
from tether.core.finding import Finding
from tether.core.hazard_names import no_such_hazard
from tether.core.paths import path_matches, shown_path
from tether.errors import ConfigError

FILES_REMEMBERED = 512

# At the beginning of a comment, or after a space in it (behind another tool's): not when it is quoted.
_COMMENT = re.compile(r"(?:^|(?<=\s))#+\s*tether\s*:\s*allow\b(?:\s*\[([^\]]*)\])?")


def is_allowed(finding: Finding, config: Config, class_path: str, known: Collection[str]) -> bool:
    """Return True if the user asked not to hear of this finding.

    Args:
        finding: What was found.
        config: Its ``allow``, ``per_file`` and ``per_class`` count.
        class_path: Dotted path of the class it happened to, such as ``app.models.User``; "" if none.
        known: The names of all hazards.

    Raises:
        ConfigError: The comment for the finding's line names no hazard, or one that does not exist.
    """
    hazard = finding.hazard
    return (
        hazard in config.allow
        or any(
            hazard in names
            for glob, names in config.per_file
            if path_matches(finding.path, glob, config.root)
        )
        or any(hazard in names for name, names in config.per_class if _is_class(class_path, name))
        or hazard in allowed_on_line(finding.path, finding.line, known)
    )


def allowed_on_line(path: str, line: int, known: Collection[str]) -> frozenset[str]:
    """Return the hazards that comments allow on one line; none if the file cannot be read.

    Strings that look like comments do not count. A file is read once, and again when it has changed.

    Raises:
        ConfigError: The comment names no hazard, or one that does not exist.
    """
    return frozenset(
        name for comment in _comments(path).get(line, ()) for name in _checked(comment, path, known)
    )


def _is_class(class_path: str, name: str) -> bool:
    """Return True if *name* is the class's name, or the end of its dotted path."""
    return f".{class_path}".endswith(f".{name}")


@dataclass(frozen=True, slots=True)
class Comment:
    """One ``# tether: allow``: its own line, and the names in its brackets, which may be no hazards."""

    line: int
    names: tuple[str, ...]


def _checked(comment: Comment, path: str, known: Collection[str]) -> tuple[str, ...]:
    """Return the names in *comment* if each is a hazard."""
    where = f"{shown_path(path)}:{comment.line}"
    if not comment.names:
        raise ConfigError(
            where, "`# tether: allow` names no hazard; write it in brackets: `# tether: allow[name]`."
        )
    for name in comment.names:
        if name not in known:
            raise ConfigError(where, no_such_hazard(name, known))
    return comment.names


Comments = dict[int, list[Comment]]
Stamp = tuple[int, int]

_remembered: dict[str, tuple[Stamp, Comments]] = {}


def _comments(path: str) -> Comments:
    """Return the comments of a file by each line they count for, from memory if the file has not changed."""
    try:
        status = Path(path).stat()
    except (OSError, ValueError):  # ValueError: a null byte, as in no path at all
        return {}
    stamp = (status.st_mtime_ns, status.st_size)
    remembered = _remembered.get(path)
    if remembered and remembered[0] == stamp:
        return remembered[1]
    comments = _read(path)
    if len(_remembered) >= FILES_REMEMBERED:
        _remembered.clear()
    _remembered[path] = stamp, comments
    return comments


def _read(path: str) -> Comments:
    """Return the comments of a file as it is now."""
    try:
        return comments_in(Path(path).read_bytes())
    except OSError:
        return {}


def comments_in(source: bytes) -> Comments:
    """Return the allow comments of a file's bytes, by each line they count for; strings do not count."""
    if not re.search(rb"tether\s*:\s*allow", source):  # most files: nothing to tokenize
        return {}
    return _placed(list(_tokens(source)))


def _tokens(source: bytes) -> Iterator[tokenize.TokenInfo]:
    """Yield the tokens of *source*, up to the first place that is not Python."""
    try:
        yield from tokenize.tokenize(BytesIO(source).readline)
    except (tokenize.TokenError, SyntaxError, UnicodeDecodeError):
        return


def _placed(tokens: list[tokenize.TokenInfo]) -> Comments:
    """Return the comments among *tokens* by each line they count for."""
    code = {line for token in tokens if _is_code(token) for line in range(token.start[0], token.end[0] + 1)}
    statements = {line: lines for lines in _statements(tokens) for line in lines}
    alone = {token.start[0] for token in tokens if token.type == tokenize.COMMENT} - code
    placed: Comments = {}
    for comment in _parsed(tokens):
        for line in _lines_for(comment.line, code, alone, statements):
            placed.setdefault(line, []).append(comment)
    return placed


def _lines_for(line: int, code: set[int], alone: set[int], statements: dict[int, range]) -> range:
    """Return the lines that a comment on *line* counts for."""
    if line in code:
        statement = statements.get(line, range(0))
        return statement if statement and line == statement[-1] else range(line, line + 1)
    below = line + 1
    while below in alone:
        below += 1
    statement = statements.get(below, range(0))
    return statement if statement and below == statement[0] else range(below, below + 1)


def _statements(tokens: list[tokenize.TokenInfo]) -> Iterator[range]:
    """Yield the lines of each statement; of a compound one, those of its head."""
    first = 0
    for token in tokens:
        if token.type == tokenize.NEWLINE:
            yield range(first or token.start[0], token.start[0] + 1)
            first = 0
        elif _is_code(token):
            first = first or token.start[0]


_NOT_CODE = frozenset(
    {
        tokenize.COMMENT,
        tokenize.NL,
        tokenize.NEWLINE,
        tokenize.INDENT,
        tokenize.DEDENT,
        tokenize.ENCODING,
        tokenize.ENDMARKER,
    }
)


def _is_code(token: tokenize.TokenInfo) -> bool:
    return token.type not in _NOT_CODE


def _parsed(tokens: list[tokenize.TokenInfo]) -> Iterator[Comment]:
    """Yield each `# tether: allow` among *tokens*."""
    for token in tokens:
        if token.type == tokenize.COMMENT:
            for match in _COMMENT.finditer(token.string):
                names = (name.strip() for name in (match[1] or "").split(","))
                yield Comment(token.start[0], tuple(name for name in names if name))
