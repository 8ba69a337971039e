"""What a user asks of `run`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gitexp.model import Experiment
from gitexp.project.params import CommandLine

if TYPE_CHECKING:
    from gitexp.pipeline.state import StageSelection
    from gitexp.stages.execute import StageListener


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What the user asked for. `stdout` and `stderr` are where the command's output goes (fds).

    `from_` is an experiment or a revision whose code is to run in place of the workspace's; without a
    `command` then that experiment's runs again. `name_template` is used where there is no `name`.
    `metrics` are `NAME=PATTERN`, to be found in the output. Where the project has stages and no `command` is
    given these run, those of `selection`, and `listener` is told of each. With `once`, what is done already
    is not run again. `on_same` is told of an experiment that was, or is, exactly the same run: before the
    start if that is known at once, else at the end.
    """

    command: CommandLine | None = None
    overrides: Sequence[str] = ()
    name: str = ""
    name_template: str = ""
    note: str = ""
    temp: bool = False
    from_: str = ""
    with_: Sequence[str] = ()
    metrics: Sequence[str] = ()
    once: bool = False
    selection: StageSelection | None = None
    listener: StageListener | None = None
    stdout: int = 1
    stderr: int = 2
    on_start: Callable[[Experiment], None] = field(default=lambda experiment: None)
    on_same: Callable[[Experiment], None] = field(default=lambda experiment: None)
