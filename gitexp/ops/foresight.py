"""The workspace as a run will find it: with what will have been brought by then, as far as that is known."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from gitexp.data import paths
from gitexp.data.manifest import File, Manifest
from gitexp.data.scan import scan
from gitexp.data.stat_cache import StatCache
from gitexp.model import Artifact
from gitexp.ops.standing import MADE_AGAIN, Standing
from gitexp.pipeline.stage import ReadFile

Folder = Callable[[str], Manifest | None]  # the hash of a folder -> what is in it, None if nobody knows here
Content = Callable[[str], bytes | None]  # the hash of a file -> its content, None if it is not here


class Foresight(Standing):
    """What is expected at a path counts, in place of what stands there now."""

    def __init__(
        self,
        root: Path,
        cache: StatCache,
        read_file: ReadFile,
        has_modes: Callable[[], bool],
        folder: Folder,
        content: Content,
    ) -> None:
        super().__init__(root, cache, self._params_file(read_file, content), has_modes)
        self._folder = folder
        self._expected: dict[str, Artifact] = {}
        self._open: set[str] = set()
        self._foreseen: dict[tuple[str, bool], Artifact | None] = {}

    def expect(self, artifacts: Iterable[Artifact]) -> None:
        """Take it that these will be there."""
        self._expected.update((artifact.path, artifact) for artifact in artifacts)
        self._foreseen.clear()

    def leave_open(self, outs: Iterable[str]) -> None:
        """Take it that something will be written at these paths, and nobody knows what."""
        self._open.update(outs)

    def is_open(self, path: str) -> bool:
        """Return whether what will stand at a path cannot be known."""
        if any(paths.overlap(path, each) for each in self._open):
            return True
        near = [each for each in self._near(path) if each.path != path and each.is_folder]
        return any(self._folder(each.hash) is None for each in near)

    def artifact(self, path: str, *, read_only: bool = False) -> Artifact | None:
        asked = (path, read_only)
        if asked not in self._foreseen:
            near = self._near(path)
            if not near:
                return super().artifact(path, read_only=read_only)
            foreseen = self._foresee(path, near, read_only=read_only)
            self._foreseen[asked] = None if foreseen is None else self.as_seen(foreseen)
        return self._foreseen[asked]

    def _near(self, path: str) -> list[Artifact]:
        return [each for each in self._expected.values() if paths.overlap(each.path, path)]

    def _foresee(self, path: str, near: list[Artifact], *, read_only: bool) -> Artifact | None:
        but = MADE_AGAIN if read_only else ()
        around = next((each for each in near if paths.lies_in(path, each.path)), None)
        if around is None:
            found = scan(self._root, path, self._cache, but=but)
            there = found.manifest.files if found is not None and found.manifest is not None else ()
            gone = tuple(_below(each.path, path) for each in near)
            files = [file for file in there if not any(paths.lies_in(file.path, each) for each in gone)]
            files += [file for each in near for file in self._files(each, _below(each.path, path))]
        elif around.path == path and not around.is_folder:
            return around
        else:
            inside = _below(path, around.path)
            files = [
                file._replace(path=_below(file.path, inside))
                for file in self._files(around, "")
                if paths.lies_in(file.path, inside)
            ]
            if around.path != path and [file.path for file in files] == [""]:
                (file,) = files
                return Artifact(path, file.hash, file.size, executable=file.executable)
            if around.path == path and not any(_is_made_again(file, but) for file in files):
                return around
        manifest = Manifest.of(file for file in files if not _is_made_again(file, but))
        return Artifact(path, manifest.hash, manifest.size, len(manifest.files)) if files else None

    def _files(self, artifact: Artifact, prefix: str) -> list[File]:
        """Return the files of an artifact; `prefix` is where it stands in the folder that is asked for."""
        if not artifact.is_folder:
            return [File(prefix, artifact.hash, artifact.size, artifact.executable)]
        manifest = self._folder(artifact.hash)
        start = f"{prefix}/" if prefix else ""
        found = manifest.files if manifest is not None else ()
        return [file._replace(path=start + file.path) for file in found]

    def _params_file(self, read_file: ReadFile, content: Content) -> ReadFile:
        def read(name: str) -> bytes | None:
            if not self._near(name):
                return read_file(name)
            found = self.artifact(name)
            return None if found is None or found.is_folder else content(found.hash)

        return read


def _below(path: str, folder: str) -> str:
    """Return a path relative to a folder that it lies in, "" for that itself."""
    return path[len(folder) + 1 if folder else 0 :]


def _is_made_again(file: File, but: Iterable[str]) -> bool:
    return not set(file.path.split("/")).isdisjoint(but)
