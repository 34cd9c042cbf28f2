"""What ``explain()`` returns: text and plain values, nothing that is still connected to a Session."""

from __future__ import annotations

from copy import deepcopy
from html import escape
from typing import Any


class Explanation:
    """The state of one instance or Session at the moment it was asked for.

    It holds text and plain values only, so it keeps nothing alive and does not
    change when the program goes on. The text has no addresses, times or
    running numbers: the same situation gives the same text.

    Attributes:
        short: A line for the whole, and one for each thing that waits to be saved; also ``str()``.
        long: Everything: each attribute, what reading it would do, and what would become of it.
    """

    def __init__(self, short: str, long: str, facts: dict[str, Any]) -> None:
        self.short = short
        self.long = long
        self._facts = facts

    def __str__(self) -> str:
        return self.short

    def __repr__(self) -> str:
        return f"<Explanation: {self.short.splitlines()[0]}>"

    def to_dict(self) -> dict[str, Any]:
        """Return the same as plain values that JSON can hold; secrets are masked here too."""
        facts: dict[str, Any] = deepcopy(self._facts)
        return facts

    def _repr_html_(self) -> str:
        """Return the long form for a notebook."""
        return f'<pre class="tether-explanation">{escape(self.long)}</pre>'
