"""How the watch gets into the processes of ``tether run``, and how their findings get out.

    process      the parent: starts the program, hands on signals, learns how it ended
    path/        a folder for PYTHONPATH: its sitecustomize waits for ``sqlalchemy.orm`` and starts the watch
    child        inside each process of the program: start the watch, write findings as they come
    gathering    the parent: every process's findings as one list

The parent and the processes share one environment variable and one private folder, nothing else. Findings
are appended to a file in the folder when they are found, so they outlive ``os._exit`` and SIGKILL without any
signal handler in the program.
"""

from __future__ import annotations
