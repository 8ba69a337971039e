"""The experiments that DVC has stored, as experiments like any other: read, never changed.

However many there are, a handful of Git processes reads them: objects are asked for by name all at once,
and each is read and parsed once, for most experiments share most of their files.
"""

from __future__ import annotations

import contextlib
import itertools
import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import PurePosixPath

from gitexp import errors, files
from gitexp.catalog.sources import ForeignRef
from gitexp.files import dvc_yaml
from gitexp.files.dvc_yaml import DEFAULT_PARAMS, DVC_CACHE, DVC_LOCK, DVC_YAML, DvcFiles
from gitexp.files.limits import MAX_BYTES
from gitexp.model import Damaged, Experiment, Record, Status, Stored, Tree
from gitexp.project.project import Project, parse_all, parse_params, read
from gitexp.repo.git import failures
from gitexp.repo.git.repository import Repository
from gitexp.repo.git.values import GitObject
from gitexp.times import stamp

SOURCE = "dvc"

_CACHES = (f"{DVC_CACHE}/files/md5", DVC_CACHE)  # of DVC 3, of DVC 2


class DvcSource:
    """DVC's experiments, as `gitexp.catalog.sources` asks for them."""

    title = "DVC"

    def refs(self, found: Sequence[Sequence[bytes]]) -> list[ForeignRef]:
        return refs(found)

    def read(self, project: Project, refs: Sequence[ForeignRef]) -> list[Stored]:
        return read_refs(project, refs)


def read_refs(project: Project, refs: Sequence[ForeignRef]) -> list[Stored]:
    """Return the experiments at some refs, less those that hold something else than a commit."""
    if not refs:
        return []
    try:
        reading = _Reading(project, refs)
        return [found for ref in refs if (found := reading.experiment(ref)) is not None]
    except errors.GitFailed as error:
        if len(refs) == 1:
            return [_damaged(refs[0], f"cannot be read: {failures.reason(error)}")]
        # Git stops at the first damaged object; that must not hide the others.
        half = len(refs) // 2
        return read_refs(project, refs[:half]) + read_refs(project, refs[half:])


class _Objects:
    """Git objects by `<revision>` or `<revision>:<path>`: asked for together, each read once."""

    def __init__(self, repo: Repository) -> None:
        self._repo = repo
        self._found: dict[str, GitObject | None] = {}
        self._contents: dict[str, bytes] = {}

    def fetch(self, names: Iterable[str]) -> None:
        """Read the objects of these names, where there is one that is not too large."""
        asked = [name for name in dict.fromkeys(names) if name not in self._found]
        self._found.update(zip(asked, self._repo.find_objects(asked), strict=True))
        there = [found for name in asked if (found := self._found[name]) is not None]
        wanted = {f.id for f in there if f.kind in ("blob", "commit") and f.size <= MAX_BYTES}
        ids = sorted(wanted - self._contents.keys())
        contents = zip(ids, self._repo.read_objects(ids), strict=True)
        self._contents.update((oid, content[1]) for oid, content in contents if content is not None)

    def __getitem__(self, name: str) -> GitObject | None:
        """Return which object stands at a name that was fetched."""
        return self._found[name]

    def content(self, name: str) -> bytes | None:
        """Return what a name that was fetched holds; None where nothing was read."""
        found = self._found[name]
        return self._contents.get(found.id) if found is not None else None


@dataclass(frozen=True, slots=True)
class _CommitFiles:
    """The files of one commit that count, and its pipelines by the folder of each dvc.yaml."""

    params: Sequence[str]
    metrics: Sequence[str]
    pipelines: Mapping[str, DvcFiles]
    complaints: Sequence[str]


