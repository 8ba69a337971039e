"""Metrics had afterwards: out of the stored output, or the stored files, of runs that are over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from gitexp import errors, files
from gitexp.catalog import lookup
from gitexp.history.edit import change_all
from gitexp.model import Experiment, Record, Tree
from gitexp.process.printed import TIMEOUT, find_printed
from gitexp.project.params import OUTPUT
from gitexp.project.project import Project, parse_all
from gitexp.repo.git.values import in_commit


@dataclass(frozen=True, slots=True)
class Measured:
    """The findings for an experiment.

    Attributes:
        experiment: the experiment, with its new record.
        found: the metrics files with new values; `OUTPUT` stands for the output.
        missing: a sentence for each missing metric, and each missing or unreadable file.
    """

    experiment: Experiment
    found: Mapping[str, Tree]
    missing: Sequence[str]


@dataclass(slots=True)
class _Findings:
    found: dict[str, Tree] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)


def measure(
    project: Project, names: Sequence[str], patterns: Mapping[str, str], paths: Sequence[str] = ()
) -> list[Measured]:
    """Look for metrics in the stored output and files of experiments, and put them into the records.

    `patterns` are regular expressions by the name of the metric, for the output; `paths` are metrics files of
    the experiments, relative to the root. Values not found change nothing. Raises StillRunning,
    UnknownExperiment, UsageError for a wrong name or pattern.
    """
    files.check_printed(patterns)
    findings: dict[str, _Findings] = {}
    for name in names:
        experiment = lookup.require_own(project, name)
        if not experiment.record.status.ended:
            raise errors.ExperimentError(
                f"{experiment.name} is {experiment.record.status}: its output is not complete.",
                "Wait for it to end.",
                code="still-running",
            )
        one = findings.setdefault(experiment.name, _Findings())
        if patterns:
            _search(project, experiment, patterns, one)
        if paths:
            _read(project, experiment, paths, one)

    def change(record: Record) -> Record:
        found = findings[record.name].found
        if not found:
            return record
        printed = {name: patterns[name] for name in patterns if OUTPUT in found}
        metrics = {**record.metrics, **found}
        if OUTPUT in record.metrics and OUTPUT in found:
            metrics[OUTPUT] = {**record.metrics[OUTPUT], **found[OUTPUT]}
        cut = tuple(path for path in record.cut_metrics if path not in found)
        return replace(record, metrics=metrics, patterns={**record.patterns, **printed}, cut_metrics=cut)

    changed = change_all(project, list(findings), "metrics", change)
    return [Measured(one, findings[one.name].found, findings[one.name].missing) for one in changed]


def _search(project: Project, experiment: Experiment, patterns: Mapping[str, str], into: _Findings) -> None:
    """Look for the patterns in the stored output."""
    log = project.store.run_file(experiment, "output.log")
    if log is None:
        into.missing.append("no output is stored")
        return
    values = find_printed(log, [*patterns.items()])
    for name, pattern in patterns.items():
        if values.get(name) is None:
            why = "not printed"
            if name not in values:
                why = f"not searched to the end (over {TIMEOUT:g} s)"
            into.missing.append(f"{why}: {name}, by {pattern}")
    if tree := files.printed_tree(values):
        into.found[OUTPUT] = tree


def _read(project: Project, experiment: Experiment, paths: Sequence[str], into: _Findings) -> None:
    """Read metrics files that the experiment has."""
    blobs = project.repo.read_blobs(in_commit(experiment.record.commit, paths))
    contents = dict(zip(paths, blobs, strict=True))
    for path in paths:
        if contents[path] is None:
            into.missing.append(f"not in the experiment: {path}")
    trees, unread = parse_all(contents, files.parse_metrics)
    into.missing += unread
    into.found.update(trees)
