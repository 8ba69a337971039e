"""A note on each stage that has ended, for the process that finishes the run if this one dies.

One line of JSON a stage, only ever added to. A kill may cut the last line short; it does not count then.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from gitexp.failpoints import failpoint
from gitexp.named_tuple import NamedTuple
from gitexp.objects.paths import joined_paths, lies_in_any
from gitexp.repo.live import RunState, paths_of

_UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, RecursionError)


class StageNote(NamedTuple):
    """An ended stage with right outs.

    Attributes:
        result: the stage in the form of records.
        in_git: the outs in Git.
        stored: the outs in the object store.
    """

    name: str
    result: Mapping[str, Any]
    in_git: Sequence[str] = ()
    stored: Sequence[str] = ()

    def applied(self, state: RunState) -> RunState:
        """The state with these outs as the run's own results, whenever they were written."""
        outs = (*self.in_git, *self.stored)
        stamps = {name: of for name, of in state.stamps.items() if not lies_in_any(name, outs)}
        stored = joined_paths(state.scope.stored, self.stored)
        return state._replace(stamps=stamps, scope=state.scope._replace(stored=stored))


def write(state: RunState, note: StageNote) -> None:
    """Add a note to a run's; a failure does not stop the run."""
    line = json.dumps([note.name, note.result, note.in_git, note.stored])
    with contextlib.suppress(OSError), state.opened() as folder:
        folder.append(state.stage_notes.name, f"{line}\n".encode())
    failpoint("stages:noted")


def read(state: RunState) -> list[StageNote]:
    """The notes of a run, up to the first unreadable one."""
    found: list[StageNote] = []
    with contextlib.suppress(OSError, *_UNREADABLE):
        for line in state.read(state.stage_notes).decode("utf-8").split("\n")[:-1]:
            name, result, in_git, stored = json.loads(line)
            if not isinstance(result.get("state"), str):
                break
            found.append(StageNote(str(name), dict(result), paths_of(in_git), paths_of(stored)))
    return found
