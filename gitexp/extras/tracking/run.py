"""A run as the training script sees it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from gitexp import errors, plugins
from gitexp.extras.tracking.lines import say
from gitexp.extras.tracking.plain_values import plain, plain_mapping
from gitexp.extras.tracking.run_log import RunLog
from gitexp.log_rules import LONGEST_TAG, SUMMARIES, is_tag

if TYPE_CHECKING:
    from gitexp.extras.tracking.own_run import OwnRun
    from gitexp.model import Experiment


class Run:
    """A live run. A context manager: the end of the block is the end of the run.

    `log` of a run that is not to log (`GITEXP_DISABLED`, a further rank of distributed training) does
    nothing. Neither does that of an ended run, and stderr says so once.

    Attributes:
        name: the name of the experiment; "" for a run that does not log.
        summary: the numbers for the table, by metric.
        begun_in: the folder where the run began; None if that is gone.
    """

    def __init__(
        self,
        name: str = "",
        log: RunLog | None = None,
        own: OwnRun | None = None,
        on_end: Callable[[Run], None] = lambda run: None,
    ) -> None:
        self.name = name
        self._log = log
        self._own = own
        self._has_ended = False
        self._process = os.getpid()
        self.begun_in = None if own is None else own.begun_in
        if own is None:
            with contextlib.suppress(OSError):
                self.begun_in = Path.cwd()
        self._on_end = on_end
        self.summary = Summary(log)

    def __repr__(self) -> str:
        return f"<Run {self.name or 'that does not log'}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        is_interrupt = isinstance(error, KeyboardInterrupt)
        self.finish(exit_code=exit_code_of(error), interrupted=is_interrupt, error=error)

    @property
    def is_on(self) -> bool:
        """Whether the run logs."""
        return self._log is not None

    def log(self, values: Mapping[str, Any], step: int | None = None) -> None:
        """Log numbers of one step, an integer. Without `step`, each name counts on from its last step.

        A number is one of Python's, or a NumPy or PyTorch scalar; NaN and infinity are numbers too. Raises
        TypeError naming the key of anything else.

        Example:
            run.log({"loss": 0.52, "acc": 0.81})
        """
        log = self._log
        if log is not None:
            log.series.log(values, step)
        elif self._has_ended:
            self._say_that_it_has_ended()

    def log_params(self, params: Any) -> None:
        """Record params that stand in no file: a mapping, a dataclass or argparse's namespace."""
        if self._log is not None:
            self._log.say_fact("params", plain_mapping(params))
        elif self._has_ended:
            self._say_that_it_has_ended()

    def _say_that_it_has_ended(self) -> None:
        """Tell the user, once, that what is logged now is lost."""
        self._has_ended = False
        say(f"{self.name} has ended: what it logs from here on is not kept")

    def log_artifact(self, path: str | os.PathLike[str], name: str | None = None) -> None:
        """Copy a file, or a folder with all its content, to the artifacts of the run.

        Args:
            path: the file or folder; FileNotFoundError is raised if it is not there.
            name: the path among the artifacts, with slashes; by default the name of the file or folder.

        Example:
            run.log_artifact("model.pt", "models/best.pt")
        """
        self._log_file("artifact", path, name)

    def log_figure(self, name: str, figure: Any, step: int | None = None) -> None:
        """Keep a figure: the artifact `figures/<name>.png`, or `figures/<name>/<step>.png`.

        Args:
            name: the name of the figure; it may have slashes.
            figure: a figure or axes of matplotlib, a figure of plotly (kept as HTML), an image of PIL, an
                array or tensor with the pixels (integers from 0 to 255, or floats from 0 to 1), or the path
                of a file.
            step: for a figure drawn again and again.
        """
        self._log_file("figure", name, figure, step)

    def log_table(
        self, name: str, table: Any, step: int | None = None, *, columns: Sequence[str] | None = None
    ) -> None:
        """Keep a table: the artifact `tables/<name>.csv`, or `tables/<name>/<step>.csv`.

        Args:
            table: a list of dicts, a dict of lists, a data frame of pandas or Polars, a table of Arrow, the
                path of a file, or with `columns` a list of rows.
            columns: the names of the columns.
        """
        self._log_file("table", name, table, step, columns)

    def log_text(self, name: str, text: str, step: int | None = None) -> None:
        """Keep a text: the artifact `texts/<name>.txt`; a name like `notes.md` keeps its ending."""
        self._log_file("text", name, text, step)

    def log_audio(self, name: str, samples: Any, rate: int | None = None, step: int | None = None) -> None:
        """Keep a sound: the artifact `audio/<name>.wav`, or `audio/<name>/<step>.wav`.

        Args:
            samples: an array, samples or samples by channels, of floats from -1 to 1 or of integers; a
                list of floats; or the path of a file.
            rate: the number of samples a second.
        """
        self._log_file("audio", name, samples, rate, step)

    def log_confusion(self, name: str, labels: Any, predictions: Any, step: int | None = None) -> None:
        """Keep a confusion matrix: the artifact `confusion/<name>.json`, see docs/format.md.

        Args:
            labels: the true class of each example.
            predictions: the predicted class of each example.
        """
        self._log_file("confusion", name, labels, predictions, step)

    def folder(self, name: str) -> Path | None:
        """A folder whose files, also those still to come, are artifacts below `name`; None for no run.

        Raises ValueError for a name that no artifact has.
        """
        return None if self._log is None else self._log.artifact_folder(name)

    def _log_file(self, kind: str, *args: Any) -> None:
        if self._log is not None:
            plugins.load("artifact", kind)(self._log, *args)
        elif self._has_ended:
            self._say_that_it_has_ended()

    def define(self, metric: str, summary: str) -> None:
        """Say which value of a metric's series is for the table: last, best, mean, min or max.

        Which is better is what gitexp.yaml or the name of the metric says. Raises ValueError.
        """
        check_kind(summary)
        if self._log is not None:
            self._log.say_fact("kinds", {metric: summary})

    def alert(self, title: str, text: str = "", level: str = "warning") -> None:
        """Raise an alert: it is kept in the record, and `alert` under `alerts:` of gitexp.yaml may do more.

        `level` is info, warning or error. Raises ValueError for another one.
        """
        alert = plugins.load("alert", "new")(level, str(title), str(text))
        if self._log is not None:
            self._log.say_fact("alert", [alert])

    def tag(self, *tags: str) -> None:
        """Give tags to the experiment. Raises ValueError for a text that cannot be one."""
        for tag in tags:
            if not is_tag(tag):
                raise ValueError(
                    f"a tag is a text of up to {LONGEST_TAG} printable characters, not {tag!r:.200}"
                )
        if self._log is not None:
            self._log.say_fact("tags", list(tags))

    def note(self, text: str) -> None:
        """Add a line to the note of the experiment."""
        if self._log is not None:
            self._log.say_fact("note", [str(text)])

    def finish(
        self, exit_code: int = 0, *, interrupted: bool = False, error: BaseException | None = None
    ) -> Experiment | None:
        """End the run, and give its experiment; None for a run under `gitexp run`, which ends it itself.

        An ended run is left alone. Disk and Git raise nothing here: if the run cannot be
        stored, stderr says so, None is returned, and the next gitexp command stores it. `error`: the
        exception at the end of the code.
        """
        log, self._log = self._log, None
        if log is None:
            return None
        self._has_ended = True
        self.summary.let_go()
        log.close()
        own, self._own = self._own, None
        self._on_end(self)
        if own is None or self._process != os.getpid():  # the end of a forked process is not that of the run
            return None
        try:
            return own.end(exit_code, interrupted=interrupted, error=error)
        except errors.GitexpError as wrong:
            say(" ".join(filter(None, (wrong.message, wrong.hint))))
        except OSError as wrong:
            say(f"{self.name} could not be stored: {wrong}. The next gitexp command tries again.")
        return None


