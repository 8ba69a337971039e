"""What `%load_ext gitexp` brings: `%%experiment`, and tables, differences and curves in HTML."""

from __future__ import annotations

import argparse
import os
import shlex
from collections.abc import Callable, Sequence
from functools import partial
from itertools import count
from typing import Any, NoReturn

from IPython.core.error import UsageError

from gitexp import errors
from gitexp.extras.integrations.notebook import display
from gitexp.extras.integrations.notebook.session import saved_parameters
from gitexp.extras.tracking import api
from gitexp.extras.tracking.run import Run, exit_code_of
from gitexp.model import Experiment
from gitexp.process.variables import RUN

_MAGIC = "experiment"
_CELL = f"%%{_MAGIC}"


class _Arguments(argparse.ArgumentParser):
    """The words behind `%%experiment`. Raises IPython's UsageError, shown without a traceback."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"%%{_MAGIC}: {message}. Write: %%{_MAGIC} -n NAME")


def _arguments() -> _Arguments:
    parser = _Arguments(prog=_CELL, add_help=False)
    parser.add_argument("-n", "--name", default="")
    parser.add_argument("-m", "--note", default="")
    parser.add_argument("-t", "--tag", action="append", default=[])
    parser.add_argument("-p", "--params", default="")
    return parser


class CellRuns:
    """The experiments made of cells in one shell."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._run: Run | None = None
        self._cell: Any = None  # the cell of the run, as IPython tells of it
        self._running: list[Any] = []  # cells; one that %%capture or the like runs is inside another

    def begin(self, line: str) -> None:
        """Run this cell as an experiment, from here to its end.

        %%experiment [-n NAME] [-m NOTE] [-t TAG]... [-p VARIABLE,...]

        The experiment has the notebook without outputs, the cells executed by this kernel, the values logged
        by gitexp.log, the printed text, and at its end the executed cells with their outputs. Its params are
        the present values of the variables behind -p; without -p, of the variables set by the cell with the
        tag `parameters`.
        """
        try:
            words = shlex.split(line)
        except ValueError as error:
            raise UsageError(f"%%{_MAGIC}: {error}.") from None
        asked = _arguments().parse_args(words)
        params = self._params(asked.params)
        self.end(None)  # in a script of cells: a cell ends where the next one begins
        begin = partial(api.start_run, params=params or None, tags=asked.tag, note=asked.note)
        try:
            self._run = self._begun(asked.name, begin)
            self._cell = self._running[-1] if self._running else None
        except errors.GitexpError as error:
            raise UsageError(" ".join(filter(None, [error.message, error.hint]))) from None

    def _begun(self, name: str, begin: Callable[[str], Run]) -> Run:
        """The run of a cell; where `gitexp run` executes the cells, under the next free name."""
        free = name
        for number in count(2):
            try:
                return begin(free)
            except errors.NameTaken:
                if not os.environ.get(RUN):
                    raise
            free = f"{name}-{number}"
        raise AssertionError("numbers do not end")

    def run(self, line: str, cell: str) -> None:
        """Run a cell of another magic as an experiment; also for `%%experiment?`."""
        self.begin(line)
        self._shell.run_cell(cell)

    def _params(self, asked: str) -> dict[str, Any]:
        """The present values of the params. Raises UsageError for a variable without a plain value."""
        variables = self._shell.user_ns
        if not asked:
            found: dict[str, Any] = {}
            if os.environ.get(RUN):
                return found  # the params of `gitexp run` are these
            for name in saved_parameters(variables):
                if name in variables and _is_plain(variables[name]):
                    found[name] = variables[name]
            return found
        names = [name.strip() for name in asked.split(",")]
        for name in names:
            if name not in variables:
                raise UsageError(f"%%{_MAGIC} -p: there is no variable {name}.")
            if not _is_plain(variables[name]):
                raise UsageError(
                    f"%%{_MAGIC} -p: {name} is no number, text, truth value, list or map of such."
                )
        return {name: variables[name] for name in names}

    def end(self, error: BaseException | None) -> None:
        """End the experiment of the cell, if any."""
        run, self._run = self._run, None
        if run is None or not run.is_on:
            return
        try:
            ended = run.finish(
                exit_code_of(error), interrupted=isinstance(error, KeyboardInterrupt), error=error
            )
        except errors.GitexpError as failure:
            print(f"gitexp: {failure.message}")  # noqa: T201 - the notebook is where the user looks
            return
        if ended is not None:
            print(_ended_line(ended))  # noqa: T201 - the same

    def before_cell(self, info: Any) -> None:
        """Note a cell before its run."""
        if not self._running:  # IPython gives the next cell what a cell inside %%capture has printed
            history = self._shell.history_manager
            getattr(history, "outputs", {}).pop(len(history.input_hist_raw), None)
        self._running.append(info)

    def after_cell(self, result: Any) -> None:
        """End the experiment of a cell after its run."""
        if result.info in self._running:
            del self._running[self._running.index(result.info) :]
        if result.info is self._cell:
            self._cell = None
            self.end(result.error_before_exec or result.error_in_exec)

    def as_line_magic(self, lines: Sequence[str]) -> list[str]:
        """The lines of a cell: `%%experiment` becomes a call at the top, and the rest stays.

        The cell may await, and its last value and errors are shown.
        """
        if not lines or lines[0].split(maxsplit=1)[:1] != [_CELL]:
            return list(lines)
        body = list(lines[1:])
        if "".join(body).lstrip().startswith("%%"):
            body = self._shell.transform_cell("".join(body).lstrip("\n")).splitlines(keepends=True)
        return [lines[0].removeprefix("%"), *body]


def _is_plain(value: Any) -> bool:
    """Whether a value can be a param unchanged."""
    if isinstance(value, dict):
        return all(isinstance(key, str) for key in value) and all(map(_is_plain, value.values()))
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, str | int | float)


def _ended_line(ended: Experiment) -> str:
    """The name, state and metrics of an experiment in a line."""
    record = ended.record
    values = []
    for tree in record.metrics.values():
        for name, value in tree.items():
            if isinstance(value, int | float):
                values.append(f"{name} {value:.6g}")
    return f"{ended.name} {record.status}" + (f": {', '.join(values[:6])}" if values else "")


_loaded: dict[int, CellRuns] = {}  # by the id of the shell


def load_ipython_extension(shell: Any) -> None:
    """Add `%%experiment` and the HTML to a shell; a second time changes nothing."""
    if id(shell) in _loaded:
        return
    runs = _loaded[id(shell)] = CellRuns(shell)
    shell.register_magic_function(runs.begin, "line", _MAGIC)
    shell.register_magic_function(runs.run, "cell", _MAGIC)
    shell.input_transformers_cleanup.append(runs.as_line_magic)
    shell.events.register("pre_run_cell", runs.before_cell)
    shell.events.register("post_run_cell", runs.after_cell)
    display.register(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Take back the additions of `load_ipython_extension`, but for the HTML."""
    runs = _loaded.pop(id(shell), None)
    if runs is None:
        return
    runs.end(None)
    shell.events.unregister("pre_run_cell", runs.before_cell)
    shell.events.unregister("post_run_cell", runs.after_cell)
    shell.input_transformers_cleanup.remove(runs.as_line_magic)
    for kind in ("line", "cell"):
        shell.magics_manager.magics[kind].pop(_MAGIC, None)