class _Reading:
    """What the records of some experiments are made of, read at once."""

    def __init__(self, project: Project, refs: Sequence[ForeignRef]) -> None:
        self._project = project
        self._objects = objects = _Objects(project.repo)
        # Equal files are parsed once, and are one tree in memory.
        self._parse_params, self._parse_metrics = cache(parse_params), cache(files.parse_metrics)
        self._read_pipeline = cache(_read_pipeline)
        commits = list(dict.fromkeys(ref.commit for ref in refs))
        places = folders(project.repo)
        first = [posixpath.join(folder, name) for folder in places for name in (DVC_YAML, DEFAULT_PARAMS)]
        objects.fetch([*commits, *(f"{commit}:{name}" for commit in commits for name in first)])
        self._plans = {commit: self._plan(commit, places) for commit in commits}
        objects.fetch(
            f"{commit}:{name}"
            for commit, plan in self._plans.items()
            for name in (*plan.params, *plan.metrics)
        )
        # dvc.lock is long, and needed only for what is in DVC's cache instead of Git.
        objects.fetch(
            f"{commit}:{posixpath.join(folder, DVC_LOCK)}"
            for commit, plan in self._plans.items()
            for folder, pipeline in plan.pipelines.items()
            if self._not_in_git(commit, pipeline)
        )

    def experiment(self, ref: ForeignRef) -> Stored | None:
        """Return what stands at a ref, or None if that is no commit."""
        found, data = self._objects[ref.commit], self._objects.content(ref.commit)
        if found is None:
            return _damaged(ref, "is not in this repository.")
        if found.kind != "commit":
            return None
        if data is None:
            return _damaged(ref, f"is too large: {found.size:,} bytes.")
        commit, plan = read_commit(data), self._plans[ref.commit]
        params, unread = parse_all(self._contents(ref.commit, plan.params), self._parse_params)
        metrics, bad = parse_all(self._metrics(ref.commit, plan), self._parse_metrics)
        commands = [pipeline.command for pipeline in plan.pipelines.values()]
        record = Record(
            ref.name,
            Status.DONE,
            ref.commit,
            ref.baseline,
            command=commands[0] if len(commands) == 1 else None,
            params=params,
            metrics=metrics,
            created=_time(commit.made),
            note=commit.note,
            warnings=(
                *plan.complaints,
                *self._too_large(ref.commit, [*plan.params, *plan.metrics]),
                *unread,
                *bad,
            ),
        )
        return Experiment(ref.name, ref.commit, record, source=SOURCE)

    def _plan(self, commit: str, folders: Sequence[str]) -> _CommitFiles:
        pipelines, complaints = {}, []
        for folder in folders:
            name = posixpath.join(folder, DVC_YAML)
            complaints += self._too_large(commit, [name])
            data = self._objects.content(f"{commit}:{name}")
            if data is None:
                continue
            beside = f"{commit}:{posixpath.join(folder, DEFAULT_PARAMS)}"
            variables = self._objects.content(beside) if dvc_yaml.is_templated(data) else None
            try:
                pipelines[folder] = self._read_pipeline(name, data, variables)
            except errors.FileError as error:
                complaints.append(f"not read: {error.message}")
        config, found = self._project.config, pipelines.values()
        # Usual names only where dvc.yaml gives none: each name that is looked for costs as much as one found.
        params = [path for each in found for path in each.params] or config.params
        metrics = [path for each in found for path in each.metrics] or config.metrics
        return _CommitFiles(
            _unique([DEFAULT_PARAMS], (path for path in config.params if path in config.declared), params),
            _unique((path for path in config.metrics if path in config.declared), metrics),
            pipelines,
            complaints,
        )

    def _contents(self, commit: str, names: Iterable[str]) -> dict[str, bytes | None]:
        return {name: self._objects.content(f"{commit}:{name}") for name in names}

    def _metrics(self, commit: str, plan: _CommitFiles) -> dict[str, bytes | None]:
        found = self._contents(commit, plan.metrics)
        for folder, pipeline in plan.pipelines.items():
            if wanted := self._not_in_git(commit, pipeline):
                outs = self._outs(commit, folder, pipeline)
                found.update((name, self._cached(folder, outs[name])) for name in wanted if name in outs)
        return found

    def _not_in_git(self, commit: str, pipeline: DvcFiles) -> list[str]:
        return [name for name in pipeline.cached if self._objects[f"{commit}:{name}"] is None]

    def _outs(self, commit: str, folder: str, pipeline: DvcFiles) -> dict[str, str]:
        """Return the MD5 of each output of a pipeline; a dvc.lock that cannot be read knows none."""
        name = posixpath.join(folder, DVC_LOCK)
        try:
            return dvc_yaml.read_lock(self._objects.content(f"{commit}:{name}") or b"", pipeline)
        except errors.FileError:
            return {}

    def _cached(self, folder: str, md5: str) -> bytes | None:
        """Return a file of the DVC cache that stands at or above the folder of a dvc.yaml."""
        for above in (PurePosixPath(folder), *PurePosixPath(folder).parents):
            for cache_folder in _CACHES:
                path = self._project.repo.root / above / cache_folder / md5[:2] / md5[2:]
                if (data := read(path)) is not None:
                    return data
        return None

    def _too_large(self, commit: str, names: Iterable[str]) -> list[str]:
        every = ((name, self._objects[f"{commit}:{name}"]) for name in names)
        return [
            f"not read: {name}: this file is larger than {MAX_BYTES >> 20} MiB"
            for name, found in every
            if found is not None and found.kind == "blob" and found.size > MAX_BYTES
        ]


