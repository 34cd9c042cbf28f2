"""A read behind the end of the Session, or behind what expired the instance: done before it instead.

``user.name`` is written to ``user_name`` as the last thing before the ``with`` ends, or before the statement that
closes or rolls back, and that is what is read from then on. Safe where the read surely raises as it stands: then
there is no program that depends on it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from tether.check.fixes.file import SCOPES, File, is_plain, names_in, stores_in
from tether.core.finding import Applicability, Edit, Finding, Fix

HAZARDS = ("expired-read-after-close", "lazy-load-after-close", "read-after-rollback")
ENDS = ("detached", "expired")  # roles of places behind which the value cannot be read any more
LEAVES = (ast.Return, ast.Raise, ast.Break, ast.Continue)
ENDING = ("commit", "rollback", "close", "expunge", "expunge_all", "expire", "expire_all", "remove")
CALLS = (ast.Expr, ast.With, ast.AsyncWith)


def fix(finding: Finding, file: File) -> Fix | None:
    """Return the fix if the read and the end stand in one suite, and nothing between them decides about the read."""
    ends = [place.line for place in finding.places if place.role in ENDS and place.path == finding.path]
    found = next(filter(None, (between(file, line, finding.line) for line in ends)), None)
    if found is None:
        return None
    suite, end, use = found
    read = read_at(file, suite[use], finding)
    if read is None or not isinstance(read.value, ast.Name):
        return None
    instance, attribute = read.value.id, read.attr
    kept, after = f"{instance}_{attribute}", list(suite[end + 1 :])
    decides = any(instance in names_in([part]) for node in suite[end + 1 : use] for part in decisions([node]))
    function = file.function_at(finding.line)
    if finding.hazard == "lazy-load-after-close" and isinstance(function, ast.AsyncFunctionDef):
        return None  # there the load before the end raises as well
    taken = names_in([function or file.tree]) | stores_in([function or file.tree])
    if decides or kept in taken or instance in stores_in(after) or writes(after, instance, attribute):
        return None
    before = earlier(file, finding.path, suite[end], f"{kept} = {instance}.{attribute}", instance)
    if before is None:
        return None
    reads = [file.replacement(finding.path, one, kept) for one in reads_of(after, instance, attribute)]
    applicability: Applicability = "safe" if finding.severity == "error" else "unsafe"
    return Fix(applicability, f"Read `{instance}.{attribute}` before", (before, *reads))


def between(file: File, end: int, use: int) -> tuple[Sequence[ast.stmt], int, int] | None:
    """Return the suite that holds both lines in different statements, with the indices of these; None without one."""
    for (suite, first), (other, second) in zip(file.suites_to(end), file.suites_to(use), strict=False):
        if suite is not other:
            return None
        if first != second:
            return (suite, first, second) if first < second else None
    return None


def read_at(file: File, statement: ast.stmt, finding: Finding) -> ast.Attribute | None:
    """Return the read of the finding, if it is surely done where its statement is reached."""
    for node in certain(statement):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
            line, column = file.text.place(file.text.start(node))
            if (line, column) == (finding.line, finding.where.column):
                return node
    return None


def certain(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the expressions of a statement that are evaluated whenever it is reached."""
    yield node
    inner: list[ast.AST] = list(ast.iter_child_nodes(node))
    if isinstance(node, ast.BoolOp):
        inner = [node.values[0]]
    elif isinstance(node, ast.IfExp | ast.If | ast.While):
        inner = [node.test]
    elif isinstance(node, ast.For):
        inner = [node.iter]
    elif isinstance(node, ast.stmt) and hasattr(node, "body"):
        return
    elif isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
        inner = [node.generators[0].iter]
    elif isinstance(node, SCOPES):
        return
    for child in inner:
        yield from certain(child)


def decisions(nodes: Sequence[ast.stmt]) -> Iterator[ast.AST]:
    """Yield the conditions in some statements: what depends on them may not hold before."""
    for node in (inner for outer in nodes for inner in ast.walk(outer)):
        if isinstance(node, ast.If | ast.While | ast.IfExp | ast.Assert):
            yield node.test
        elif isinstance(node, ast.Match):
            yield node.subject


def writes(nodes: Sequence[ast.stmt], instance: str, attribute: str) -> bool:
    """Return whether the attribute is set in some statements."""
    return any(
        isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load)
        and node.attr == attribute and isinstance(node.value, ast.Name) and node.value.id == instance
        for outer in nodes for node in ast.walk(outer)
    )  # fmt: skip


def reads_of(nodes: Sequence[ast.stmt], instance: str, attribute: str) -> list[ast.Attribute]:
    """Return each read of the attribute in some statements."""
    return [
        node for outer in nodes for node in ast.walk(outer)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)
        and node.attr == attribute and isinstance(node.value, ast.Name) and node.value.id == instance
    ]  # fmt: skip


def earlier(file: File, path: str, end: ast.stmt, line: str, instance: str) -> Edit | None:
    """Return the edit that reads at the end of a ``with``, or before a call that ends; None where that is not sure."""
    if not isinstance(end, CALLS) or not is_plain(end, file.text):
        return None
    if isinstance(end, ast.Expr):
        return file.insertion(path, end, f"{line}\n")
    last = end.body[-1]
    bound = any(instance in stores_in([node]) for node in end.body if isinstance(node, ast.Assign))
    elsewhere = instance in stores_in([node for node in end.body if not isinstance(node, ast.Assign)])
    if not bound or elsewhere or not is_plain(last, file.text) or last.lineno == end.lineno:
        return None
    if any(isinstance(node, LEAVES) for node in ast.walk(end)) or ends_session(end.body):
        return None
    return file.addition(path, last, line)


def ends_session(body: Sequence[ast.stmt]) -> bool:
    """Return whether a call in the block itself may expire or detach, so that its last line is too late."""
    calls = (node for statement in body for node in ast.walk(statement) if isinstance(node, ast.Call))
    return any(isinstance(call.func, ast.Attribute) and call.func.attr in ENDING for call in calls)
