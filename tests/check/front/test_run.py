"""`tether check`: what is told, where, and the exit status."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.check.front.engine import HAZARD, ImportingEngine
from tests.check.front.projects import LIB, VIEWS, check, put, write
from tether.check.front.analysis import Analysis
from tether.check.front.run import Options, run
from tether.errors import ConfigError
from tether.report import formats

pytestmark = pytest.mark.usefixtures("project")

FOUND = "views.py:5:12"


def told(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Return where the findings of the text report are."""
    lines = capsys.readouterr().out.splitlines()
    return [line.split()[0] for line in lines if f" {HAZARD}: " in line]


def said(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Return the sentences on stderr."""
    return capsys.readouterr().err.splitlines()


def test_findings_make_the_status_1(capsys: pytest.CaptureFixture[str]) -> None:
    """
    A finding is reported on stdout, nothing on stderr, and the status is 1.
    """
    write(lib=LIB, views=VIEWS)

    assert 1 == check()

    out, err = capsys.readouterr()

    assert ("views.py:5:12 lazy-load-in-loop: load() gets", "") == (out.splitlines()[0], err)


def test_nothing_found_is_status_0(capsys: pytest.CaptureFixture[str]) -> None:
    """
    Without findings the status is 0.
    """
    write(views=VIEWS)

    assert (0, "no findings\n") == (check(), capsys.readouterr().out)


@pytest.mark.parametrize("name", formats())
def test_every_format(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """
    Each format names the finding, in a file too.
    """
    write(lib=LIB, views=VIEWS)
    check(format=name)
    shown = capsys.readouterr().out
    check(format=name, out=Path("report"))

    assert HAZARD in shown
    assert HAZARD in Path("report").read_text(encoding="utf-8")


def test_json_counts_files(capsys: pytest.CaptureFixture[str]) -> None:
    """
    The JSON document names the tool and counts the files that were checked.
    """
    write(lib=LIB, views=VIEWS, broken="def (")
    check(format="json")
    document = json.loads(capsys.readouterr().out)

    assert ("check", 2) == (document["tool"], document["summary"]["files"])


def test_a_report_that_cannot_be_written_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """
    Where the file of the report cannot be written, the report is on stdout.
    """
    write(lib=LIB, views=VIEWS)

    assert 1 == check(out=Path("no/such/folder"))

    out, err = capsys.readouterr()

    assert FOUND in out
    assert "tether: the report cannot be written to no/such/folder: No such file or directory" in err


def test_only_the_files_that_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    """
    Findings are told of the files that were named.
    """
    write(app__lib=LIB, app__views=VIEWS, other__views=VIEWS)
    check("app")

    assert ["app/views.py:5:12"] == told(capsys)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"level": "warning"}, [FOUND]),
        ({"level": "hint"}, [FOUND]),
        ({"level": "error"}, []),
        ({"only": [HAZARD]}, [FOUND]),
        ({"only": ["write-while-detached"]}, []),
        ({"only": ["write-while-detached"], "also": [HAZARD]}, [FOUND]),
    ],
)
def test_what_is_asked_for(
    options: dict[str, object], expected: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """
    The level and the hazards decide what is told, and the status follows.
    """
    write(lib=LIB, views=VIEWS)
    status = check(**options)

    assert (expected, len(expected)) == (told(capsys), status)


@pytest.mark.parametrize(
    "settings",
    [
        f'allow = ["{HAZARD}"]',
        f'per-file = {{"views.py" = ["{HAZARD}"]}}',
        f'per-class = {{"app.models.load" = ["{HAZARD}"]}}',
        'skip = ["views.py"]',
    ],
)
def test_what_the_settings_allow(settings: str, capsys: pytest.CaptureFixture[str]) -> None:
    """
    What [tool.tether] allows or skips is not told.
    """
    write(lib=LIB, views=VIEWS)
    put("pyproject.toml", f"[tool.tether]\n{settings}\n")

    assert 0 == check()


def test_an_allow_comment(capsys: pytest.CaptureFixture[str]) -> None:
    """
    A comment on the line allows the finding.
    """
    write(lib=LIB, views=VIEWS.replace("return load()", f"return load()  # tether: allow[{HAZARD}] so"))

    assert (0, "no findings\n") == (check(), capsys.readouterr().out)


def test_a_comment_that_allows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """
    A comment for what is not found there is named, and changes no status.
    """
    write(views=f"x = 1  # tether: allow[{HAZARD}]\n# tether: allow[{HAZARD}]\ny = 2\n")

    assert 0 == check()
    assert (
        "note: allow comments for what check does not find there: "
        f"views.py:1 {HAZARD}, views.py:2 {HAZARD}\nno findings\n"
    ) == capsys.readouterr().out


def test_a_comment_for_what_is_not_looked_for(capsys: pytest.CaptureFixture[str]) -> None:
    """
    A comment for a hazard that was not looked for is nobody's business.
    """
    write(views=f"x = 1  # tether: allow[{HAZARD}]\n")
    check(only=["write-while-detached"])

    assert "no findings\n" == capsys.readouterr().out


def test_many_comments_that_allow_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """
    Five are named; -v names all.
    """
    write(views=f"x = 1  # tether: allow[{HAZARD}]\n" * 7)
    check()
    some = capsys.readouterr().out
    check(verbose=True)

    assert "and 2 more (-v names them)" in some
    assert f"views.py:7 {HAZARD}\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("comment", "fault"),
    [
        ("allow", "views.py:5: `# tether: allow` names no hazard; write it in brackets."),
        ("allow[lazy-load-in-lop]", "views.py:5: there is no hazard called 'lazy-load-in-lop'; did you mean"),
    ],
)
def test_a_comment_that_cannot_be_used(comment: str, fault: str, capsys: pytest.CaptureFixture[str]) -> None:
    """
    A comment with a misspelled name allows nothing and is named.
    """
    write(lib=LIB, views=VIEWS.replace("return load()", f"return load()  # tether: {comment}"))

    assert 1 == check()
    assert fault in capsys.readouterr().out


def test_what_cannot_be_checked_is_named_and_the_rest_is_checked(capsys: pytest.CaptureFixture[str]) -> None:
    """
    A path that does not exist and a file that is not Python are named on stderr; the status is the rest's.
    """
    write(lib=LIB, views=VIEWS, broken="def (")

    assert 1 == check("nowhere", ".")
    assert [
        "tether: nowhere: there is no such file or folder; it is not checked",
        "tether: broken.py: it is not Python: invalid syntax in line 1; it is not checked",
    ] == said(capsys)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nowhere"], "tether: nowhere: there is no such file or folder; it is not checked"),
        (["broken.py"], "tether: broken.py: it is not Python: invalid syntax in line 1; it is not checked"),
        (["empty"], "tether: nothing to check: there is no Python file in empty"),
    ],
)
def test_status_2_where_nothing_could_be_checked(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """
    Where no file could be checked, the status is 2 and stderr says why.
    """
    write(broken="def (")
    Path("empty").mkdir()

    assert (2, [sentence]) == (check(*arguments), said(capsys))


def test_all_left_out_on_purpose_is_status_0(capsys: pytest.CaptureFixture[str]) -> None:
    """
    Where the settings leave out every file that was named, there is nothing wrong.
    """
    write(vendor__a="x = 1\n")
    put("pyproject.toml", '[tool.tether]\nskip = ["vendor"]\n')

    assert 0 == check("vendor/a.py")


def test_v_tells_what_was_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    """
    -v names what was meant to be left out.
    """
    write(a="x = 1\n", node_modules__b="x = 1\n")
    check(verbose=True)

    assert ["tether: node_modules: not the project's own code; it is not checked"] == said(capsys)


def test_v_tells_what_was_cut_short(capsys: pytest.CaptureFixture[str]) -> None:
    """
    -v names the functions whose analysis reached its bound.
    """

    class Bounded(ImportingEngine):
        def analyse(self, path: str) -> Analysis:
            return super().analyse(path)._replace(cut_short=(f"{path}:1 load",))

    write(a="x = 1\n")
    run(["."], Options(cache=False, verbose=True), Bounded)

    assert ["tether: a.py:1 load: the analysis of this function was cut short"] == said(capsys)


def test_a_pyproject_that_is_not_toml(capsys: pytest.CaptureFixture[str]) -> None:
    """
    A pyproject.toml that is not TOML is named, and the files are checked with the defaults.
    """
    write(lib=LIB, views=VIEWS)
    put("pyproject.toml", "[tool.tether\n")

    assert 1 == check()
    assert "tether: pyproject.toml:1: this file is not TOML" in capsys.readouterr().err


def test_a_setting_that_does_not_exist() -> None:
    """
    A misspelled setting stops the run: without it the report would be another one.
    """
    write(a="x = 1\n")
    put("pyproject.toml", "[tool.tether]\nskipp = []\n")

    with pytest.raises(ConfigError, match="there is no setting called 'skipp'"):
        check()


def test_the_baseline(capsys: pytest.CaptureFixture[str]) -> None:
    """
    What was written as known is not told, also after lines moved; what is new is.
    """
    write(lib=LIB, views=VIEWS)
    written = check(write_baseline=Path("known.json"))
    write(views=f"# moved\n{VIEWS}\n\ndef again():\n    return [load()]\n")
    capsys.readouterr()
    status = check(baseline=Path("known.json"))

    assert (0, 1, ["views.py:10:13"]) == (written, status, told(capsys))


def test_the_baseline_of_the_settings() -> None:
    """
    The baseline in [tool.tether] counts, and need not be there when it is written.
    """
    write(lib=LIB, views=VIEWS)
    put("pyproject.toml", '[tool.tether]\nbaseline = "known.json"\n')

    with pytest.raises(ConfigError, match="there is no such baseline"):
        check()
    assert [0, 0] == [check(write_baseline=Path("known.json")), check()]


def test_the_cache_is_beside_the_settings() -> None:
    """
    The cache is a folder beside the pyproject.toml, or the one that was named.
    """
    write(app__a="x = 1\n")
    put("pyproject.toml", "[tool.tether]\n")
    check(cache=True)
    check(cache=True, cache_dir=Path("elsewhere"))

    assert [".tether_cache", "elsewhere"] == sorted(
        path.parent.name for path in Path().rglob("answers-*.json")
    )


def test_a_cached_run_tells_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    """
    The second run asks no engine and tells the same, about broken files too.
    """
    write(lib=LIB, views=VIEWS, broken="def (", noted=f"x = 1  # tether: allow[{HAZARD}]\n")
    check(cache=True, verbose=True)
    first = capsys.readouterr()
    status = run([], Options(verbose=True), lambda *arguments: pytest.fail("the engine was asked for"))

    assert (1, first) == (status, capsys.readouterr())
