"""What the watch tells ``explain``: where an instance was loaded, detached, expired and changed."""

from __future__ import annotations

from typing import Any

from tether.orm.provenance import Provenance
from tether.watch.recorder import Recorder


class Teller:
    """Answers for one watch."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder

    def __call__(self, state: Any) -> Provenance:
        """Return what is known of the instance behind *state*."""
        return Provenance(*self.recorder.places(state))
