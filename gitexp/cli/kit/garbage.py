"""Python's search for garbage, which `main` turns off: see *Start-up* in docs/architecture.md."""

from __future__ import annotations

import gc


def search_for_garbage() -> None:
    """Turn the search on, for a command that may take hours.

    The search leaves out all objects so far, such as the imported modules: to look through them takes 30 ms.
    """
    gc.freeze()
    gc.enable()