def check_kind(summary: object) -> None:
    """Raise ValueError for what is no summary of a metric."""
    if summary not in SUMMARIES:
        raise ValueError(f"the summary of a metric is one of {', '.join(SUMMARIES)}, and not {summary!r}")


class Summary(MutableMapping[str, Any]):
    """The values of a run for the table: those that were set, and the last of each series."""

    def __init__(self, log: RunLog | None) -> None:
        self._log = log
        self._set: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name in self._set:
            return self._set[name]
        return self._last()[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self._set[name] = plain(value)
        if self._log is not None:
            self._log.say_fact("summary", {name: self._set[name]})

    def __delitem__(self, name: str) -> None:
        raise TypeError("a value of the summary can be replaced, and not be taken back")

    def __iter__(self) -> Iterator[str]:
        return iter({**self._last(), **self._set})

    def __len__(self) -> int:
        return len({**self._last(), **self._set})

    def __repr__(self) -> str:
        return repr({**self._last(), **self._set})

    def _last(self) -> dict[str, float]:
        return {} if self._log is None else self._log.series.last_values()

    def let_go(self) -> None:
        """Keep the values of a run that ends."""
        self._set = {**self._last(), **self._set}
        self._log = None


def exit_code_of(error: BaseException | None) -> int:
    """The exit code of a script that ends by an exception, as Python has it; 0 for none."""
    if error is None:
        return 0
    if isinstance(error, KeyboardInterrupt):
        return 130
    if not isinstance(error, SystemExit):
        return 1
    code = error.code
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    return 1
