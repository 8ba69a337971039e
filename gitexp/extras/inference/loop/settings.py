"""What a loop is to do."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable

from gitexp.named_tuple import NamedTuple


class LoopSettings(NamedTuple):
    """The arguments of `gitexp loop`.

    Attributes:
        edit: the command line of the editor.
        metric: the metric to make better.
        direction: `min` or `max`.
        start: the experiment or commit of `--from`; "" for the best experiment of HEAD, or HEAD.
        rounds: the number of all rounds, earlier rounds included.
        jobs: rounds at a time.
        seconds: the time limit of a run; None for no limit.
        edit_seconds: the time limit of an edit.
        all_seconds: the time for the rounds of this call; None for no limit.
        budget: new runs at most in all, also for verdicts; 0 for no limit.
        max_failures: the number of rounds in a row without a number that ends the loop; 0 for never.
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
        """The id of the loop: a hash of the editor, the metric, the direction and the start."""
        facts = json.dumps([self.edit, self.metric, self.direction, self.start])
        return hashlib.sha256(facts.encode("utf-8", "surrogateescape")).hexdigest()[:8]


class LoopListener(NamedTuple):
    """The listener to the progress of a loop.

    Attributes:
        tell: called with a sentence.
    """

    tell: Callable[[str], None]
