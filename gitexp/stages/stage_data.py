"""The data of one workspace as the stages see it: their inputs and outs at this moment."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from gitexp import errors, files
from gitexp.datasets.workspace import MADE_AGAIN, WorkspaceData
from gitexp.files.keys import format_key, get, parse_key, resolve
from gitexp.model import MISSING, Artifact, Flat, Tree, Value
from gitexp.objects.scan import Scanned, scan
from gitexp.objects.stat_cache import StatCache
from gitexp.pipeline.lock import LockedStage
from gitexp.pipeline.stage import ParamsDep, ReadFile, Stage
from gitexp.words import did_you_mean

UNSTORABLE = "unstorable"  # in place of a hash: no artifact has it


class StageData(WorkspaceData):
    """The data of a workspace, with the inputs and outs of stages. `read_file` gives the params files."""

    def __init__(
        self, root: Path, cache: StatCache, read_file: ReadFile, has_modes: Callable[[], bool]
    ) -> None:
        super().__init__(root, cache, has_modes)
        self._read_file = read_file
        self._parsed: dict[str, tuple[bytes, Tree]] = {}

    def inputs(self, stage: Stage) -> LockedStage:
        """The inputs of a stage, without absent deps. Raises UnknownParam, ParseError, UnstorableData."""
        deps = list[Artifact]()
        for path in stage.deps:
            found = self.artifact(path, read_only=True)
            if found is not None:
                deps.append(found)
        deps.sort(key=lambda dep: dep.path)
        return LockedStage(stage.commands, stage.wdir, tuple(deps), self.params(stage))

    def params(self, stage: Stage) -> dict[str, Flat]:
        """The values of a stage's params, by file. Raises UnknownParam, ParseError."""
        params: dict[str, dict[str, Value]] = {}
        for wanted in stage.params:
            params.setdefault(wanted.file, {}).update(self._params(stage, wanted))
        return {**params}

    def outs(self, stage: Stage) -> dict[str, Artifact | None]:
        """The present artifacts of a stage's outs, by path; None for an absent out.

        Unstorable files do not count, here and in the stored out.
        """
        return {out.path: self.artifact(out.path) for out in stage.outs}

    def scanned(self, path: str, *, read_only: bool = False) -> Scanned | None:
        """The artifact at a path with its files, without unstorable files; None for an empty place.

        A path unfit for an artifact, like a pipe, has the hash UNSTORABLE.
        """
        but = MADE_AGAIN if read_only else ()
        try:
            found = scan(self._root, path, self.cache, but=but, left_out={}, as_stored=not read_only)
        except errors.UnstorableData:
            if read_only:
                raise
            return Scanned(Artifact(path, UNSTORABLE, 0))
        return self._as_seen(found)

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
