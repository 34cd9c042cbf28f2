"""Findings and allow comments as the cache holds them: nothing but JSON's values."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tether.core.finding import Finding, Place, finding_from_dict

StoredComment = list[Any]  # the line it stands on, its names, the lines it counts for; JSON knows no tuples


def stored_finding(finding: Finding) -> dict[str, Any]:
    """Return a finding with all its facts; `finding_from_stored` gives an equal one."""
    return finding.to_dict() | {"where": finding.where.to_dict()}


def finding_from_stored(data: dict[str, Any]) -> Finding:
    """Return the finding that `stored_finding` described."""
    return replace(finding_from_dict(data), where=Place(**data["where"]))


def stored_comments(source: bytes) -> list[StoredComment]:
    """Return the allow comments of a file's bytes: the line each stands on, its names, the lines it counts for."""
    from tether.core.allow import comments_in  # imports tokenize: an unchanged tree does without

    found: dict[int, StoredComment] = {}
    for line, comments in comments_in(source).items():
        for comment in comments:
            found.setdefault(comment.line, [comment.line, list(comment.names), []])[2].append(line)
    return [found[line] for line in sorted(found)]
