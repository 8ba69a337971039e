"""Which of some changed files runs write: results, and no code."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from gitexp.named_tuple import NamedTuple
from gitexp.objects.paths import upward
from gitexp.pipeline.paths import lock_path
from gitexp.project import patterns
from gitexp.project.project import Project
from gitexp.project.tools import tool_files


class ResultRules(NamedTuple):
    """The files that the runs of a project write, beside those of known tools.

    Attributes:
        paths: files and folders, by gitexp.yaml and the stages.
        expressions: the patterns of gitexp.yaml.
    """

    paths: Sequence[str]
    expressions: Sequence[re.Pattern[str]]

    @classmethod
    def of(cls, project: Project) -> ResultRules:
        """The result files by the present config."""
        config = project.config
        expressions = map(patterns.compiled, (*config.patterns.metrics, *config.patterns.results))
        return cls((*project.written(), lock_path(config.folder)), [*expressions])

    def among(self, changed: Collection[str], metrics: Collection[str] = ()) -> set[str]:
        """The results among some changed files. `metrics`: the metrics files of the compared experiments."""
        by_tools = tool_files.among([*changed, *metrics])
        named = {*self.paths, *metrics, *by_tools}
        found = set[str]()
        for path in changed:
            if not named.isdisjoint(upward(path)) or self._matches(path):
                found.add(path)
        return found

    def _matches(self, path: str) -> bool:
        return any(expression.fullmatch(path) for expression in self.expressions)
