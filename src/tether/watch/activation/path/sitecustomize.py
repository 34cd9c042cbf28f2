# ruff: noqa: I002, UP036
"""First on PYTHONPATH under ``tether run``: prepares the watch, then makes room for the user's sitecustomize.

Any Python below the program may read this file, Python 2 included, so it has neither annotations nor
``__future__``.
"""

import os
import sys

_here = os.path.dirname(os.path.abspath(__file__))

if sys.version_info >= (3, 11):
    import _tether_hook

    _tether_hook.install()

# The program's sys.path is as it would be without us; only its children find us again, through PYTHONPATH.
sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry) != _here]

# The name is still held, since Python 2 clears a module when the last reference to it goes.
_ourselves = sys.modules.pop("sitecustomize")

# If there is no other, this raises the ImportError that site.py expects, and sys.modules ends up without a
# sitecustomize; if there is one, the import system puts it in our place. Either way as without tether.
import sitecustomize  # noqa: E402, F401
