"""Cases for a program's own models: does ``attach()`` keep everybody's change there.

    matrix = tether.testing.conformance(Base, engine)

gives cases, each with a name and a ``run()``. See ``conformance()``.
"""

from __future__ import annotations

from tether.testing.matrix import Case, LeftOut, Matrix, conformance

__all__ = ["Case", "LeftOut", "Matrix", "conformance"]
