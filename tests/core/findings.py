"""Findings as hypothesis makes them up, for tests of everything that reads or writes findings."""

from __future__ import annotations

from hypothesis import strategies as st

from tether.core.finding import SEVERITIES, Finding, Place

words = st.text(max_size=30)
paths = st.sampled_from(
    ["app/views.py", "app/models.py", "/elsewhere/job.py", "naïve dir/ü.py", "C:/shop/app.py"]
)

known_places = st.builds(
    Place,
    role=st.sampled_from(["loaded", "detached", "used"]),
    path=paths,
    line=st.integers(1, 10_000),
    column=st.integers(0, 200),
    function=words,
    text=words,
    cause=st.sampled_from(["", "close", "commit"]),
    note=words,
)
unknown_places = st.builds(Place, role=st.just("loaded"), note=words)


@st.composite
def findings(draw: st.DrawFn) -> Finding:
    """Return a finding whose last place is the line it is about."""
    where = draw(known_places)
    return Finding(
        hazard=draw(st.sampled_from(["change-discarded", "write-while-detached"])),
        severity=draw(st.sampled_from(SEVERITIES)),
        message=draw(words),
        where=where,
        places=(*draw(st.lists(known_places | unknown_places, max_size=3)), where),
        help=draw(words),
        subject=draw(words),
        count=draw(st.integers(1, 1_000)),
    )
