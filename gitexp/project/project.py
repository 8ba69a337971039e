"""The repository, its config and its experiments, as every operation needs them."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from gitexp import errors, files, plugins
from gitexp.files.dvc_yaml import DVC_YAML
from gitexp.files.limits import read_if_there
from gitexp.files.parsed import Parsed
from gitexp.model import Files, Tree
from gitexp.named_tuple import NamedTuple
from gitexp.pipeline.stage import Pipeline, ReadFile, Stage
from gitexp.project import config_loading, stage_files
from gitexp.project.config import CONFIG_FILE, USUAL_PARAMS, Config
from gitexp.project.locked_files import LockedFiles
from gitexp.project.sections.directions import MAX, MIN
from gitexp.repo.experiments import Store
from gitexp.repo.git.git_calls import is_true
from gitexp.repo.git.locking import locks
from gitexp.repo.git.repository import Repository
from gitexp.repo.git.values import in_commit
from gitexp.repo.local import LocalState
from gitexp.words import shorten

Parser = Callable[[str, bytes], Parsed]


def _store(repo: Repository, config: Config) -> Store:
    """The experiments of a repository; their records will be signed if the config, or else Git's, says so."""
    store = Store(repo)
    signs = config.sign
    if signs is None:
        signs = repo.config.get("gpg.format") == "ssh" and is_true(repo.config.get("commit.gpgsign"))
    if signs:
        store.sign = plugins.load("trust", "signer")(repo)
    return store


class Contents(NamedTuple):
    """The params and metrics files of one place, and a complaint about each unreadable file."""

    params: Files
    metrics: Files
    complaints: list[str]


class Project(NamedTuple):
    """Open with `Project.open`; `here`: the user's current folder.

    `config_error`: the mistake in gitexp.yaml, if any: then the conventions hold.
    `dry_run`: operations say what they would do; no ref, file, record or remote changes.
    """

    repo: Repository
    config: Config
    store: Store
    local: LocalState
    here: Path
    config_error: errors.FileError | None = None
    dry_run: bool = False

    @classmethod
    def open(cls, here: Path | None = None, *, any_config: bool = False) -> Project:
        """The project around `here` (default: the current folder).

        With `any_config` a wrong gitexp.yaml is no error: the conventions hold then. Raises the errors of
        `Repository.find` and `config_loading.load`, and untrusted-repository.
        """
        here = (here or Path.cwd()).resolve()
        repo = Repository.find(here)
        locks.follow(repo.common_dir, repo.config.get(locks.SETTING, ""))
        local = LocalState(repo)
        local.refuse_links()
        root, error = repo.root.resolve(), None
        try:
            found = config_loading.load(root, here)
        except errors.FileError as wrong:
            if not any_config:
                raise
            found, error = config_loading.conventions(root, here), wrong
        return cls(repo, found, _store(repo, found), local, here, error)

    def reopened(self) -> Project:
        """The project with all configuration read again: less work than to look for the repository again.

        Raises the errors of `config_loading.load`, and untrusted-repository.
        """
        repo = self.repo.reopened()
        local = LocalState(repo)
        local.refuse_links()
        config = config_loading.load(repo.root.resolve(), self.here)
        return Project(repo, config, _store(repo, config), local, self.here)

    def typed(self, *paths: str) -> str:
        """Paths from the root as a user types them in a command: from the folder `here`, and quoted."""
        root = self.repo.root.resolve()
        words = []
        for path in paths:
            word = os.path.relpath(root / path, self.here).replace(os.sep, "/")
            if word.startswith("-"):
                word = f"./{word}"
            words.append(word)
        return shlex.join(words)

    def with_direction(self, metric: str, *, lowest: bool) -> Project:
        """The project as if its config said whether the lowest or the highest number of a metric is best."""
        directions = {**self.config.directions, metric: MIN if lowest else MAX}
        return self._replace(config=self.config._replace(directions=directions))

    @property
    def folder(self) -> Path:
        """The project's own folder: where `command:` of the config runs."""
        return self.repo.root / self.config.folder

    @property
    def config_file(self) -> str:
        """The path of the project's gitexp.yaml from the root, even of a missing file."""
        return (PurePosixPath(self.config.folder) / CONFIG_FILE).as_posix()

    def pipeline(self, read_file: ReadFile | None = None) -> Pipeline | None:
        """The stages of gitexp.yaml or dvc.yaml, if any.

        `read_file` gives the files of the variables in the stages, by their path from the root; by default
        the files of the workspace. Raises ParseError and ConfigError.
        """
        return stage_files.read_stages(self.repo.root, self.config, read_file)

    def at_home(self) -> Project:
        """The project for a new gitexp.yaml: this folder's if it looks like one, else the repository's."""
        for name in (CONFIG_FILE, DVC_YAML, *USUAL_PARAMS):
            if (self.folder / name).is_file():
                return self
        root = self.repo.root.resolve()
        return self._replace(config=config_loading.load(root, root))

    def elsewhere(self) -> tuple[str, ...]:
        """The paths whose content belongs in the object store, and not into Git: data, and outs."""
        paths = list(self.config.data)
        for stage in self._stages():
            paths += stage.in_store
        return tuple(paths)

    def written(self) -> tuple[str, ...]:
        """The paths written by runs: metrics, plots and outs, with the stages'."""
        paths = list(self.config.results)
        for stage in self._stages():
            paths += (*stage.in_store, *stage.in_git)
        return tuple(paths)

    def _stages(self) -> Sequence[Stage]:
        """The stages; none if they cannot be read."""
        try:
            pipeline = self.pipeline()
        except errors.FileError:  # a command may run beside stages that are wrong, or DVC's to understand
            return ()
        return pipeline.stages if pipeline is not None else ()

    def files_here(self) -> tuple[Files, Files]:
        """The params and the metrics of the workspace; an unreadable file is left out."""
        params, metrics, _ = self.read_here()
        return params, metrics

    def read_here(self, more: Iterable[str] = ()) -> Contents:
        """The params files (`more` than the config names) and metrics files of the workspace."""
        root = self.repo.root
        found = self._parsed({name: read_inside(root, name) for name in self._names(more)}, more)
        outside = [f"not read, a link to outside: {name}" for name in foreign(root, self._names(more))]
        return found._replace(complaints=[*found.complaints, *outside])

    def read_at(self, commits: Iterable[str], more: Iterable[str] = ()) -> dict[str, Contents]:
        """The same for each of some commits, with a single Git process.

        A file named by a commit's lock, and absent from Git, comes from the store.
        """
        unique, names = list(dict.fromkeys(commits)), self._names(more)
        locked = LockedFiles(self.repo.root, self.local.objects, self.config.folder)
        names = list(dict.fromkeys([*names, *locked.needs]))
        asked = []
        for commit in unique:
            asked += in_commit(commit, names)
        try:
            blobs = self.repo.read_blobs(asked)
        except errors.GitFailed:  # for one of them; that must not hide the others
            blobs = []
            for commit in unique:
                blobs += self._read_around_damage(in_commit(commit, names))
        contents = {}
        for at, commit in enumerate(unique):
            found = dict(zip(names, blobs[at * len(names) : (at + 1) * len(names)], strict=True))
            missing = [name for name in self._names(more) if found[name] is None]
            stored, absent = locked.find(found, missing)
            parsed = self._parsed({**found, **stored}, more)
            contents[commit] = parsed._replace(complaints=[*parsed.complaints, *absent])
        return contents

    def _read_around_damage(self, names: Sequence[str]) -> list[bytes | None]:
        try:
            return self.repo.read_blobs(names)
        except errors.GitFailed:
            return [None] * len(names)

    def _names(self, more: Iterable[str]) -> list[str]:
        return list(dict.fromkeys([*self.config.params, *more, *self.config.metrics]))

    def _parsed(self, found: Mapping[str, bytes | None], more: Iterable[str]) -> Contents:
        config = self.config
        params, unread = parse_all(found, parse_params, (*config.params, *more))
        metrics, bad = parse_all(found, files.parse_metrics, config.metrics)
        return Contents(params, metrics, [*unread, *bad])


