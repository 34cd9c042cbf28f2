"""Compares what the reference model says of a program with what the watch found."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.watch.histories.wishes import PICKLED, Wish
from tests.watch.histories.world import Raised, World
from tether.core.finding import Finding

HELD = ("write-while-detached", "merge-result-ignored", "change-discarded")  # lost if it never comes back
AT_ONCE = ("refresh", "expire", "expire_all", "populate_existing")  # causes that forget a change for good
ATTRIBUTE = re.compile(r"`(\w+\.\w+)`")
CLASS = re.compile(r"`(\w+)`")

# What SQLAlchemy raises without a story from tether: type, beginning of the message, and why.
UNEXPLAINED = [
    (
        "StaleDataError",
        ".*0 were matched",
        "the row was deleted by somebody else; the message says which table",
    ),
    ("InvalidRequestError", "Can't flag attribute", "a Mutable that merge() has made two instances share"),
    ("OperationalError", ".*database is locked", "a lock of another transaction; no instance is to blame"),
    (
        "ResourceClosedError",
        "This transaction is closed",
        "a savepoint that has ended; no instance is to blame",
    ),
    (
        "InvalidRequestError",
        "No primary key value supplied",
        "a bulk save of an expired instance: as it says",
    ),
]
# Said of an instance that has no row, yet or any longer: there is nothing to tell of it.
ROWLESS = (
    ".*(is not persisted|is not persistent within|is not present in|is already attached to|has been deleted)"
)

# Which errors a hazard comes with; a finding at a line that raises none of them is a false alarm.
COMPANIONS = {
    "lazy-load-after-close": ("DetachedInstanceError",),
    "expired-read-after-close": ("DetachedInstanceError",),
    "instance-of-another-session": ("InvalidRequestError",),
    "swallowed-database-error": ("PendingRollbackError",),
}


def disagreements(world: World, findings: list[Finding]) -> list[str]:
    """Return one sentence for each thing that the watch and the reference model see differently."""
    return [
        *(
            f"line {raised.line}: {raised.name} is not explained: {raised.message}"
            for raised in unexplained(world, findings)
        ),
        *(f"line {wish.line}: {wish.names} was lost and nobody says so" for wish in missed(world, findings)),
        *(
            f"line {one.line}: false alarm: {one.hazard}: {one.message}"
            for one in false_alarms(world, findings)
        ),
        *merges_missed(world, findings),
        *sessions_missed(world, findings),
    ]


# ---------------------------------------------------------------- what SQLAlchemy raises


def unexplained(world: World, findings: list[Finding]) -> Iterator[Raised]:
    """Yield what SQLAlchemy raised that does not tell its story and is not on the list."""
    copies = any(finding.hazard == "transient-copy-of-row" for finding in findings)
    for raised in world.observed.raised:
        story = raised.notes and raised.explained
        if raised.name == "IntegrityError":  # told where the copy was added, or at the flush, by a note
            story = copies
        listed = any(
            raised.name == name and re.match(text, raised.message, re.DOTALL) for name, text, _ in UNEXPLAINED
        )
        if raised.line in world.reference.rowless:
            listed = listed or re.match(ROWLESS, raised.message, re.DOTALL) is not None
        if raised.module.startswith("sqlalchemy") and not story and not listed:
            yield raised


# ---------------------------------------------------------------- what is missing


def missed(world: World, findings: list[Finding]) -> Iterator[Wish]:
    """Yield what was lost without a finding."""
    for wish in world.reference.wishes:
        if wish.is_missing and not any(_tells(finding, wish) for finding in findings):
            yield wish


def _tells(finding: Finding, wish: Wish) -> bool:
    if finding.hazard in HELD:
        names = {*wish.names, "User.posts"} if wish.names == ("Post",) else set(wish.names)
        return bool(names & set(attributes_of(finding))) or "more was changed" in finding.message
    if finding.hazard == "never-committed":
        return any(name.partition(".")[0] in classes_of(finding) for name in wish.names)
    return False


def attributes_of(finding: Finding) -> list[str]:
    """Return the attributes that the message names."""
    names = ATTRIBUTE.findall(finding.message)
    return ["Post.user" if name == "Post.user_id" else name for name in names]


def classes_of(finding: Finding) -> list[str]:
    """Return the classes that the message names."""
    return CLASS.findall(finding.message)


# ---------------------------------------------------------------- what is not


def false_alarms(world: World, findings: list[Finding]) -> Iterator[Finding]:
    """Yield findings without a loss or an error behind them."""
    for finding in findings:
        if not _is_right(world, finding):
            yield finding


def _is_right(world: World, finding: Finding) -> bool:
    reference = world.reference
    if any(
        one.line == finding.line and "Can't flag attribute" in one.message for one in world.observed.raised
    ):
        return (
            True  # the change reached one of two instances that share a Mutable, and broke off at the other
        )
    if finding.hazard in HELD:
        return all(
            any(_supports(wish, name, finding) for wish in reference.wishes)
            for name in attributes_of(finding)
        )
    if finding.hazard == "never-committed":
        return any(_was_open(wish, finding, world) for wish in reference.wishes)
    if finding.hazard == "merge-over-newer-row":
        return set(attributes_of(finding)) <= reference.may_merge_over.get(finding.line, set())
    if finding.hazard in COMPANIONS:
        names = COMPANIONS[finding.hazard]
        return any(one.line == finding.line and one.name in names for one in world.observed.raised)
    if finding.hazard == "outdated-read":
        return set(attributes_of(finding)) <= reference.outdated.get(finding.line, set())
    if finding.hazard == "expired-instance-serialised":
        return finding.line in reference.pickled_empty
    if finding.hazard == "session-never-closed":
        return finding.line in reference.left_open
    if finding.hazard == "transient-copy-of-row":
        refused = {one.line for one in world.observed.raised if one.name == "IntegrityError"}
        return finding.line in reference.copies | refused
    return False  # no program here does what any other hazard is about


def _supports(wish: Wish, name: str, finding: Finding) -> bool:
    """True if the loss of this wish is what the finding is about."""
    if name not in wish.names:
        return False
    if wish.excuse == PICKLED:
        return True  # its copy may have been saved
    if finding.where.cause in (*AT_ONCE, "rollback"):
        return wish.line < finding.line and (not wish.end or wish.end > finding.line)
    return not wish.end or wish.copied


def _was_open(wish: Wish, finding: Finding, world: World) -> bool:
    """True if a transaction that ended at the finding's line took this wish along."""
    if not {name.partition(".")[0] for name in wish.names} & set(classes_of(finding)):
        return False
    if "its Session was garbage-collected" in finding.message:
        return (
            not wish.end
            or wish.copied
            or any(wish.line < line < wish.end for line in world.reference.dropped_at)
        )
    return wish.line < finding.line and (not wish.end or wish.end > finding.line)


# ---------------------------------------------------------------- merges and Sessions


def merges_missed(world: World, findings: list[Finding]) -> Iterator[str]:
    """Yield each merge that put an older value back without a finding."""
    for line, names in world.reference.merged_over.items():
        told = {
            name
            for finding in findings
            if finding.hazard == "merge-over-newer-row" and finding.line == line
            for name in attributes_of(finding)
        }
        if names - told:
            yield f"line {line}: merge() put back {sorted(names - told)} and nobody says so"


def sessions_missed(world: World, findings: list[Finding]) -> Iterator[str]:
    """Yield each Session that was collected in the middle of a transaction without a finding."""
    told = {finding.line for finding in findings if finding.hazard == "session-never-closed"}
    for line in sorted(world.reference.left_open - told):
        yield f"line {line}: its Session was left open and nobody says so"
