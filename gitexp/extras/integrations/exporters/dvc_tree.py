"""The tree of an experiment as DVC expects it: params and metrics in files that a dvc.yaml names."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Mapping, Sequence
from typing import Any

from gitexp import errors, files
from gitexp.extras.integrations.exporters.dvc_lock_file import DvcLockWriter, lock_name, values_of
from gitexp.extras.integrations.importers.from_dvc.dvc_trees import CommitTrees
from gitexp.files.dvc_yaml import DEFAULT_PARAMS, DVC_YAML, DvcFiles, is_templated, names_of
from gitexp.files.parse import edit
from gitexp.model import Record, Tree
from gitexp.pipeline.lock import Lock
from gitexp.project.project import Project
from gitexp.repo.git import trees as git_trees

_PARAMS, _METRICS = "gitexp-params.json", "gitexp-metrics.json"  # values that no file has in a way of DVC's
_READ_BY_DVC = (".json", ".py", ".toml", ".yaml", ".yml")


class DvcTreeWriter:
    """Makes the trees of experiments for DVC.

    Attributes:
        remarks: a sentence for each omission.
    """

    def __init__(self, project: Project) -> None:
        self._project = project
        self._folder = project.config.folder
        self._trees = CommitTrees(project.repo)
        self._locks = DvcLockWriter(project, self._trees)
        self.remarks: list[str] = self._locks.remarks

    def tree(self, record: Record, lock: Lock) -> str:
        """The id of the tree of an experiment, stored."""
        commit, repo = record.commit, self._project.repo
        changes: dict[str, bytes] = {}
        named = self._named(record)
        if named is not None:
            params = self._files(record.params, named.params, _PARAMS, commit, changes)
            metrics = self._files(record.metrics, named.metrics, _METRICS, commit, changes)
            self._name(commit, {"params": params, "metrics": metrics}, changes)
        blobs: dict[str, git_trees.Change] = {}
        for path, content in changes.items():
            blobs[path] = ("100644", repo.write_blob(content))
        cached: tuple[str, ...] = ()
        if named is not None:
            cached = (*named.cached, *named.cached_plots)
        made = self._locks.lock_of(record.name, commit, lock, cached)
        if made is not None:
            blobs[lock_name(self._folder)] = ("100644", repo.write_blob(made.text))
            blobs.update(dict.fromkeys(made.moved))
        return git_trees.changed(repo, self._trees.root(commit), blobs)

    def _named(self, record: Record) -> DvcFiles | None:
        """The files that the dvc.yaml of the experiment names; None if it cannot be read."""
        name = posixpath.join(self._folder, DVC_YAML)
        data = self._trees.read(record.commit, name)
        if data is None:
            return DvcFiles((), (), (), None, {})
        try:
            variables: Tree = {}
            if is_templated(data):
                beside = posixpath.join(self._folder, DEFAULT_PARAMS)
                variables = files.parse(beside, self._trees.read(record.commit, beside) or b"")
            return names_of(name, files.parse(name, data), variables)
        except errors.FileError as error:
            self.remarks.append(f"{record.name}: DVC will not show its values: {error.message}")
            return None

    def _files(
        self,
        values: Mapping[str, Tree],
        named: Sequence[str],
        own: str,
        commit: str,
        changes: dict[str, bytes],
    ) -> list[str]:
        """The files that dvc.yaml has to name yet.

        Values that stand in no file, or in a file that DVC cannot read, are put into `changes`.
        """
        wanted, loose = list[str](), dict[str, Tree]()
        for name, tree in values.items():
            if name in named:
                continue
            if self._trees.find(commit, name) is not None and name.lower().endswith(_READ_BY_DVC):
                wanted.append(name)
            else:
                loose[posixpath.basename(name)] = tree
        if loose:
            path = posixpath.join(self._folder, own)
            text = json.dumps(values_of(loose), indent=2, ensure_ascii=False, default=str)
            changes[path] = f"{text}\n".encode("utf-8", "backslashreplace")
            wanted.append(path)
        return wanted

    def _name(self, commit: str, wanted: Mapping[str, list[str]], changes: dict[str, bytes]) -> None:
        """Have dvc.yaml name files."""
        name = posixpath.join(self._folder, DVC_YAML)
        text = before = self._trees.read(commit, name) or b""
        tree: Tree = files.parse(name, text)
        for key, paths in wanted.items():
            for path in paths:
                listed = tree.get(key)
                shown: Any = posixpath.relpath(path, self._folder or ".")
                if isinstance(listed, list) and listed:
                    text, tree = edit(name, text, (key, len(listed)), shown)
                else:
                    text, tree = edit(name, text, (key,), [shown])
        if text != before:
            changes[name] = text