def parse_params(name: str, data: bytes) -> Parsed:
    """The values of a params file in the form of a record: infinity and NaN are texts."""
    found = files.parse_params(name, data)
    return found._replace(tree=files.jsonable(found.tree))


def read(path: Path) -> bytes | None:
    """The content of a file; None for a missing or unreadable file, a pipe or a folder.

    Of a file too large to parse, only the beginning is read.
    """
    try:
        return read_if_there(path)
    except OSError:
        return None


def read_inside(root: Path, name: str) -> bytes | None:
    """The same of a file below the root; None too for a link to outside: the target is private."""
    file = root / name
    if file.is_file() and inside(root, name) is None:
        return None
    return read(file)


def inside(root: Path, name: str | Path) -> str | None:
    """The real path of a file relative to the root; None if it lies outside of the repository."""
    real, top = (root / name).resolve(), root.resolve()
    if not real.is_relative_to(top) or ".git" in real.relative_to(top).parts:
        return None
    return real.relative_to(top).as_posix()


def foreign(root: Path, names: Iterable[str]) -> list[str]:
    """The names of the files that are links to outside the repository."""
    found = []
    for name in names:
        if (root / name).is_file() and inside(root, name) is None:
            found.append(name)
    return found


def warning_of(unrecorded: Sequence[str]) -> tuple[str, ...]:
    """The warning about files whose content a record does not have, because they are links."""
    if not unrecorded:
        return ()
    return (f"not recorded, a link to outside the repository: {shorten(unrecorded)}",)


def parse_all(
    found: Mapping[str, bytes | None], parser: Parser, names: Iterable[str] | None = None
) -> tuple[dict[str, Tree], list[str]]:
    """The trees of the existing files, and a complaint about each unreadable file or value.

    `names` are the files to parse; None: all of them.
    """
    trees, complaints = {}, list[str]()
    for name in found if names is None else names:
        data = found[name]
        if data is None:
            continue
        try:
            trees[name], left_out = parser(name, data)
            complaints += left_out
        except errors.FileError as error:
            complaints.append(f"not read: {error.message}")
    return trees, complaints
