"""One watch from start to stop: which probes and detectors are on, and what happens at the end."""

from __future__ import annotations

import threading
from collections.abc import Collection

from tether.core.config import Config
from tether.hazards import all_hazards
from tether.orm import private, provenance
from tether.watch.abandoned import abandon_at_exit
from tether.watch.detectors import all_detectors
from tether.watch.detectors.base import Detector
from tether.watch.events import Event, InstanceKept
from tether.watch.kept import report_kept
from tether.watch.ledger import Ledger
from tether.watch.probes import all_probes
from tether.watch.probes.base import Probe
from tether.watch.recorder import Recorder
from tether.watch.report import Report
from tether.watch.telling import Teller
from tether.watch.waiting import Waiting

_MARKS = (
    "_tether_end",
    "_tether_made",
    "_tether_wrote",
    "_tether_escaped",
    "_tether_looked",
    "_tether_newer",
    "_tether_expired",
    "_tether_joined",
    "_tether_merged",
)


class Engine:
    """Everything one watch needs, put together.

    Args:
        config: Settings.
        mode: ``collect``, ``warn``, ``log`` or ``raise``.
        only: Names of hazards; None: all that are on by default.
    """

    def __init__(self, config: Config, mode: str, only: Collection[str] | None) -> None:
        hazards = all_hazards()
        names = only if only is not None else [name for name, hazard in hazards.items() if hazard.default]
        self.ledger = Ledger(config, mode, frozenset(hazards))
        self.recorder = Recorder(config, self.ledger)
        self.waiting = Waiting(self.recorder)
        self.detectors = [kind(config) for name, kind in all_detectors().items() if name in names]
        self.report = Report(self.ledger, self.recorder.drain, self.finish)
        self.probes: list[Probe] = []
        self.mode = mode
        self._finished = False
        self._lock = threading.Lock()

    def start(self) -> None:
        """Check what is there, then put the hooks in place."""
        if private.version() < private.OLDEST:
            oldest = ".".join(map(str, private.OLDEST))
            self.ledger.disable(
                "version", f"SQLAlchemy {private.version_text()} is older than {oldest}: nothing is watched"
            )
            return
        for detector in self.detectors:
            self.recorder.subscribe(detector, detector.events())
        for mark in _MARKS:
            private.mark_class(mark, None)
        usable = [probe for probe in all_probes() if self._is_usable(probe)]
        for probe in usable:
            self._begin(probe(self.recorder, self.waiting))
        self._name_blind_detectors({event for probe in usable for event in probe.events})
        provenance.set_teller(Teller(self.recorder))

    def _is_usable(self, probe: type[Probe]) -> bool:
        if probe.__name__ == "Raising" and self.mode != "raise":
            return False
        if (
            not probe.always
            and probe.events
            and not any(self.recorder.takes(event) for event in probe.events)
        ):
            return False
        problems = probe.problems() if not probe.module else []
        for problem in problems:
            self.ledger.disable(problem, f"{problem}; what it shows is not watched")
        return not problems

    def _begin(self, probe: Probe) -> None:
        self.probes.append(probe)
        if probe.module:
            self.recorder.dormant.append(probe)
            self.recorder.wake()
        else:
            probe.begin()

    def _name_blind_detectors(self, published: set[type[Event]]) -> None:
        """Name each detector that gets none of the events it needs."""
        extra = {InstanceKept}
        for detector in self.detectors:
            if not set(detector.events()) & (published | extra):
                name = detector.hazard.name
                self.ledger.disable(
                    name, f"{name} is switched off: SQLAlchemy {private.version_text()} lacks what it needs"
                )

    def stop(self) -> None:
        """Say what can only be said now, then take every hook off."""
        try:
            self._conclude()
        finally:
            for probe in reversed(self.probes):
                if probe.started:
                    probe.stop()
            self.recorder.dormant.clear()
            for mark in _MARKS:
                private.unmark_class(mark)
            provenance.set_teller(None)

    def _conclude(self) -> None:
        recorder = self.recorder
        recorder.drain()
        try:
            if recorder.takes(InstanceKept):
                report_kept(recorder)
            self.waiting.end()
        except Exception as error:
            recorder.broke("the end of the watch", error)
        for detector in self.detectors:
            self._ended(detector)
        recorder.drain()

    def _ended(self, detector: Detector) -> None:
        try:
            for finding in detector.watch_ended():
                self.ledger.add(finding)
        except Exception as error:
            self.recorder.switch_off(detector, error)

    def finish(self) -> None:
        """The process ends: what is open now is lost. Runs once."""
        with self._lock:
            if self._finished:
                return
            self._finished = True
        for session in list(private.live_sessions().values()):
            try:
                abandon_at_exit(self.recorder, self.waiting, session)
            except Exception as error:
                self.recorder.broke("finish", error)
        self._conclude()

    def forked(self) -> None:
        """In a forked child: forget what belongs to the parent, keep watching."""
        self.ledger.clear()
        self.waiting.candidates.clear()
        self.recorder.late.clear()
        for session in list(private.live_sessions().values()):
            record = self.recorder.record(session)
            if record is not None:
                record.inherit()
        self._lock = threading.Lock()
