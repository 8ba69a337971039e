"""What a loop is to do."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import NamedTuple


class LoopSettings(NamedTuple):
    """The arguments of `gitexp loop`.

    Attributes:
        edit: the command line of the editor.
        metric: the metric to make better.
        direction: `min` or `max`.
        start: what `--from` names; "" for the best experiment of HEAD, or HEAD.
        rounds: so many rounds in all, earlier ones included.
        jobs: rounds at a time.
        seconds: the time of a run; None for no limit.
        edit_seconds: the time of an edit.
        all_seconds: the time of this call; None for no limit.
        budget: new runs at most in all, also for verdicts; 0 for no limit.
        max_failures: the loop ends after so many rounds in a row without a number; 0 for never.
        replicates: runs of each side at most, to be sure of a gain inside the noise.
    """

    edit: str
    metric: str
    direction: str
    start: str
    rounds: int
    jobs: int
    seconds: float | None
    edit_seconds: float
    all_seconds: float | None
    budget: int
    max_failures: int
    replicates: int

    @property
    def id(self) -> str:
        """The loop: the same for the same editor, metric and start."""
        facts = json.dumps([self.edit, self.metric, self.direction, self.start])
        return hashlib.sha256(facts.encode("utf-8", "surrogateescape")).hexdigest()[:8]


class LoopListener(NamedTuple):
    """Who is told how a loop goes.

    Attributes:
        tell: gets a sentence.
    """

    tell: Callable[[str], None]
