"""The repository, its config and its experiments, as every operation needs them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from gitexp import config, errors, files
from gitexp.config import Config
from gitexp.model import Files, Tree
from gitexp.repo.git import Repository
from gitexp.repo.local import LocalState
from gitexp.repo.store import Store

Parser = Callable[[str, bytes], Tree]


@dataclass(frozen=True, slots=True)
class Project:
    """Open with `Project.open`; `here` is the folder the user stands in."""

    repo: Repository
    config: Config
    store: Store
    local: LocalState
    here: Path

    @classmethod
    def open(cls, here: Path | None = None) -> Project:
        """Return the project around `here` (default: the current folder).

        Raises what `Repository.find` and `config.load` raise.
        """
        here = (here or Path.cwd()).resolve()
        repo = Repository.find(here)
        return cls(repo, config.load(repo.root.resolve(), here), Store(repo), LocalState(repo), here)

    @property
    def folder(self) -> Path:
        """The project's own folder: where `command:` of the config runs."""
        return self.repo.root / self.config.folder

    def files_here(self) -> tuple[Files, Files]:
        """Return the params and the metrics of the workspace; what does not parse is left out."""
        found = {name: read(self.repo.root / name) for name in (*self.config.params, *self.config.metrics)}
        return self._parsed(found)

    def files_at(self, commits: Iterable[str]) -> dict[str, tuple[Files, Files]]:
        """Return for each commit the params and metrics in it, by one Git process for all."""
        names = (*self.config.params, *self.config.metrics)
        unique = list(dict.fromkeys(commits))
        blobs = iter(self.repo.read_blobs([f"{commit}:{name}" for commit in unique for name in names]))
        return {commit: self._parsed({name: next(blobs) for name in names}) for commit in unique}

    def _parsed(self, found: Mapping[str, bytes | None]) -> tuple[Files, Files]:
        params, _ = parse_all({name: found[name] for name in self.config.params}, files.parse)
        metrics, _ = parse_all({name: found[name] for name in self.config.metrics}, files.parse_metrics)
        return params, metrics


def read(path: Path) -> bytes | None:
    """Return the content of a file, or None if it is not there, cannot be read, or is a pipe or folder."""
    try:
        return path.read_bytes() if path.is_file() else None
    except OSError:
        return None


def parse_all(found: Mapping[str, bytes | None], parser: Parser) -> tuple[dict[str, Tree], list[str]]:
    """Return what the files say that are there and parse, and a sentence for each that does not."""
    trees, complaints = {}, []
    for name, data in found.items():
        if data is None:
            continue
        try:
            trees[name] = parser(name, data)
        except errors.FileError as error:
            complaints.append(f"not read: {error.message}")
    return trees, complaints
