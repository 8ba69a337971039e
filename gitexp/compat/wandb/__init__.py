"""What looks like wandb: `import gitexp.compat.wandb as wandb` runs the ordinary script, without a server.

    import gitexp.compat.wandb as wandb

    wandb.init(project="digits", config={"lr": 0.1})
    wandb.log({"loss": 0.5})

What is not here raises an error that says what to use. docs/from-wandb.md has what each call keeps.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

from gitexp.compat.wandb import plot
from gitexp.compat.wandb.artifact import WandbArtifact as Artifact
from gitexp.compat.wandb.media import Audio, Histogram, Html, Image, Video
from gitexp.compat.wandb.media import WandbTable as Table
from gitexp.compat.wandb.session import HINTS, WandbRun, begin
from gitexp.extras.tracking.api import active_run
from gitexp.version import __version__

__all__ = [
    "AlertLevel",
    "Artifact",
    "Audio",
    "Error",
    "Histogram",
    "Html",
    "Image",
    "Settings",
    "Table",
    "Video",
    "__version__",
    "alert",
    "define_metric",
    "finish",
    "init",
    "log",
    "log_artifact",
    "login",
    "plot",
    "save",
    "setup",
    "unwatch",
    "watch",
]

_on: list[WandbRun] = []  # the runs that are on, the innermost last
_MISSING = HINTS | {
    "sweep": "a sweep stands in gitexp.yaml, and `gitexp sweep run` runs it",
    "agent": "a sweep stands in gitexp.yaml, and `gitexp sweep run` runs it",
    "Api": "gitexp.experiments(), gitexp.experiment(NAME) and gitexp.dataframe() read runs back",
    "Object3D": "write a file, and keep it by log_artifact",
    "Molecule": "write a file, and keep it by log_artifact",
    "Plotly": "log the figure itself",
    "keras": "gitexp.callback('keras')",
    "xgboost": "gitexp.callback('xgboost')",
    "lightgbm": "gitexp.callback('lightgbm')",
    "sklearn": "gitexp.autolog()",
    "integration": "gitexp.callback('keras'), 'lightning', 'transformers', 'xgboost', 'lightgbm' or 'optuna'",
    "sdk": "only what scripts use stands here",
}


class Error(Exception):
    """What wandb's errors derive from."""


class AlertLevel:
    """Levels of alerts."""

    INFO, WARN, ERROR = "INFO", "WARN", "ERROR"


class Settings:
    """Settings, which are taken and mean nothing here."""

    def __init__(self, **settings: Any) -> None:
        self.__dict__.update(settings)


def init(
    entity: str | None = None,
    project: str | None = None,
    dir: Any = None,
    id: str | None = None,
    name: str | None = None,
    notes: str | None = None,
    tags: Iterable[str] | None = None,
    config: Any = None,
    *,
    group: str | None = None,
    job_type: str | None = None,
    mode: str | None = None,
    resume: Any = None,
    reinit: Any = None,
    **_: Any,
) -> WandbRun:
    """Begin a run; by default of `reinit`, give the active run again, if any.

    `name` (or `id`) names the experiment, `tags` and `notes` are its tags and its note; `group` and
    `job_type` are tags too. The project is the repository. Raises Error for `resume`.
    """
    if resume in (True, "must"):
        raise Error(
            "a run of gitexp does not go on after its end: gitexp run --from NAME runs its code again"
        )
    earlier = _earlier(reinit)
    if earlier is not None:
        return earlier
    if isinstance(tags, str):
        tags = [tags]
    about = {"project": project or "", "group": group or "", "job_type": job_type or ""}
    run = begin(name or id or "", config, tags or (), notes or "", _mode(mode), about)
    _on[:] = [one for one in _on if not one.disabled]
    _on.append(run)
    return run


def _earlier(reinit: Any) -> WandbRun | None:
    """The active run, if `reinit` asks for no new run. The active run ends unless `reinit` is create_new."""
    if not _on or _on[-1].disabled:
        return None
    if reinit in (None, False, "default", "return_previous"):
        return _on[-1]
    if reinit != "create_new":
        _on[-1].finish()
    return None


def _mode(given: str | None) -> str:
    """The mode of a run, from the call or wandb's environment variables; "" by default."""
    if os.environ.get("WANDB_DISABLED", "").lower() in ("1", "true"):
        return "disabled"
    return given or os.environ.get("WANDB_MODE", "")


def _current(what: str) -> WandbRun:
    if not _on:
        raise Error(f"You must call wandb.init() before wandb.{what}")
    return _on[-1]


def log(
    data: Mapping[str, Any], step: int | None = None, commit: bool | None = None, sync: Any = None
) -> None:
    """Log the values of one step, see `WandbRun.log`."""
    _current("log()").log(data, step, commit)


def finish(exit_code: int | None = None, quiet: bool | None = None) -> None:
    """End the active run, if any."""
    if _on:
        _on.pop().finish(exit_code)


def save(glob_str: Any = None, base_path: Any = None, policy: str = "live", **more: Any) -> list[str] | None:
    """Keep the files that fit a pattern, see `WandbRun.save`."""
    return _current("save()").save(glob_str, base_path, policy, **more)


def log_artifact(
    artifact_or_path: Any, name: str | None = None, type: str | None = None, **_: Any
) -> Artifact:
    """Keep an artifact, see `WandbRun.log_artifact`."""
    return _current("log_artifact()").log_artifact(artifact_or_path, name, type)


def define_metric(name: str, *args: Any, **options: Any) -> None:
    """Say which value of a metric is for the table, see `WandbRun.define_metric`."""
    _current("define_metric()").define_metric(name, *args, **options)


def watch(models: Any, *args: Any, **options: Any) -> None:
    """Keep the text of a model, see `WandbRun.watch`."""
    _current("watch()").watch(models, *args, **options)


def unwatch(models: Any = None) -> None:
    """Do nothing."""


def alert(title: str, text: str = "", level: Any = None, wait_duration: Any = None) -> None:
    """Raise an alert."""
    _current("alert()").alert(title, text, level)


def login(*_: Any, **__: Any) -> bool:
    """True: there is no account."""
    return True


def setup(*_: Any, **__: Any) -> None:
    """Do nothing."""


def require(*_: Any, **__: Any) -> None:
    """Do nothing."""


def __getattr__(name: str) -> Any:
    if name == "run":
        return _on[-1] if _on and active_run() is not None else None
    if name in ("config", "summary"):
        return getattr(_current(name), name)
    if name.startswith("__"):
        raise AttributeError(name)
    hint = _MISSING.get(name, "the page `from-wandb` of gitexp's documentation has what there is")
    raise AttributeError(f"gitexp.compat.wandb has no {name}: {hint}")
