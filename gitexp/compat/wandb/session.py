"""The run of a script that was written for wandb."""

from __future__ import annotations

import atexit
import glob
import os
import tempfile
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from gitexp.compat.wandb.artifact import WandbArtifact
from gitexp.compat.wandb.mappings import WandbConfig, WandbSummary
from gitexp.compat.wandb.media import Histogram, Image, Media, is_figure, is_many
from gitexp.extras.tracking import api
from gitexp.extras.tracking.lines import say
from gitexp.extras.tracking.numbers import whole_step
from gitexp.extras.tracking.run import Run
from gitexp.log_rules import SUMMARIES, is_tag

_LEVELS = {"INFO": "info", "WARN": "warning", "WARNING": "warning", "ERROR": "error"}
_FILES = "files"  # the folder of `run.dir` among the artifacts


class WandbRun:
    """A run as a script for wandb uses it.

    Attributes:
        config: the params; what is set is recorded.
        summary: the numbers for the table.
        step: the step of the next line.
    """

    def __init__(self, run: Run, project: str = "", group: str = "", job_type: str = "") -> None:
        self._run = run
        self.project, self.group, self.job_type, self.entity = project, group, job_type, ""
        self.config = WandbConfig(run.log_params)
        self.summary = WandbSummary(run.summary)
        self.step = 0
        self._patterns: dict[str, str] = {}  # of metrics, with the kind of their summary
        self._known: set[str] = set()
        self._saved: list[tuple[str, Path | None]] = []
        self._dir = ""

    # -- what it is -------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """The name of the experiment."""
        return self._run.name

    @property
    def id(self) -> str:
        """The name of the experiment: it is unique in the repository."""
        return self._run.name

    @property
    def url(self) -> str:
        """A text like a URL; `gitexp show NAME` shows the run."""
        return f"gitexp:{self._run.name}"

    @property
    def path(self) -> str:
        return self._run.name

    @property
    def disabled(self) -> bool:
        return not self._run.is_on

    @property
    def dir(self) -> str:
        """A folder whose files become artifacts."""
        if not self._dir:
            folder = self._run.folder(_FILES)
            self._dir = tempfile.mkdtemp() if folder is None else str(folder)
        return self._dir

    def get_url(self) -> str:
        return self.url

    def __repr__(self) -> str:
        return f"<Run {self.name or 'that does not log'}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._keep_saved()
        self._run.__exit__(kind, error, trace)

    # -- logging ----------------------------------------------------------------------------------

    def log(
        self, data: Mapping[str, Any], step: int | None = None, commit: bool | None = None, sync: Any = None
    ) -> None:
        """Log the values of one step: numbers, and what `Image`, `Table` and the like hold.

        Without `step` each call is a step, unless `commit` is False. With it, calls of one step are one, and
        an earlier step is what it says: wandb drops it.
        """
        if not isinstance(data, Mapping):
            raise TypeError(f"log takes a dict, and not a {type(data).__name__}")
        at = self.step if step is None else whole_step(step)
        self.step = max(self.step, at)
        numbers: dict[str, Any] = {}
        for name, value in _flat(data):
            if not self._kept(name, value, at):
                numbers[name] = value
        if numbers:
            self._define_new(numbers)
            self._run.log(numbers, at)
        if commit or (commit is None and step is None):
            self.step += 1

    def _kept(self, name: str, value: Any, step: int) -> bool:
        """Keep a value that is no number; False for a number."""
        if value is None:
            return True
        if isinstance(value, str):
            self._run.summary[name] = value
        elif isinstance(value, Media):
            value.keep(self._run, name, step)
        elif is_figure(value):
            self._run.log_figure(name, value, step)
        elif not is_many(value):
            return False
        elif any(isinstance(each, Media) or is_figure(each) for each in value):
            for number, each in enumerate(value):
                media = each if isinstance(each, Media) else Image(each)
                media.keep(self._run, f"{name}/{number}", step)
        else:
            Histogram(value).keep(self._run, name, step)
        return True

    def _define_new(self, names: Iterable[str]) -> None:
        for name in names:
            if name in self._known:
                continue
            self._known.add(name)
            for pattern, kind in self._patterns.items():
                if fnmatchcase(name, pattern):
                    self._run.define(name, kind)

    def define_metric(
        self,
        name: str,
        step_metric: Any = None,
        step_sync: bool | None = None,
        hidden: bool | None = None,
        summary: str | None = None,
        goal: str | None = None,
        overwrite: bool | None = None,
    ) -> None:
        """Say which value of a metric is for the table; a `step_metric` is a series like any other."""
        for kind in (summary or "").split(","):
            if kind == "best" and goal:
                kind = "min" if goal.startswith("min") else "max"
            if kind in SUMMARIES:
                self._patterns[name] = kind
                self._known.discard(name)
                return

    def watch(self, models: Any, *_: Any, **__: Any) -> None:
        """Keep the text of a model; its gradients are not logged."""
        say("watch keeps the text of the model, and no gradients; log what you want to see of them")
        for number, model in enumerate(models if isinstance(models, list | tuple) else [models]):
            self._run.log_text(f"model-{number}" if number else "model", str(model))

    def unwatch(self, models: Any = None) -> None:
        """Do nothing."""

    def alert(self, title: str, text: str = "", level: Any = None, wait_duration: Any = None) -> None:
        """Raise an alert."""
        shown = str(getattr(level, "value", level) or "INFO").upper()
        self._run.alert(title, text, _LEVELS.get(shown, "info"))

    # -- files ------------------------------------------------------------------------------------

    def save(
        self, glob_str: Any = None, base_path: Any = None, policy: str = "live", **_: Any
    ) -> list[str] | None:
        """Keep the files that fit a pattern: now, and at the end of the run as they are then."""
        if glob_str is None:
            return None
        pattern = os.path.abspath(os.fspath(glob_str))  # noqa: PTH100 - a pattern
        base = None if base_path is None else Path(base_path).absolute()
        if policy != "now":
            self._saved.append((pattern, base))
        return self._keep_now(pattern, base)

    def _keep_now(self, pattern: str, base: Path | None) -> list[str]:
        found = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 - its paths are absolute
        for text in found:
            path = Path(text)
            inside = base is not None and path.is_relative_to(base)
            self._run.log_artifact(path, path.relative_to(base).as_posix() if base and inside else path.name)
        return found

    def _keep_saved(self) -> None:
        saved, self._saved = self._saved, []
        for pattern, base in saved:
            self._keep_now(pattern, base)

    def log_artifact(
        self, artifact_or_path: Any, name: str | None = None, type: str | None = None, **_: Any
    ) -> WandbArtifact:
        """Keep an artifact, or a file or folder by its path."""
        artifact = artifact_or_path
        if not isinstance(artifact, WandbArtifact):
            path = Path(artifact)
            self._run.log_artifact(path, name)
            return WandbArtifact(name or path.name, type or "unspecified")
        artifact.keep(self._run)
        return artifact

    def log_model(self, path: Any, name: str | None = None, **_: Any) -> None:
        """Keep the file or folder of a model."""
        self._run.log_artifact(path, f"models/{name or Path(path).name}")

    def log_code(self, *_: Any, **__: Any) -> None:
        """Do nothing: the code of the run is stored, all of it."""

    def mark_preempting(self) -> None:
        """Do nothing."""

    # -- the end ----------------------------------------------------------------------------------

    def finish(self, exit_code: int | None = None, quiet: bool | None = None) -> None:
        """End the run."""
        self._keep_saved()
        self._run.finish(exit_code or 0)

    @property
    def tags(self) -> tuple[str, ...]:
        return ()

    @tags.setter
    def tags(self, tags: Iterable[str]) -> None:
        self._run.tag(*tags)

    @property
    def notes(self) -> str:
        return ""

    @notes.setter
    def notes(self, text: str) -> None:
        self._run.note(text)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        hint = HINTS.get(name, "the page `from-wandb` of gitexp's documentation has what there is")
        raise AttributeError(f"a run of gitexp.compat.wandb has no {name}: {hint}")


HINTS = {
    "use_artifact": "gitexp.experiment(NAME).open(PATH) reads what another run has kept",
    "use_model": "gitexp.experiment(NAME).open(PATH) reads what another run has kept",
    "link_artifact": "a tag names what is good: gitexp tag NAME best",
    "restore": "gitexp.experiment(NAME).open(PATH) reads what another run has kept",
    "history": "gitexp.experiment(NAME).history(METRIC)",
}


def begin(
    name: str, config: Any, tags: Iterable[str], notes: str, mode: str, about: Mapping[str, str]
) -> WandbRun:
    """A run of a script for wandb, begun now. Raises as `gitexp.start_run`."""
    if mode == "disabled":
        run = Run()
    else:
        texts = [*tags, *(f"{key}:{value}" for key, value in about.items() if key != "project" and value)]
        run = api.start_run(name, tags=[tag for tag in texts if is_tag(tag)], note=notes, nested=True)
    found = WandbRun(run, **about)
    if config is not None:
        found.config.update(config)
    atexit.register(found._keep_saved)  # before the run ends with the script
    return found


def _flat(data: Mapping[str, Any], above: str = "") -> Iterable[tuple[str, Any]]:
    """The values of a mapping and of those in it, by dotted names."""
    for name, value in data.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value
