"""A performance as lines for a reader: the code, what people say, what happens, what tether reports."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from rich.syntax import Syntax
from rich.text import Text

from tether.core.finding import Finding
from tether.demo.chapter import Answer, Chapter
from tether.demo.folding import folded, labelled
from tether.demo.seen import Happening, Seen
from tether.demo.stage import Performance
from tether.hazards import all_hazards
from tether.report import render

COLUMN = 14  # where the text begins to the right of the labels
ANSWERS: dict[Answer, str] = {"right": "bold green", "wrong": "bold red", "half right": "bold yellow"}
VERBS = {"raises": "red", "warns": "yellow", "commits": "green"}


def chapter_page(name: str, performance: Performance, *, width: int, place: str = "") -> Iterator[Text]:
    """Yield one chapter.

    Args:
        name: What people type for the chapter.
        performance: How it went.
        width: Columns of the terminal. Code is never broken, so its lines may be longer.
        place: Which chapter of how many this is, such as ``3/14``.
    """
    chapter, verdict = performance.chapter, performance.verdict
    yield heading(chapter.title, name, width, place)
    yield Text()
    yield from _code(performance)
    yield Text()
    yield from labelled(_label("People say"), Text(f"“{chapter.saying}”", "italic"), width, COLUMN)
    yield Text()
    yield from _happenings(performance.seen, width)
    yield Text()
    answer = (f"They are {verdict.answer}. ", ANSWERS[verdict.answer])
    yield from labelled(_label("So"), Text.assemble(answer, verdict.because), width, COLUMN)
    yield Text()
    yield from _report(performance.findings, width)
    yield Text()


def heading(title: str, name: str, width: int, place: str = "") -> Text:
    """Return a rule across the page with a title on its left and a name on its right."""
    parts = [("── ", "dim"), (f"{place} " if place else "", "dim"), (f"{title} ", "bold")]
    tail = f" {name} ──" if name else ""
    rest = width - sum(cell_len(words) for words, _ in parts) - cell_len(tail)
    return Text.assemble(*parts, ("─" * max(2, rest), "dim"), (tail, "dim"))


def chapter_list(chapters: dict[str, Chapter]) -> Iterator[Text]:
    """Yield a line for each chapter: its name, and its title."""
    column = max(map(cell_len, chapters), default=0)
    for name, chapter in chapters.items():
        yield Text.assemble((f"{name:{column}}  ", "bold"), chapter.title)


def summary_page(performances: dict[str, Performance], width: int) -> Iterator[Text]:
    """Yield the outcome of each chapter as a line of a table."""
    yield heading("The story in one table", "", width)
    yield Text()
    column = max(map(cell_len, performances), default=0)
    yield Text(f"  {'chapter':{column}}  people are  tether reports", "dim")
    for name, performance in performances.items():
        answer = performance.verdict.answer
        found = ", ".join(dict.fromkeys(finding.hazard for finding in performance.findings))
        yield Text.assemble(
            (f"  {name:{column}}  ", "bold"), (f"{answer:10}  ", ANSWERS[answer]), (found or "nothing", "")
        )


def _label(words: str) -> Text:
    return Text(words, "bold")


def _code(performance: Performance) -> Iterator[Text]:
    """Yield the lines that ran, numbered; those that raised or that tether points at have a mark."""
    code = performance.code
    marked = {finding.line for finding in performance.findings}
    marked |= {one.line for one in performance.seen.happenings if one.verb == "raises"}
    source = "\n".join(code.values())
    lines = Syntax("", "python", theme="ansi_dark").highlight(source).split("\n", allow_blank=True)
    previous = min(code, default=0) - 1
    for number, line in zip(code, lines, strict=False):
        if number != previous + 1:
            yield Text()
        mark = ("▸", "bold red") if number in marked else (" ", "")
        yield Text.assemble("  ", mark, (f"{number:3} │ ", "dim"), line)
        previous = number


def _happenings(seen: Seen, width: int) -> Iterator[Text]:
    lines: list[tuple[str, str, str]] = [(_where(one), one.verb, _told(one)) for one in seen.happenings]
    if not seen.commits and not seen.raised:
        lines.append(("in the end", "", "nothing has changed in the database"))
    label = "What happens"
    for where, verb, text in lines:
        left = Text.assemble(_label(f"{label:{COLUMN}}"), f"{where} ", (verb, VERBS.get(verb, "")))
        yield from labelled(left, Text(text), width, COLUMN + len("line 10 commits  "))
        label = ""


def _where(happening: Happening) -> str:
    return f"line {happening.line}" if happening.line else "outside"


def _told(happening: Happening) -> str:
    return ": ".join(filter(None, (happening.kind, happening.text)))


def _report(findings: Sequence[Finding], width: int) -> Iterator[Text]:
    """Yield what a report says of *findings*, folded; the lines of the story are code and stay whole."""
    if not findings:
        yield Text.assemble(_label(f"{'tether':{COLUMN}}"), "reports nothing")
        return
    yield _label("tether reports")
    document = render("text", findings, tool="watch", hazards=all_hazards(), seconds=0.0, colour=True)
    *blocks, _summary = document.strip("\n").split("\n\n")
    for line in "\n\n".join(blocks).split("\n"):
        text = Text("  ") + Text.from_ansi(line)
        if text.plain.startswith(("      help: ", "      more: ")):
            yield from folded(text, width, indent=12)
        elif text.plain.startswith("      "):
            yield text
        else:
            yield from folded(text, width, indent=6)
