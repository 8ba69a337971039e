"""The request for a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gitexp.model import Experiment
from gitexp.named_tuple import NamedTuple
from gitexp.process.limits import Limits
from gitexp.project.params import CommandLine

if TYPE_CHECKING:
    from gitexp.pipeline.state import StageSelection
    from gitexp.process.guard import Guard
    from gitexp.stages.execute import StageListener


class TypedCode(NamedTuple):
    """Code that is not in the files of the workspace: the cells of a notebook.

    Attributes:
        files: the contents of files for the snapshot, by their paths from the root; the disk does not count.
        warnings: sentences for the record.
    """

    files: Mapping[str, bytes]
    warnings: tuple[str, ...] = ()


class RunRequest(NamedTuple):
    """The user's request.

    Attributes:
        command: the command; None for the config's command or stages, or with `from_` for the experiment's.
        overrides: the texts after `-S`.
        name: the experiment's name; "" to have one made, by `name_template` or the config's.
        temp: run in an isolated workspace.
        from_: an experiment or revision; its code runs in place of the workspace's.
        resume: an experiment to go on from, with its code like `from_`; own code goes on in the workspace.
        with_: files laid over the code of `from_` or `resume`: `FILE` or `FILE=SOURCE`.
        metrics: `NAME=PATTERN`, to be found in the output.
        once: give an equal earlier experiment back instead of running it again.
        selection: the stages to run.
        listener: told of each stage.
        executor: the name of the executor for the work.
        points: of many runs, the further overrides of each; without any, the overrides have several values.
        limits: limits of the run.
        guard: makes the guard over the run's processes, from the limits and a variable of the processes; None
            for a run without limits, and without anybody to end its processes.
        parent: name of the experiment with the command that has begun the run; None: the environment tells.
        stdout, stderr: file descriptors for the command's output.
        ask_secret: gives the value of an option missing in the repeated experiment; None if nobody can be
            asked.
        on_start: told of the experiment once its ref exists.
        on_new_files: told of the untracked files in the snapshot, before the first run of a clone.
        on_same: told of an equal experiment, before the start if possible, else at the end.
        own_code: the asking code is the run, by `command`, and ends the run itself; nothing is started.
        system_interval: seconds between two looks at the machine; 0 for none, None: the config tells.
        mlflow: MLflow, in the command, logs into the repository; else the config tells.
        on_alert: told of each alert while the run goes on, in a sentence and in a thread of its own.
        typed: of own code, the part in no file.
        code: a commit with the files to run in place of the files of `from_`, an experiment, and on its
            baseline; "" for none.
        scratch: a folder on a disk of this machine alone, for an isolated workspace that does not stay; ""
            for a workspace in the repository.
        against: the commit with the protected files that count; "" for the commit of `from_`'s experiment,
            or the baseline.
        reproduces: for a repetition from nothing, the experiment by name, and its commit; {} for any other
            run.
        loop: of a round of a loop, its facts for the record.
    """

    command: CommandLine | None = None
    overrides: Sequence[str] = ()
    name: str = ""
    name_template: str = ""
    note: str = ""
    temp: bool = False
    from_: str = ""
    resume: str = ""
    with_: Sequence[str] = ()
    metrics: Sequence[str] = ()
    once: bool = False
    selection: StageSelection | None = None
    listener: StageListener | None = None
    executor: str = "local"
    points: Sequence[tuple[str, ...]] = ()
    limits: Limits = Limits()
    guard: Callable[[Limits, str], Guard] | None = None
    parent: str | None = None
    stdout: int = 1
    stderr: int = 2
    ask_secret: Callable[[str], str] | None = None
    on_start: Callable[[Experiment], None] = lambda experiment: None
    on_new_files: Callable[[Sequence[str]], None] = lambda files: None
    on_same: Callable[[Experiment], None] = lambda experiment: None
    own_code: bool = False
    system_interval: float | None = None
    on_alert: Callable[[str], None] = lambda text: None
    typed: TypedCode | None = None
    mlflow: bool = False
    code: str = ""
    scratch: str = ""
    against: str = ""
    reproduces: Mapping[str, str] = {}
    loop: Mapping[str, Any] = {}
