"""Random programs as plain data: each step is one line of Python, so that a failing one can be read and run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from string import Formatter

from hypothesis import strategies as st


@dataclass(frozen=True)
class Form:
    """A kind of step.

    Attributes:
        kind: What the reference model does about it.
        code: One line, of parts divided by ``; ``, where ``{s}`` is a Session, ``{n}`` a savepoint, ``{u}`` and
            ``{v}`` are users, ``{p}`` is a post, ``{k}`` a key. What changes a relationship reads it first.
        attribute: What a ``set`` sets, for the reference model.
        weight: How often it is drawn, compared with others.
    """

    kind: str
    code: str
    attribute: str = ""
    weight: int = 1


FORMS = [
    Form("pass", "pass"),  # the first of all: what a shrinking program is filled with, and then left out
    Form("load", "{u} = {s}.get(User, {k})", weight=4),
    Form("load", "{u} = {s}.get(User, {k}, options=[selectinload(User.posts), undefer(User.bio)])", weight=3),
    Form("load", "{u} = {s}.get(User, {k}, populate_existing=True)"),
    Form("load", "{u} = {s}.scalars(select(User).order_by(User.id)).first()"),
    Form("load", "{p} = {s}.get(Post, {k})", weight=2),
    Form("load", "{p} = {u}.posts[0]", weight=2),
    Form("read", "look({u}.name)"),
    Form("read", "look({u}.email)"),
    Form("read", "look({u}.bio)"),
    Form("read", "look({u}.data)"),
    Form("read", "look([post.title for post in {u}.posts])", weight=2),
    Form("read", "look({p}.title)"),
    Form("read", "look({p}.user is None)"),
    Form("set", '{u}.name = "v{line}"', "name", weight=5),
    Form("set", '{u}.email = "v{line}"', "email", weight=2),
    Form("set", '{u}.bio = "v{line}"', "bio", weight=2),
    Form("set", '{u}.data = {{"k": "v{line}"}}', "data"),
    Form("set", '{u}.data["k"] = "v{line}"', "data", weight=3),
    Form("set", '{p}.title = "v{line}"', "title", weight=2),
    Form("set", "{u}.name = {u}.name", "name"),
    Form("set", "{u}.name = first({u}, 'name')", "name", weight=2),
    Form("set", "{u}.email = first({u}, 'email')", "email"),
    Form("link", "{u}.posts; {u}.posts.append({p})", weight=2),
    Form("link", '{u}.posts; {u}.posts.append(Post(title="v{line}"))', weight=2),
    Form("link", "{u}.posts; {u}.posts.remove({p})"),
    Form("link", "{u}.posts; {u}.posts.pop()"),
    Form("link", "{p}.user; {p}.user = {u}", weight=2),
    Form("link", "{p}.user = {u}"),
    Form("link", "{p}.user = None"),
    Form("new", '{u} = User(name="v{line}")', weight=2),
    Form("new", '{u} = User(id={k}, name="v{line}")'),
    Form("new", '{p} = Post(title="v{line}")'),
    Form("add", "{s}.add({u})", weight=4),
    Form("add", "{s}.add({p})", weight=2),
    Form("delete", "{s}.delete({u})"),
    Form("delete", "{s}.delete({p})"),
    Form("flush", "{s}.flush()", weight=2),
    Form("commit", "{s}.commit()", weight=6),
    Form("rollback", "{s}.rollback()", weight=2),
    Form("close", "{s}.close()", weight=4),
    Form("begin_nested", "{n} = {s}.begin_nested()"),
    Form("nested_commit", "{n}.commit()"),
    Form("nested_rollback", "{n}.rollback()"),
    Form("expunge", "{s}.expunge({u})", weight=2),
    Form("expunge", "{s}.expunge({p})"),
    Form("expunge_all", "{s}.expunge_all()"),
    Form("refresh", "{s}.refresh({u})", weight=2),
    Form("refresh", "{s}.refresh({u}, ['name'])"),
    Form("expire", "{s}.expire({u})"),
    Form("expire", "{s}.expire({u}, ['email', 'data'])"),
    Form("expire", "{s}.expire({p})"),
    Form("expire_all", "{s}.expire_all()"),
    Form("merge", "{v} = {s}.merge({u})", weight=3),
    Form("merge", "{s}.merge({u})", weight=2),
    Form("merge", "{s}.merge({p})"),
    Form("pickle", "{v} = pickle.loads(pickle.dumps({u}))", weight=2),
    Form("bulk", "{s}.bulk_save_objects([{u}])", weight=2),
    Form("drop", "{u} = None; gc.collect()", weight=2),
    Form("drop", "{p} = None; gc.collect()"),
    Form("drop", "{s} = Session(engine); gc.collect()"),
    Form("drop", "{s} = Session(engine, expire_on_commit=False, autoflush=False); gc.collect()"),
]
WEIGHTED = [form for form in FORMS for _ in range(form.weight)]
LOADS = [form for form in WEIGHTED if form.kind in ("pass", "load")]

Step = tuple[Form, dict[str, str]]


@dataclass(frozen=True)
class Line:
    """One step with its names filled in."""

    form: Form
    code: str
    names: tuple[tuple[str, str], ...]  # placeholder -> variable

    @property
    def variables(self) -> dict[str, str]:
        """Placeholder to variable, for the placeholders that the form has."""
        return {
            place: name for place, name in self.names if place != "k" and "{" + place + "}" in self.form.code
        }

    @property
    def needs(self) -> set[str]:
        """The variables that must hold something, or the line is passed over."""
        used = re.sub(r"^\{\w\} = ", "", self.form.code)
        return {name for place, name in self.variables.items() if "{" + place + "}" in used}


class Program:
    """A list of lines; its representation is its source."""

    def __init__(self, lines: list[Line]) -> None:
        self.lines = lines

    @property
    def source(self) -> str:
        """The program as text."""
        return "\n".join(line.code for line in self.lines) + "\n"

    def __repr__(self) -> str:
        return f"Program.parse('''\n{self.source}''')"

    @classmethod
    def parse(cls, source: str) -> Program:
        """Return the program with this text: each line must have the shape of a form, whatever the values."""
        return cls([_parse(code) for code in source.strip().splitlines()])


NAMES = {"s": r"s\d", "n": r"n\d", "u": r"u\d", "v": r"u\d", "p": r"p\d", "k": r"\d"}


def _parse(code: str) -> Line:
    for form in FORMS:
        match = _pattern(form.code).fullmatch(code)
        if match is not None:
            return Line(form, code, tuple(match.groupdict().items()))
    return Line(Form("open", code), code, ())


@cache
def _pattern(code: str) -> re.Pattern[str]:
    text, seen = "", set()
    for literal, place, _, _ in Formatter().parse(code):
        text += re.escape(literal)
        if place in seen:
            text += f"(?P={place})"
        elif place is not None:
            text += r"\w+" if place == "line" else f"(?P<{place}>{NAMES[place]})"
            seen.add(place)
    return re.compile(text)


OPENINGS = [
    "Session(engine)",
    "Session(engine, expire_on_commit=False)",
    "Session(engine, autoflush=False)",
    "Session(engine, expire_on_commit=False, autoflush=False)",
]


@st.composite
def lines(draw: st.DrawFn, forms: list[Form]) -> Step:
    """A form and the variables that fill it."""
    form = draw(st.sampled_from(forms))
    number = st.integers(0, 1)
    user = draw(number)
    names = {
        "s": f"s{draw(number)}",
        "n": f"n{draw(st.just(0))}",
        "u": f"u{user}",
        "v": f"u{draw(number) if '{v}' in form.code else 0}",
        "p": f"p{draw(number) if '{p}' in form.code else 0}",
        "k": str(draw(st.integers(1, 2)) if "{k}" in form.code else 1),
    }
    return form, names


@st.composite
def programs(draw: st.DrawFn, longest: int = 16) -> Program:
    """Two Sessions of any kind, a few rows, then up to *longest* lines."""
    openings = [draw(st.sampled_from(OPENINGS)) for _ in range(2)]
    steps: list[Step] = [(Form("open", f"s{number} = {code}"), {}) for number, code in enumerate(openings)]
    steps += [draw(lines(LOADS)) for _ in range(3)]
    steps += draw(st.lists(lines(WEIGHTED), min_size=longest // 2, max_size=longest))
    return fill([step for step in steps if step[0].kind != "pass"])


def fill(steps: list[Step]) -> Program:
    """Write each step out on its line; values that it sets are named after the line, so no two are equal."""
    return Program(
        [
            Line(form, form.code.format(**names, line=number), tuple(names.items()))
            for number, (form, names) in enumerate(steps, 1)
        ]
    )
