"""An experiment that begins and ends around the caller's own code: nothing is started for it."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from gitexp import plugins
from gitexp.extras.tracking.lines import say
from gitexp.model import Experiment
from gitexp.process import interrupts
from gitexp.process.environment import EnvironmentProbe
from gitexp.process.gpus import GpuProbe
from gitexp.process.variables import ALL_RESUMED, NAME, RUN
from gitexp.project.project import Project
from gitexp.project.sections.intervals import read_interval
from gitexp.runs import end
from gitexp.runs.begin import begin
from gitexp.runs.executor import Circumstances, Ended
from gitexp.runs.logged_values import typed_code
from gitexp.runs.lookout import lookout
from gitexp.runs.prepare import prepare
from gitexp.runs.request import RunRequest
from gitexp.runs.resuming.resume import variables

_on: list[OwnRun] = []  # the runs of this process that are on, the latest last
_around: dict[str, str | None] = {}  # the variables as they were before the first of them


class OwnRun:
    """A run in progress whose code is the caller.

    `template` gives the name where `name` is empty; if taken, a number follows. `resume`: the experiment that
    the run goes on from, whose checkpoints come into the workspace. A given `project` is one that
    its owner goes on to use. Raises, when it is made, the errors of `gitexp.runs.run.run` from before the
    start of a command.

    Attributes:
        experiment: the running experiment.
        begun_in: the folder where it began.
    """

    def __init__(
        self,
        name: str = "",
        note: str = "",
        parent: str | None = None,
        here: Path | None = None,
        system_interval: float | str | None = None,
        template: str = "",
        project: Project | None = None,
        resume: str = "",
    ) -> None:
        is_shared = project is not None
        project = project or Project.open(here)
        project.local.prepare()
        self.begun_in = project.here
        session = None
        if "IPython" in sys.modules:
            session = plugins.load("session", "ipython")()
        command: tuple[str, ...] = ()
        typed = None
        if session is None:
            command = command_of_this_process()
        else:
            typed = session.code(project.repo.root, project.here)
        request = RunRequest(
            command,
            name=name,
            name_template=template,
            note=note,
            parent=parent,
            own_code=True,
            system_interval=_interval(system_interval),
            on_alert=say,
            typed=typed,
            resume=resume,
        )
        self._held = contextlib.ExitStack()
        try:
            ready = prepare(project, request, self._held)
            self._live = begin(project, request, ready, self._held)
        except BaseException:
            self._held.close()
            raise
        self.experiment: Experiment = self._live.experiment
        self._tell_children()
        self._began = time.monotonic()
        self._gone = contextlib.ExitStack()
        self._gone.enter_context(self._live.let_through())  # Ctrl-C is the caller's meanwhile
        if not is_shared:
            for repo in (project.repo, ready.workspace):
                repo.rest()
        self._probe = EnvironmentProbe(Path(sys.executable), project.repo.root, dict(os.environ))
        self._gpus = GpuProbe()
        self._lookout = lookout(self._live, is_own=True)
        self._lookout.__enter__()
        self._session: Any = session  # of IPython
        if session is not None:
            session.begin(partial(self._keep, typed_code.folder_of(self._live.state) / session.path))

    @property
    def folder(self) -> Path:
        """The folder for what is logged."""
        return self._live.state.logged

    def _tell_children(self) -> None:
        """Have the processes that this one starts log into this run, until its end."""
        if not _on:
            _around.update({variable: os.environ.get(variable) for variable in (NAME, RUN, *ALL_RESUMED)})
        _on.append(self)
        _tell(self._variables())

    def _variables(self) -> dict[str, str | None]:
        resumed = variables(self.experiment.record)
        return {
            NAME: self.experiment.name,
            RUN: str(self._live.state.folder),
            **{variable: resumed.get(variable) for variable in ALL_RESUMED},
        }

    def _forget_children(self) -> None:
        """Have them log into the run that began before it and is on, in whatever order runs end."""
        if self in _on:
            _on.remove(self)
            _tell(_on[-1]._variables() if _on else _around)

    def _end_session(self, error: BaseException | None) -> None:
        """Keep what the session of IPython has executed and printed; the session goes on without the run."""
        if self._session is None:
            return
        session, self._session = self._session, None
        try:
            session.end(error)
            self._keep(self._live.state.log, session.printed)
            name, text = session.executed()
            self._keep(self.folder / "artifacts" / "notebook" / name, text)
        except Exception as wrong:  # of whatever a cell has displayed: it must not cost the run
            say(f"not kept, what the cells have shown: {wrong}; the run is stored without it")

    def _keep(self, path: Path, text: bytes) -> None:
        """Write a file of the live run, whole or not at all; the run goes on if the disk does not."""
        part = self.folder / "parts" / path.name
        try:
            for folder in (part.parent, path.parent):
                folder.mkdir(parents=True, exist_ok=True)
            part.write_bytes(text)
            part.replace(path)
        except OSError as error:
            say(f"not kept: {path.name}: {error.strerror or error}; the run goes on")

    def end(
        self,
        exit_code: int,
        *,
        interrupted: bool = False,
        warnings: Sequence[str] = (),
        error: BaseException | None = None,
    ) -> Experiment:
        """The experiment, ended and stored. `error`: the exception that its code has ended by.

        Raises not-stored; the next gitexp command tries again then.
        """
        duration = round(time.monotonic() - self._began, 3)
        with interrupts.dropped():  # it would leave the run to go on for ever
            self._gone.close()
            self._end_session(error)
            self._lookout.close()
            self._forget_children()
            told = [*warnings, *self._lookout.warnings]
            reason = self._lookout.reason if interrupted else ""
            if reason:
                told.append(self._live.request.limits.told(reason))
            ended = Ended(
                state=self._live.state.as_saved(),
                exit_code=exit_code,
                interrupted=interrupted,
                signal=None,
                duration=duration,
                reason=reason,
                circumstances=partial(self._circumstances, tuple(told)),
            )
            try:
                self.experiment = end.end(self._live, ended)
            finally:
                self._held.close()
        return self.experiment

    def let_go(self) -> None:
        """Forget the run: another process has ended it."""
        self._forget_children()
        self._gone.close()
        self._lookout.close()
        self._probe.cancel()
        self._held.close()

    def _circumstances(self, warnings: tuple[str, ...]) -> Circumstances:
        found = self._probe.result()
        told = (*warnings, found.warning) if found.warning else warnings
        return Circumstances(found.python, self._gpus.result(), found.text().encode(), told)


def _tell(variables: Mapping[str, str | None]) -> None:
    """Set variables of the environment; None takes one away."""
    for variable, value in variables.items():
        if value is None:
            os.environ.pop(variable, None)
        else:
            os.environ[variable] = value


def _interval(told: float | str | None) -> float | None:
    """The seconds between two looks at the machine; raises ValueError for what is no such time."""
    if told is None:
        return None
    try:
        return read_interval(told)
    except ValueError as error:
        raise ValueError(f"system_interval {error}, such as 30 or '30 s', and not {told!r}") from None


def command_of_this_process() -> tuple[str, ...]:
    """The command line that has started this process; () where code is typed or piped."""
    words = sys.orig_argv
    main = sys.modules.get("__main__")
    is_typed = hasattr(sys, "ps1")
    has_code = getattr(main, "__file__", None) not in (None, "<stdin>") or "-c" in words
    if is_typed or not has_code:
        return ()
    return ("python", *words[1:]) if Path(words[0]).name.startswith("python") else tuple(words)
