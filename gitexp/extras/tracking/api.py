"""The functions for training scripts: `gitexp.start_run`, `gitexp.log` and friends.

Under `gitexp run` they log into that run. Alone, the script is its own run: it begins with `start_run` or
the first `log`, and ends with the block, `finish` or the script.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gitexp import errors, plugins
from gitexp.extras.tracking import ending
from gitexp.extras.tracking.lines import say
from gitexp.extras.tracking.plain_values import plain_mapping
from gitexp.extras.tracking.ranks import rank
from gitexp.extras.tracking.run import Run, check_kind
from gitexp.extras.tracking.run_log import RunLog
from gitexp.process.variables import DISABLED, NAME, RESUMED_FROM, RUN

if TYPE_CHECKING:
    from gitexp.extras.tracking.params import Params
    from gitexp.model import Experiment

_on: list[Run] = []  # the runs that are on, the innermost last
_beginning = threading.RLock()
_has_begun = False  # whether this process has begun a run: only its first one may be that of `gitexp run`


def start_run(
    name: str = "",
    params: Any = None,
    *,
    tags: Sequence[str] = (),
    note: str = "",
    nested: bool = False,
    all_ranks: bool = False,
    summary: Mapping[str, str] | None = None,
    repo: str | os.PathLike[str] | None = None,
    system_interval: float | str | None = None,
    resume: str = "",
) -> Run:
    """Begin a run: under `gitexp run` the first one is that run, any other is an experiment of its own.

    Args:
        name: the name of the experiment; `name-2` if taken, with the values of params as in
            `lr-{train.lr}`; without it one is made.
        params: params that stand in no file: a mapping, a dataclass or argparse's namespace.
        nested: begin a run inside the one that is on; its record names that one as its parent.
        all_ranks: let each process of distributed training log, apart; else only the first does.
        summary: by metric, which value of its series is for the table: last, best, mean, min or max.
        repo: a folder in the repository; the current folder by default.
        system_interval: seconds between two looks at the machine, or a text like "30 s"; 0 for none.
            gitexp.yaml tells otherwise, and `gitexp run` of its run.
        resume: an experiment that the run goes on from: its checkpoints come into the workspace, where
            they are not yet, and its curves go on. Under `gitexp run`, `--resume` says so.

    Raises UsageError if a run is on and `nested` is not set, or for `resume` under `gitexp run`, and the
    errors of `gitexp.run_experiment` from before the start of a command.
    """
    if _on and not nested:
        raise errors.UsageError(
            f"A run is on already: {_on[-1].name}.",
            "End it first: gitexp.finish(); or begin one inside it: gitexp.start_run(nested=True)",
        )
    given = None if params is None else plain_mapping(params)
    for kind in (summary or {}).values():
        check_kind(kind)
    run = _begin(name, note, all_ranks=all_ranks, repo=repo, system_interval=system_interval, resume=resume)
    _on.append(run)
    if given is not None:
        run.log_params(given)
    for metric, kind in (summary or {}).items():
        run.define(metric, kind)
    if tags:
        run.tag(*([tags] if isinstance(tags, str) else tags))
    return run


def _begin(
    name: str,
    note: str,
    *,
    all_ranks: bool,
    repo: str | os.PathLike[str] | None,
    system_interval: float | str | None,
    resume: str,
) -> Run:
    global _has_begun
    number = rank()
    if os.environ.get(DISABLED, "") not in ("", "0") or (number and not all_ranks):
        return Run()
    live = Path(os.environ.get(RUN, ""))
    is_first, _has_begun = not _has_begun, True
    if live.name and is_first and live.is_dir():
        if resume and os.environ.get(RESUMED_FROM) != resume:
            raise errors.UsageError(
                f"This run was begun by `gitexp run`: the script cannot have it go on from {resume}.",
                f"gitexp run --resume {resume}",
            )
        run = Run(os.environ.get(NAME, ""), RunLog(live / "logged", number), on_end=_forget)
        if note:
            run.note(note)
        ending.watch(end_all)
        return run
    if number:  # the experiment of its own is begun by the first rank
        say(f"rank {number} does not log: only what `gitexp run` has begun is known to all ranks")
        return Run()
    own = plugins.load("run", "own")(
        "", note, here=_place(repo), system_interval=system_interval, template=name, resume=resume
    )
    run = Run(own.experiment.name, RunLog(own.folder), own, _forget)
    ending.watch(end_all)
    return run


def _place(repo: str | os.PathLike[str] | None) -> Path | None:
    """The folder in whose repository a run of its own is; None for the current folder.

    That of a nested run is the folder where the first run of this process began: the script may have gone
    elsewhere meanwhile.
    """
    if repo is not None:
        return Path(repo).expanduser()
    return _on[0].begun_in if _on else None


def active_run() -> Run | None:
    """The active run: the innermost run begun and not yet ended; None if none exists."""
    return _on[-1] if _on else None


def current_run() -> Run:
    """The active run; one is begun if none exists."""
    with _beginning:  # of two threads one begins it
        return _on[-1] if _on else start_run()


def log(values: Mapping[str, Any], step: int | None = None) -> None:
    """Log numbers of one step of the active run; a run is begun if none exists. See `Run.log`."""
    (_on[-1] if _on else current_run()).log(values, step)


def log_params(params: Any) -> None:
    """Record params that stand in no file, see `Run.log_params`."""
    current_run().log_params(params)


def alert(title: str, text: str = "", level: str = "warning") -> None:
    """Raise an alert of the active run, see `Run.alert`."""
    current_run().alert(title, text, level)


def callback(tool: str, *args: Any, **options: Any) -> Any:
    """The callback of a training framework, which logs into the active run.

    Of gitexp: keras, lightning, transformers, xgboost, lightgbm, optuna. Other packages may add more by an
    entry point of the group `gitexp.callback`. The options are those of the callback. Raises UsageError for
    a tool that nobody has, and ImportError where the tool is not installed.

    Example:
        model.fit(x, y, callbacks=[gitexp.callback("keras")])
    """
    return plugins.load("callback", tool)(*args, **options)


def autolog() -> None:
    """Log the params and scores of every `fit` of scikit-learn's estimators from here on."""
    plugins.load("autolog", "sklearn")()