def _read_pipeline(name: str, data: bytes, params: bytes | None) -> DvcFiles:
    variables: Tree = {}
    with contextlib.suppress(errors.FileError):  # as one of the params files it gives a warning
        variables = files.parse(DEFAULT_PARAMS, params or b"")
    return dvc_yaml.read_pipeline(name, data, variables)


def _unique(*names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(itertools.chain(*names)))


def _damaged(ref: ForeignRef, why: str) -> Damaged:
    return Damaged(ref.name, ref.commit, f"The commit of {ref.name} {why}", SOURCE)


def _time(seconds: int) -> str:
    try:
        return stamp(datetime.fromtimestamp(seconds, UTC))
    except (ValueError, OverflowError, OSError):
        return ""


_REF = re.compile(rb"refs/exps/([0-9a-f]{2})/([0-9a-f]{38}|[0-9a-f]{62})/([^/]+)")


_MADE = re.compile(rb"^committer [^\n]*> ([0-9]{1,11}) [+-][0-9]{4}$", re.MULTILINE)


_NO_NOTE = "dvc: commit experiment "  # what DVC writes where the user gave no message


_MOST_FOLDERS = 100


@dataclass(frozen=True, slots=True)
class DvcCommit:
    """When an experiment was made, in seconds since the epoch, and the user's message ("": none)."""

    made: int
    note: str


def refs(found: Sequence[Sequence[bytes]]) -> list[ForeignRef]:
    """DVC's experiments among some refs, in order of baseline and name; other refs are left out."""
    experiments = []
    for ref, oid in found:
        if match := _REF.fullmatch(ref):
            baseline = (match[1] + match[2]).decode()
            experiments.append(
                ForeignRef(match[3].decode("utf-8", "replace"), oid.decode(), baseline, SOURCE)
            )
    return experiments


def folders(repo: Repository) -> Sequence[str]:
    """Return the folders to look for a dvc.yaml in: the root, and where the index has one."""
    # One look at the index; to list the files of every experiment would take seconds.
    args = ("ls-files", "-z", "--", ":(top,glob)**/dvc.yaml")
    names = repo.run(*args, env={"GIT_LITERAL_PATHSPECS": "0"}).decode("utf-8", "surrogateescape")
    below = (name.rpartition("/")[0] for name in names.split("\0") if name)
    return list(dict.fromkeys(["", *below]))[:_MOST_FOLDERS]


def read_commit(data: bytes) -> DvcCommit:
    """Return what a commit object says; a date that cannot be read is 0."""
    head, _, message = data.partition(b"\n\n")
    made = _MADE.search(head)
    text = message.decode("utf-8", "replace").strip()
    return DvcCommit(int(made[1]) if made else 0, "" if text.startswith(_NO_NOTE) else text)
