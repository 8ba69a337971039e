"""DVC's experiments as experiments of gitexp: read, never changed.

A handful of Git processes reads any number of experiments: objects are requested by name all at once. Each
object is read and parsed once, for most experiments share most of their files.
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

from gitexp import errors, files
from gitexp.catalog.sources import OWN, ForeignRef
from gitexp.files import dvc_yaml
from gitexp.files.dvc_yaml import DEFAULT_PARAMS, DVC_LOCK, DVC_YAML, DvcFiles
from gitexp.files.limits import MAX_BYTES
from gitexp.model import Damaged, Experiment, Record, Status, Stored, Tree
from gitexp.project.project import Project, parse_all, parse_params
from gitexp.project.tools import dvc_cache
from gitexp.regex import regex
from gitexp.repo.git import failures
from gitexp.repo.git.repository import Repository
from gitexp.repo.git.values import GitObject, in_commit
from gitexp.times import stamp

SOURCE = "dvc"

_REF = regex(rb"refs/exps/([0-9a-f]{2})/([0-9a-f]{38}|[0-9a-f]{62})/([^/]+)")
_MADE = regex(rb"^committer [^\n]*> ([0-9]{1,11}) [+-][0-9]{4}$", re.MULTILINE)
MARK = "Written by gitexp from "  # in the message of a commit that gitexp has written there
_MARKED = regex(rf"^{MARK}([0-9a-f]{{40,64}})$", re.MULTILINE)
_NO_NOTE = "dvc: commit experiment "  # the beginning of DVC's own message, without one of the user's
_MOST_FOLDERS = 100


class DvcSource:
    """The source of DVC's experiments for `gitexp.catalog.sources`."""

    title = "DVC"

    def refs(self, found: Sequence[Sequence[bytes]]) -> list[ForeignRef]:
        return refs(found)

    def read(self, project: Project, refs: Sequence[ForeignRef]) -> list[Stored]:
        return read_refs(project, refs)


def read_refs(project: Project, refs: Sequence[ForeignRef]) -> list[Stored]:
    """The experiments at some refs, without refs to other objects than commits."""
    if not refs:
        return []
    try:
        reading = _Reading(project, refs)
        experiments = map(reading.experiment, refs)
        return [experiment for experiment in experiments if experiment is not None]
    except errors.GitFailed as error:
        if len(refs) == 1:
            return [_damaged(refs[0], f"cannot be read: {failures.reason(error)}")]
        # Git stops at the first damaged object, which must not hide the others.
        half = len(refs) // 2
        return read_refs(project, refs[:half]) + read_refs(project, refs[half:])


class _Objects:
    """Git objects by `<revision>` or `<revision>:<path>`: requested together, each read once."""

    def __init__(self, repo: Repository) -> None:
        self._repo = repo
        self._found: dict[str, GitObject | None] = {}
        self._contents: dict[str, bytes] = {}

    def fetch(self, names: Iterable[str]) -> None:
        """Read the objects with some names; missing and too large ones are left out."""
        asked = [name for name in dict.fromkeys(names) if name not in self._found]
        self._found.update(zip(asked, self._repo.find_objects(asked), strict=True))
        wanted = set()
        for name in asked:
            found = self._found[name]
            if found is not None and found.kind in ("blob", "commit") and found.size <= MAX_BYTES:
                wanted.add(found.id)
        ids = sorted(wanted - self._contents.keys())
        for oid, content in zip(ids, self._repo.read_objects(ids), strict=True):
            if content is not None:
                self._contents[oid] = content[1]

    def __getitem__(self, name: str) -> GitObject | None:
        """The object at a fetched name, if any."""
        return self._found[name]

    def content(self, name: str) -> bytes | None:
        """The content of the object at a fetched name; None if it was not read."""
        found = self._found[name]
        if found is None:
            return None
        return self._contents.get(found.id)


