"""What docs/check.md and the hook file show is well-formed, and means what they say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tether.cli import COMMANDS, main
from tether.report import formats

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs/check.md").read_text(encoding="utf-8")
EXAMPLES: list[Any] = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)]
# YAML 1.1 reads the word `on` as true.
WORKFLOWS = [example for example in EXAMPLES if "jobs" in example]
HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
COMMAND_LINES = re.findall(r"(?:^\$ |run: |entry: )(tether check[^\n#|]*)", TEXT, re.MULTILINE)


def test_the_hook_has_what_pre_commit_needs() -> None:
    """
    The hook file is a list of hooks, each with id, name, entry and language, and runs a command there is.
    """
    (hook,) = HOOKS

    assert {"id", "name", "entry", "language"} <= hook.keys()
    assert ("python", ["python"], False) == (hook["language"], hook["types_or"], hook["pass_filenames"])
    assert ["tether", "check"] == hook["entry"].split()
    assert "check" in COMMANDS


def test_the_configuration_of_pre_commit_names_the_hook() -> None:
    """
    The example names the hook that the hook file has.
    """
    (example,) = [example for example in EXAMPLES if "repos" in example]

    assert [HOOKS[0]["id"]] == [hook["id"] for repo in example["repos"] for hook in repo["hooks"]]
    assert all({"repo", "rev"} <= repo.keys() for repo in example["repos"])


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda workflow: workflow["name"])
def test_workflows_have_what_github_needs(workflow: dict[Any, Any]) -> None:
    """
    A workflow says when it runs; each job says where, and each step is an action with a version or a command.
    """
    jobs = workflow["jobs"].values()
    steps = [step for job in jobs for step in job["steps"]]

    assert workflow.keys() >= {"name", True, "jobs"}
    assert all(job["runs-on"] for job in jobs)
    assert all(("uses" in step) != ("run" in step) for step in steps)
    assert all(re.fullmatch(r"[\w-]+/[\w/-]+@v\d+", step["uses"]) for step in steps if "uses" in step)


@pytest.mark.parametrize("line", COMMAND_LINES)
def test_command_lines_can_be_used(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """
    Every `tether check` that is shown is one that the command takes.
    """
    monkeypatch.chdir(tmp_path)
    words = [word for word in line.split()[2:] if "origin/" not in word and word != "--since"]
    Path("tether-baseline.json").write_text('{"version": 1, "findings": []}', encoding="utf-8")
    Path("manage.py").touch()

    assert main(["check", *words]) in (0, 2)
    assert "usage:" not in capsys.readouterr().err


def test_options_are_those_of_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    """
    Each option that is named exists, and every option is named but --help.
    """
    with pytest.raises(SystemExit):
        main(["check", "--help"])
    options = set(re.findall(r"--[a-z-]+", capsys.readouterr().out)) - {"--help"}
    named = set(re.findall(r"(?<!-)--[a-z][a-z-]+", re.sub(r"```.*?```", "", TEXT, flags=re.DOTALL)))
    shown = {word for line in COMMAND_LINES for word in line.split() if word.startswith("--")}

    assert options == named | shown


def test_formats_are_named() -> None:
    """
    The formats are those there are.
    """
    assert f"`--format {'|'.join(sorted(formats(), key='text json sarif github'.index))}`" in TEXT.replace(
        "\\|", "|"
    )


def test_the_report_that_is_shown_is_what_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """
    The two files that are shown, written down and checked, give the report that is shown.
    """
    monkeypatch.chdir(tmp_path)
    store, views = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)[:2]
    Path("app").mkdir()
    for name, text in (("__init__", ""), ("store", store), ("views", views)):
        Path(f"app/{name}.py").write_text(text, encoding="utf-8")
    (shown,) = re.findall(r"```console\n\$ tether check app/\n(.*?)```", TEXT, re.DOTALL)

    assert main(["check", "--no-cache", "app/"]) == 1
    assert shown == capsys.readouterr().out
