"""The report as SARIF 2.1.0, checked against the schema."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft4Validator

from tests.core.findings import findings
from tests.report.samples import FINDINGS, HAZARDS, LAZY_FINDING, LOOP_FINDING, NOTE, NOWHERE_FINDING, USED
from tether.core.finding import Finding, Place
from tether.hazards import all_hazards
from tether.report.sarif import render

SCHEMA = json.loads(Path(__file__).with_name("sarif-2.1.0-rtm.5.json").read_text(encoding="utf-8"))
VALIDATOR = Draft4Validator(SCHEMA)


def log(found: list[Finding], notes: tuple[str, ...] = ()) -> Any:
    return json.loads(render(found, tool="watch", hazards=HAZARDS, seconds=0.2, notes=notes))


def run(found: list[Finding]) -> Any:
    return log(found)["runs"][0]


def faults(document: Any) -> list[str]:
    """Return what the schema has against *document*."""
    return [f"{fault.json_path}: {fault.message}" for fault in VALIDATOR.iter_errors(document)]


def test_schema_finds_faults() -> None:
    """
    The schema refuses a document with a wrong level, so agreeing with it means something.
    """
    document = log(FINDINGS)
    document["runs"][0]["results"][0]["level"] = "hint"

    assert [
        "$.runs[0].results[0].level: 'hint' is not one of ['none', 'note', 'warning', 'error']"
    ] == faults(document)


def test_schema() -> None:
    """
    A report with findings of every severity, and with remarks, agrees with the schema.
    """
    assert [] == faults(log(FINDINGS, (NOTE,)))


def test_schema_without_findings() -> None:
    """
    A report without findings agrees with the schema.
    """
    assert [] == faults(log([]))


def test_schema_with_the_catalogue() -> None:
    """
    The real catalogue makes rules that agree with the schema.
    """
    assert [] == faults(json.loads(render([], tool="watch", hazards=all_hazards(), seconds=0)))


@given(st.lists(findings(), max_size=3))
def test_schema_with_any_data(found: list[Finding]) -> None:
    """
    Whatever findings hold, the report agrees with the schema.
    """
    assert [] == faults(log(found))


def test_rules() -> None:
    """
    The rules are the whole catalogue, in alphabetical order.
    """
    rules = run([])["tool"]["driver"]["rules"]

    assert {
        "id": "lazy-load-after-close",
        "name": "LazyLoadAfterClose",
        "shortDescription": {"text": "An attribute that was never loaded is read on a detached instance."},
        "fullDescription": {"text": "It is fetched when it is first read, and that needs the Session."},
        "help": {
            "text": (
                "It is fetched when it is first read, and that needs the Session.\n\n"
                "Load it together with the row."
            ),
            "markdown": """\
It is fetched when it is first read, and that needs the Session.

Load it together with the row.

```python
print(user.orders)
```

Better:

```python
session.get(User, 1, options=[selectinload(User.orders)])
```""",
        },
        "defaultConfiguration": {"level": "error", "enabled": True},
    } == rules[0]
    assert ("lazy-load-in-loop", {"level": "warning", "enabled": False}) == (
        rules[1]["id"],
        rules[1]["defaultConfiguration"],
    )


def test_result() -> None:
    """
    A finding is a result with its rule, level, line, story and fingerprint.
    """
    result = run([LAZY_FINDING])["results"][0]

    assert ("lazy-load-after-close", 0, "error", 1) == (
        result["ruleId"],
        result["ruleIndex"],
        result["level"],
        result["occurrenceCount"],
    )
    assert {
        "physicalLocation": {
            "artifactLocation": {"uri": "app/views.py", "uriBaseId": "%SRCROOT%"},
            "region": {"startLine": 42, "startColumn": 5, "snippet": {"text": "user.orders"}},
        },
        "logicalLocations": [{"fullyQualifiedName": "show", "kind": "function"}],
    } == result["locations"][0]
    assert {"tether/v1": LAZY_FINDING.fingerprint} == result["partialFingerprints"]
    assert (
        "`User.orders` is read, but the `User` is detached and `orders` was never loaded\n"
        "help: .options(selectinload(User.orders)) on the query at app/views.py:38"
        == result["message"]["text"]
    )


def test_story() -> None:
    """
    The places are the code flow and the related locations, in the order in which they happened.
    """
    result = run([LAZY_FINDING])["results"][0]
    story = [
        (38, "loaded: user = session.get(User, 1)"),
        (40, "detached: with Session(engine) as session:  (close)"),
        (42, "used: user.orders"),
    ]
    steps = result["codeFlows"][0]["threadFlows"][0]["locations"]

    assert story == [told(step["location"]) for step in steps]
    assert ["loaded", "detached", "used"] == [step["kinds"][0] for step in steps]
    assert story == [told(location) for location in result["relatedLocations"]]


def told(location: Any) -> tuple[int, str]:
    return location["physicalLocation"]["region"]["startLine"], location["message"]["text"]


def test_levels_and_counts() -> None:
    """
    A warning is a warning, a hint a note, and a finding seen twelve times one result.
    """
    results = run([LOOP_FINDING, NOWHERE_FINDING])["results"]

    assert [("warning", 12), ("note", 1)] == [
        (result["level"], result["occurrenceCount"]) for result in results
    ]


def test_unknown_lines() -> None:
    """
    A place without a line is told in words; a finding without a line has no location.
    """
    loop, nowhere = run([LOOP_FINDING, NOWHERE_FINDING])["results"]

    assert {"id": 0, "message": {"text": "loaded: before the watch began"}} == loop["relatedLocations"][0]
    assert ([], False) == (nowhere["locations"], "codeFlows" in nowhere)


def test_remarks() -> None:
    """
    What the run could not do is a notification of its invocation.
    """
    notifications = log([], (NOTE,))["runs"][0]["invocations"][0]["toolExecutionNotifications"]

    assert [{"level": "warning", "message": {"text": NOTE}}] == notifications


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("app/a b#ü.py", "app/a%20b%23%C3%BC.py"),
        ("/elsewhere/a b.py", "file:///elsewhere/a%20b.py"),
        ("C:/shop/a b.py", "file:///C:/shop/a%20b.py"),
        ("<stdin>", "%3Cstdin%3E"),
        ("\udcff.py", "%3F.py"),
    ],
)
def test_uri(path: str, uri: str) -> None:
    """
    A path becomes a URI, with the characters escaped that a URI cannot hold.
    """
    place = replace(USED, path=path)
    artifact = next(artifacts([replace(LAZY_FINDING, where=place, places=())]))

    assert uri == artifact["uri"]


def artifacts(found: list[Finding]) -> Iterator[Any]:
    for result in run(found)["results"]:
        for location in result["locations"]:
            yield location["physicalLocation"]["artifactLocation"]


def test_hazard_outside_the_catalogue() -> None:
    """
    A hazard without a rule is named, and points at no rule.
    """
    finding = Finding("brand-new", "error", "m", Place("used", "a.py", 1))
    result = run([finding])["results"][0]

    assert ("brand-new", False) == (result["ruleId"], "ruleIndex" in result)
