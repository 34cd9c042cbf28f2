"""``tether lsp``: the analyser for editors, over stdin and stdout. Needs pygls: ``pip install 'tether[lsp]'``."""

from __future__ import annotations

import sys

NOT_INSTALLED = 2


def main() -> int:
    """Serve until the editor ends the session; return the exit status."""
    try:
        import pygls  # noqa: F401  (looked for here, so that the reason is said in one sentence)
    except ModuleNotFoundError as error:
        if error.name != "pygls":
            raise
        print("tether: `tether lsp` needs pygls: pip install 'tether[lsp]'", file=sys.stderr)
        return NOT_INSTALLED
    from tether.check.syntax import make_analyser
    from tether.lsp.server import serve

    serve(make_analyser)
    return 0
