"""The stages of one workspace as they stand: what each would read now, and what it has written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from gitexp import errors, files
from gitexp.files.keys import format_key, get, parse_key, resolve
from gitexp.model import MISSING, Artifact, Flat, Tree, Value
from gitexp.objects.scan import scan
from gitexp.objects.stat_cache import StatCache
from gitexp.pipeline.lock import LOCK_FILE, LockedStage
from gitexp.pipeline.stage import ParamsDep, ReadFile, Stage
from gitexp.words import did_you_mean

# What Python leaves beside the code that it runs, and makes again by itself: it is other bytes each time. So
# is the lock, which is rewritten after every stage.
MADE_AGAIN = (
    "__pycache__",
    ".pytest_cache",
    ".mypy_cache",
    ".ruff_cache",
    ".ipynb_checkpoints",
    LOCK_FILE,
)


class WorkspaceData:
    """Looks at each path once, until it is told to `forget`.

    `read_file` gives the params files: as they are, or as they will be. What the disk says of who may
    execute a file counts if it `has_modes`; that is asked only for one that seems to be executable.
    """

    def __init__(
        self, root: Path, cache: StatCache, read_file: ReadFile, has_modes: Callable[[], bool]
    ) -> None:
        self._root = root
        self._cache = cache
        self._read_file = read_file
        self._has_modes = has_modes
        self._scanned: dict[tuple[str, bool], Artifact | None] = {}
        self._parsed: dict[str, tuple[bytes, Tree]] = {}

    def forget(self) -> None:
        """Look at all anew: a command has run, which may have written anything."""
        self._scanned.clear()

    def artifact(self, path: str, *, read_only: bool = False) -> Artifact | None:
        """Return what stands at a path, None if nothing does; raises UnstorableData.

        Of what a stage only reads, the caches of Python and the lock do not count.
        """
        asked = (path, read_only)
        if asked not in self._scanned:
            found = scan(self._root, path, self._cache, but=MADE_AGAIN if read_only else ())
            self._scanned[asked] = None if found is None else self.as_seen(found.artifact)
        return self._scanned[asked]

    def as_seen(self, artifact: Artifact) -> Artifact:
        """Return an artifact as the disk would show it."""
        if artifact.executable and not self._has_modes():
            return replace(artifact, executable=False)
        return artifact

    def differs(self, now: Artifact, locked: Artifact) -> bool:
        """Return whether what stands at a path, as `artifact` gives it, is not what a lock says."""
        return now.content != self.as_seen(locked).content

    def inputs(self, stage: Stage) -> LockedStage:
        """Return what a stage would read; deps that are not there are left out.

        Raises UnknownParam for a param that no file has, ParseError, UnstorableData.
        """
        found = [self.artifact(dep, read_only=True) for dep in stage.deps]
        return LockedStage(
            commands=stage.commands,
            wdir=stage.wdir,
            deps=tuple(sorted((dep for dep in found if dep is not None), key=lambda dep: dep.path)),
            params=self.params(stage),
        )

    def params(self, stage: Stage) -> dict[str, Flat]:
        """Return the values of a stage's params, by file; raises UnknownParam, ParseError."""
        params: dict[str, dict[str, Value]] = {}
        for wanted in stage.params:
            params.setdefault(wanted.file, {}).update(self._params(stage, wanted))
        return {**params}

    def outs(self, stage: Stage) -> dict[str, Artifact | None]:
        """Return what stands at the paths of a stage's outs."""
        return {out.path: self.artifact(out.path) for out in stage.outs}

    def _params(self, stage: Stage, wanted: ParamsDep) -> Flat:
        tree = self._tree(wanted.file)
        if tree is None:
            raise errors.GitexpError(
                f"The stage {stage.name} reads params of {wanted.file}, which is not there.",
                "Write the file, or take it out of the stage's params.",
                code="unknown-param",
            )
        if wanted.keys is None:
            return files.flatten(tree)
        found: dict[str, Value] = {}
        for text in wanted.keys:
            key = resolve(tree, parse_key(text))
            value = get(tree, key)
            if value is MISSING:
                raise errors.GitexpError(
                    f"The stage {stage.name} reads the param {text}, which {wanted.file} does not have.",
                    did_you_mean(text, files.flatten(tree), f"Add it to {wanted.file}.", most=1),
                    code="unknown-param",
                )
            found.update(_flat(format_key(key), value))
        return found

    def _tree(self, name: str) -> Tree | None:
        data = self._read_file(name)
        if data is None:
            return None
        if name not in self._parsed or self._parsed[name][0] != data:
            self._parsed[name] = (data, files.parse(name, data))
        return self._parsed[name][1]


def _flat(key: str, value: Value) -> dict[str, Value]:
    if not isinstance(value, dict) or not value:
        return {key: value}
    return {f"{key}.{below}": item for below, item in files.flatten(value).items()}
