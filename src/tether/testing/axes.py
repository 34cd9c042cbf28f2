"""The axes of the matrix: what happened to the data, where the instance is, what is loaded of it, how it travelled."""

from __future__ import annotations

from enum import StrEnum


class Edit(StrEnum):
    """Who changed what between the moment the data left its Session and the moment it comes home."""

    UNCHANGED = "unchanged"
    MINE = "mine"
    THEIRS = "theirs"
    SAME = "both the same"
    DIFFERENT = "both different"
    DELETED = "row deleted"
    RECREATED = "row re-created"


class Loaded(StrEnum):
    """What is known of the attribute."""

    LOADED = "loaded"
    UNLOADED = "unloaded"
    EXPIRED = "expired"


class Here(StrEnum):
    """Whether the Session that the data comes home to has the instance already, and what of the attribute."""

    ABSENT = "absent"
    LOADED = "loaded"
    UNLOADED = "unloaded"
    EXPIRED = "expired"

    @property
    def loaded(self) -> Loaded:
        """The same word, of an instance that is there."""
        return Loaded(self.value)


class Form(StrEnum):
    """What is given to ``attach()``."""

    DRAFT = "draft"  # snapshot(...).edit()
    DETACHED = "detached"  # a detached instance
    DOCUMENT = "document"  # loads(dumps(draft))


# What of the argument and of the Session's instance is loaded. All four states of the Session's instance with an
# attribute that was taken; for one that was not taken, the two that differ in what is read.
STATES: tuple[tuple[Loaded, Here], ...] = (
    *((Loaded.LOADED, here) for here in Here),
    *((loaded, here) for loaded in (Loaded.UNLOADED, Loaded.EXPIRED) for here in (Here.ABSENT, Here.LOADED)),
)