def log_artifact(path: str | os.PathLike[str], name: str | None = None) -> None:
    """Copy a file or a folder to the artifacts of the active run, see `Run.log_artifact`."""
    current_run().log_artifact(path, name)


def log_figure(name: str, figure: Any, step: int | None = None) -> None:
    """Keep a figure of matplotlib, plotly or PIL, an array or a file, see `Run.log_figure`."""
    current_run().log_figure(name, figure, step)


def log_table(
    name: str, table: Any, step: int | None = None, *, columns: Sequence[str] | None = None
) -> None:
    """Keep a table as CSV, see `Run.log_table`."""
    current_run().log_table(name, table, step, columns=columns)


def log_text(name: str, text: str, step: int | None = None) -> None:
    """Keep a text, see `Run.log_text`."""
    current_run().log_text(name, text, step)


def log_audio(name: str, samples: Any, rate: int | None = None, step: int | None = None) -> None:
    """Keep a sound as WAV, see `Run.log_audio`."""
    current_run().log_audio(name, samples, rate, step)


def log_confusion(name: str, labels: Any, predictions: Any, step: int | None = None) -> None:
    """Keep a confusion matrix, see `Run.log_confusion`."""
    current_run().log_confusion(name, labels, predictions, step)


def params(file: str | None = None, *, repo: str | os.PathLike[str] | None = None) -> Params:
    """The params of the project's params files in their present state, with the overrides of `gitexp run -S`.

    Args:
        file: the path of one params file, from the root of the repository; else all files count.
        repo: a folder in the repository; the current folder by default.

    Returns a mapping whose keys are attributes too. Raises ValueError for a file that is no params file of
    the project or cannot be read, and KeyError for a key that two files have with different values.

    Example:
        params = gitexp.params()
        params.train.lr, params["train"]["lr"]
    """
    found: Params = plugins.load("params", "values")(file, None if repo is None else Path(repo).expanduser())
    return found


def finish(exit_code: int = 0) -> Experiment | None:
    """End the active run, and give its experiment; None if none exists, or under `gitexp run`."""
    return _on[-1].finish(exit_code) if _on else None


def _forget(run: Run) -> None:
    """Take note of the end of a run."""
    if run in _on:
        _on.remove(run)


def end_all(exit_code: int, interrupted: bool) -> None:
    """End the runs that are on, the innermost first, at the end of the script."""
    while _on:
        run = _on[-1]
        run.finish(exit_code, interrupted=interrupted)
        _forget(run)
