"""The tests that every source of experiments must pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from gitexp.catalog.sources import ForeignRef, Source
from gitexp.project.project import Project


class SourceContract:
    """What every `Source` does.

    Fixtures: `source`; `project`, a project with at least two experiments of that program.

    Attributes:
        name: the source's name in `gitexp.plugins`.
        prefix: where its refs are.
    """

    name: str
    prefix: str

    @pytest.fixture
    def source(self) -> Any:
        raise NotImplementedError("a fixture `source`")

    @pytest.fixture
    def project(self) -> Any:
        raise NotImplementedError("a fixture `project` with experiments of that program")

    def _refs(self, source: Source, project: Project) -> Sequence[ForeignRef]:
        return source.refs(list(project.repo.refs(self.prefix, fields=("refname", "objectname"))))

    def test_its_refs_are_told_apart_and_in_order(self, source: Source, project: Project) -> None:
        refs = self._refs(source, project)
        assert len(refs) > 1
        keys = [(ref.baseline, ref.name) for ref in refs]
        assert keys == sorted(set(keys))
        assert {ref.source for ref in refs} == {self.name}
        assert source.title

    def test_each_is_read_and_nothing_is_changed(self, source: Source, project: Project) -> None:
        before = list(project.repo.refs("refs/", fields=("refname", "objectname")))
        refs = self._refs(source, project)
        found = source.read(project, refs)
        for each, ref in zip(found, refs, strict=True):
            assert (each.name, each.id, each.source) == (ref.name, ref.commit, self.name)
        assert list(project.repo.refs("refs/", fields=("refname", "objectname"))) == before

    def test_only_those_asked_for_are_read(self, source: Source, project: Project) -> None:
        last = self._refs(source, project)[-1]
        (only,) = source.read(project, [last])
        assert only.id == last.commit
        assert source.read(project, []) == []
        assert source.refs([]) == []

    def test_what_is_no_commit_is_left_out(self, source: Source, project: Project) -> None:
        first, *others = self._refs(source, project)
        tree = project.repo.run("rev-parse", "HEAD^{tree}").decode().strip()
        found = source.read(project, [first._replace(commit=tree), *others])
        for each, ref in zip(found, others, strict=True):
            assert each.id == ref.commit
