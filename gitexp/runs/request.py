"""The request for a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from gitexp.model import Experiment
from gitexp.project.params import CommandLine

if TYPE_CHECKING:
    from gitexp.pipeline.state import StageSelection
    from gitexp.stages.execute import StageListener


class RunRequest(NamedTuple):
    """The user's request.

    Attributes:
        command: None for the config's command or stages, or with `from_` for the experiment's.
        overrides: the texts after `-S`.
        name: the experiment's name; "" to have one made, by `name_template` or the config's.
        temp: run in an isolated workspace.
        from_: an experiment or revision; its code runs in place of the workspace's.
        with_: files laid over the code of `from_`: `FILE` or `FILE=SOURCE`.
        metrics: `NAME=PATTERN`, to be found in the output.
        once: give an equal earlier experiment back instead of running it again.
        selection: the stages to run.
        listener: told of each stage.
        engine: the name of the engine for the work.
        stdout, stderr: file descriptors for the command's output.
        ask_secret: gives the value of an option that the repeated experiment does not store; None if nobody
            can be asked.
        on_start: told of the experiment once its ref exists.
        on_new_files: told of the untracked files in the snapshot, before the first run of a clone.
        on_same: told of an equal experiment, before the start if possible, else at the end.
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
    engine: str = "local"
    stdout: int = 1
    stderr: int = 2
    ask_secret: Callable[[str], str] | None = None
    on_start: Callable[[Experiment], None] = lambda experiment: None
    on_new_files: Callable[[Sequence[str]], None] = lambda files: None
    on_same: Callable[[Experiment], None] = lambda experiment: None