@dataclass(frozen=True, slots=True)
class _CommitFiles:
    """The relevant files of one commit.

    Attributes:
        params, metrics: paths.
        pipelines: by the folder of each dvc.yaml.
        complaints: a sentence for each unreadable dvc.yaml.
    """

    params: Sequence[str]
    metrics: Sequence[str]
    pipelines: Mapping[str, DvcFiles]
    complaints: Sequence[str]


class _Reading:
    """The objects behind the records of some experiments, read at once."""

    def __init__(self, project: Project, refs: Sequence[ForeignRef]) -> None:
        self._project = project
        self._objects = objects = _Objects(project.repo)
        # Equal files are parsed once, into one tree in memory.
        self._parse_params, self._parse_metrics = cache(parse_params), cache(files.parse_metrics)
        self._read_pipeline = cache(_read_pipeline)
        commits = list(dict.fromkeys(ref.commit for ref in refs))
        places = folders(project.repo)
        first = list(itertools.starmap(posixpath.join, itertools.product(places, (DVC_YAML, DEFAULT_PARAMS))))
        names = list(commits)
        for commit in commits:
            names += in_commit(commit, first)
        objects.fetch(names)
        self._plans = {commit: self._plan(commit, places) for commit in commits}
        names = []
        for commit, plan in self._plans.items():
            names += in_commit(commit, (*plan.params, *plan.metrics))
        objects.fetch(names)
        # dvc.lock is long, and needed only for files in DVC's cache instead of Git.
        locks = []
        for commit, plan in self._plans.items():
            if self._not_in_git(commit, plan):
                locks += [f"{commit}:{posixpath.join(folder, DVC_LOCK)}" for folder in plan.pipelines]
        objects.fetch(locks)

    def experiment(self, ref: ForeignRef) -> Stored | None:
        """The experiment at a ref; None if the ref holds no commit."""
        found, data = self._objects[ref.commit], self._objects.content(ref.commit)
        if found is None:
            return _damaged(ref, "is not in this repository.")
        if found.kind != "commit":
            return None
        if data is None:
            return _damaged(ref, f"is too large: {found.size:,} bytes.")
        commit, plan = read_commit(data), self._plans[ref.commit]
        params, unread = parse_all(self._contents(ref.commit, plan.params), self._parse_params)
        contents, absent = self._metrics(ref.commit, plan)
        metrics, bad = parse_all(contents, self._parse_metrics)
        command = None
        if len(plan.pipelines) == 1:
            (pipeline,) = plan.pipelines.values()
            command = pipeline.command
        record = Record(
            ref.name,
            Status.DONE,
            ref.commit,
            ref.baseline,
            command=command,
            params=params,
            metrics=metrics,
            created=_time(commit.made),
            note=commit.note,
            imported=commit.imported,
            warnings=(
                *plan.complaints,
                *self._too_large(ref.commit, [*plan.params, *plan.metrics]),
                *unread,
                *bad,
                *absent,
            ),
        )
        return Experiment(ref.name, ref.commit, record, source=SOURCE)

    def _plan(self, commit: str, folders: Sequence[str]) -> _CommitFiles:
        pipelines, complaints = self._pipelines(commit, folders)
        config = self._project.config
        params, metrics = list[str](), list[str]()
        for each in pipelines.values():
            params += each.params
            metrics += each.metrics
        # Usual names only without names in dvc.yaml: to look for a missing file costs as much as for another.
        return _CommitFiles(
            _unique(
                [DEFAULT_PARAMS], filter(config.declared.__contains__, config.params), params or config.params
            ),
            _unique(filter(config.declared.__contains__, config.metrics), metrics or config.metrics),
            pipelines,
            complaints,
        )

    def _pipelines(self, commit: str, folders: Sequence[str]) -> tuple[dict[str, DvcFiles], list[str]]:
        """The dvc.yaml of each folder, and a sentence for each that could not be read."""
        pipelines, complaints = {}, []
        for folder in folders:
            name = posixpath.join(folder, DVC_YAML)
            complaints += self._too_large(commit, [name])
            data = self._objects.content(f"{commit}:{name}")
            if data is None:
                continue
            beside = f"{commit}:{posixpath.join(folder, DEFAULT_PARAMS)}"
            variables = None
            if dvc_yaml.is_templated(data):
                variables = self._objects.content(beside)
            try:
                pipelines[folder] = self._read_pipeline(name, data, variables)
            except errors.FileError as error:
                complaints.append(f"not read: {error.message}")
        return pipelines, complaints

    def _contents(self, commit: str, names: Iterable[str]) -> dict[str, bytes | None]:
        return {name: self._objects.content(f"{commit}:{name}") for name in names}

    def _metrics(self, commit: str, plan: _CommitFiles) -> tuple[dict[str, bytes | None], list[str]]:
        """The content of each metrics file, and a sentence for each missing content."""
        found, absent = self._contents(commit, plan.metrics), []
        if wanted := self._not_in_git(commit, plan):
            root = self._project.repo.root
            for folder, pipeline in plan.pipelines.items():
                outs = self._outs(commit, folder, pipeline)
                for name in wanted:
                    try:
                        found[name] = dvc_cache.read_out(root, folder, outs, name) or found[name]
                    except errors.MissingData as error:
                        absent.append(f"not read: {name}: {error.message}")
        return found, absent

    def _not_in_git(self, commit: str, plan: _CommitFiles) -> list[str]:
        return [name for name in plan.metrics if self._objects[f"{commit}:{name}"] is None]

    def _outs(self, commit: str, folder: str, pipeline: DvcFiles) -> dict[str, str]:
        """The MD5 of each output of a pipeline; none if dvc.lock cannot be read."""
        name = posixpath.join(folder, DVC_LOCK)
        try:
            return dvc_yaml.read_lock(self._objects.content(f"{commit}:{name}") or b"", pipeline)
        except errors.FileError:
            return {}

    def _too_large(self, commit: str, names: Iterable[str]) -> list[str]:
        complaints = []
        for name in names:
            found = self._objects[f"{commit}:{name}"]
            if found is not None and found.kind == "blob" and found.size > MAX_BYTES:
                complaints.append(f"not read: {name}: this file is larger than {MAX_BYTES >> 20} MiB")
        return complaints


