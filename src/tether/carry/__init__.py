"""Data out of a Session as safe values, and back without losing anybody's change."""

from __future__ import annotations
