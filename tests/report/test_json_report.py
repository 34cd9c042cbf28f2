"""The report as a JSON document."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.findings import findings
from tests.report.samples import FINDINGS, HAZARDS, LAZY_FINDING, NOTE, USED
from tether.core.finding import Finding, finding_from_dict
from tether.report.json import render


def document(found: list[Finding], **more: Any) -> Any:
    return json.loads(render(found, tool="watch", hazards=HAZARDS, seconds=0.23456, **more))


def test_document() -> None:
    """
    The document has version, tool, findings with their places, and a summary.
    """
    assert {
        "version": 1,
        "tool": "watch",
        "findings": [
            {
                "hazard": "lazy-load-after-close",
                "severity": "error",
                "path": "app/views.py",
                "line": 42,
                "column": 5,
                "message": "`User.orders` is read, but the `User` is detached and `orders` was never loaded",
                "places": [
                    {
                        "role": "loaded",
                        "path": "app/views.py",
                        "line": 38,
                        "column": 12,
                        "function": "show",
                        "text": "user = session.get(User, 1)",
                    },
                    {
                        "role": "detached",
                        "path": "app/views.py",
                        "line": 40,
                        "column": 5,
                        "function": "show",
                        "text": "with Session(engine) as session:",
                        "cause": "close",
                    },
                    {
                        "role": "used",
                        "path": "app/views.py",
                        "line": 42,
                        "column": 5,
                        "function": "show",
                        "text": "user.orders",
                    },
                ],
                "help": ".options(selectinload(User.orders)) on the query at app/views.py:38",
                "subject": "User.orders",
                "count": 1,
                "fingerprint": LAZY_FINDING.fingerprint,
            }
        ],
        "summary": {"files": 1, "seconds": 0.235},
    } == document([LAZY_FINDING])


def test_order_is_stable() -> None:
    """
    The parts come in the order in which they are documented.
    """
    found = document([LAZY_FINDING])

    assert ["version", "tool", "findings", "summary"] == list(found)
    assert list(LAZY_FINDING.to_dict()) == list(found["findings"][0])


def test_summary() -> None:
    """
    The summary holds the files that were looked at, and remarks about the run if there are any.
    """
    summary = document(FINDINGS, files=12, notes=[NOTE])["summary"]

    assert {"files": 12, "seconds": 0.235, "notes": [NOTE]} == summary


@given(st.lists(findings(), max_size=4))
def test_there_and_back(found: list[Finding]) -> None:
    """
    Findings can be read back from the document.
    """
    assert found == [finding_from_dict(entry) for entry in document(found)["findings"]]


def test_absolute_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A path below the working directory becomes relative; the fingerprint stays the one a baseline holds.
    """
    monkeypatch.chdir(tmp_path)
    here = replace(USED, path=str(tmp_path / "app.py"))
    finding = replace(LAZY_FINDING, where=here, places=(here,))
    entry = document([finding])["findings"][0]

    assert ("app.py", "app.py", finding.fingerprint) == (
        entry["path"],
        entry["places"][0]["path"],
        entry["fingerprint"],
    )


def test_path_that_cannot_be_decoded() -> None:
    """
    A path of undecodable bytes still gives JSON in UTF-8.
    """
    odd = replace(LAZY_FINDING, where=replace(USED, path="app/\udcff.py"))
    text = render([odd], tool="watch", hazards=HAZARDS, seconds=0)

    assert "app/?.py" == json.loads(text.encode())["findings"][0]["path"]
