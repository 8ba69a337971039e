"""The evaluation by gitexp itself, settled before the run: its command, and the commit whose code it runs."""

from __future__ import annotations

from dataclasses import replace

from gitexp import errors
from gitexp.model import Record
from gitexp.project.baseline_config import BaselineConfig
from gitexp.project.project import Project
from gitexp.project.sections.holdout_config import HoldoutConfig, read_holdout


def at_start(record: Record, project: Project, config: BaselineConfig, queued: Record | None) -> Record:
    """The record of a coming run with the evaluation of its baseline.

    What was settled when it was queued stays. Raises ExperimentError (unknown-experiment).
    """
    if queued is not None and queued.holdout:
        return replace(record, holdout=queued.holdout)
    found = _of_baseline(config)
    if isinstance(found, errors.ConfigError):
        return _with_warning(record, f"no holdout, for the baseline's is not right: {found.message}")
    if found is None:
        if project.config.holdout is None:
            return record
        return _with_warning(record, "no holdout yet: it counts from the next commit of gitexp.yaml on")
    commit: str | None = config.at
    if found.revision:
        commit = project.repo.resolve(found.revision)
    if commit is None:
        raise errors.ExperimentError(
            f"The holdout is to run by the code of {found.revision}, and there is no such commit.",
            "Correct 'from' of 'holdout' in gitexp.yaml, and commit it; or fetch that branch.",
            code="unknown-experiment",
        )
    command = found.command if isinstance(found.command, str) else list(found.command)
    return replace(record, holdout={"commit": commit, "command": command, "timeout": found.timeout})


def _of_baseline(config: BaselineConfig) -> HoldoutConfig | errors.ConfigError | None:
    """The innermost evaluation; None without one."""

    def complain(key: str, message: str, hint: str) -> errors.ConfigError:
        return errors.ConfigError(message, hint)

    for _, tree in config.trees:
        if tree.get("holdout") is not None:
            try:
                return read_holdout(tree["holdout"], complain)
            except errors.ConfigError as error:
                return error
    return None


def _with_warning(record: Record, text: str) -> Record:
    return replace(record, warnings=tuple(dict.fromkeys((*record.warnings, text))))