def _read_pipeline(name: str, data: bytes, params: bytes | None) -> DvcFiles:
    variables: Tree = {}
    with contextlib.suppress(errors.FileError):  # the same file gives a warning among the params files
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


@dataclass(frozen=True, slots=True)
class DvcCommit:
    """The content of a commit object.

    Attributes:
        made: the time of the commit, in seconds since the epoch; 0 if unreadable.
        note: the user's message, or "".
        imported: the experiment of gitexp's that was written there, as in a record; {} for DVC's own.
    """

    made: int
    note: str
    imported: Mapping[str, str]


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
    """The root, and the folders with a dvc.yaml in the index."""
    # One look at the index: a list of the files of all experiments would take seconds.
    args = ("ls-files", "-z", "--", ":(top,glob)**/dvc.yaml")
    names = repo.run(*args, env={"GIT_LITERAL_PATHSPECS": "0"}).decode("utf-8", "surrogateescape")
    below = (name.rpartition("/")[0] for name in names.split("\0") if name)
    return list(dict.fromkeys(["", *below]))[:_MOST_FOLDERS]


def read_commit(data: bytes) -> DvcCommit:
    """The parsed content of a commit object."""
    head, _, message = data.partition(b"\n\n")
    found = _MADE.search(head)
    made = 0
    if found:
        made = int(found[1])
    text = message.decode("utf-8", "replace").strip()
    imported = {}
    if mark := _MARKED.search(text):
        imported = {"from": OWN, "id": mark[1]}
        text = text[: mark.start()].strip()
    if text.startswith(_NO_NOTE):
        text = ""
    return DvcCommit(made, text, imported)
