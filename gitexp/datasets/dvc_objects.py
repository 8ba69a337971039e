"""HashedContent that DVC has, for gitexp's object store: found by MD5, and named by SHA-256.

Nothing is copied before somebody wants it. An index remembers both hashes of a content, so each file of
DVC's cache is read once. DVC's files are never changed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path

from gitexp import errors, nofollow
from gitexp.datasets.dvc_index import DvcIndex, HashedContent
from gitexp.datasets.dvc_servers import DvcServers
from gitexp.failpoints import failpoint
from gitexp.files.dvc_lock import DvcEntry
from gitexp.model import Artifact
from gitexp.objects import md5 as md5s
from gitexp.objects.disk import translated
from gitexp.objects.hashing import copied, in_parallel
from gitexp.objects.intake import Intake
from gitexp.objects.manifest import File, Manifest, is_folder
from gitexp.objects.md5 import BothHashes
from gitexp.objects.scan import Scanned
from gitexp.objects.stat_cache import StatCache
from gitexp.objects.store import ObjectStore
from gitexp.project.project import Project
from gitexp.project.tools import dvc_cache

_PLACES = "dvc.places"  # other repositories, a line of JSON each
_BATCH = 1000  # files between two writes of the index


def remember_place(project: Project, other: Project) -> None:
    """Have content looked for in the caches of another repository, too."""
    place = json.dumps([str(other.repo.root.resolve()), other.config.folder])
    known = [json.dumps([str(root), folder]) for root, folder in _places(project)]
    if place not in known:
        project.local.prepare()
        with nofollow.opened(project.local.root) as folder:
            folder.append(_PLACES, f"{place}\n".encode())


def _places(project: Project) -> list[tuple[Path, str]]:
    """The root and the folder of each remembered project of another repository."""
    found = []
    with contextlib.suppress(OSError):
        for line in nofollow.read(project.local.root, _PLACES).splitlines():
            with contextlib.suppress(ValueError, TypeError):
                root, folder = json.loads(line)
                found.append((Path(root), str(folder)))
    return found


class DvcObjects:
    """DVC's caches and remotes as seen from a project.

    With `keeps`, the list of each described folder is stored; the files stay with DVC. With `ask_servers`,
    unknown content is downloaded from DVC's remotes on servers, into the store.

    Attributes:
        complaints: sentences about content that cannot be used.
    """

    def __init__(self, project: Project, *, keeps: bool = False, ask_servers: bool = False) -> None:
        self._project = project
        self._root, self._folder = project.repo.root, project.config.folder
        self._keeps, self._ask_servers = keeps, ask_servers
        self._store = ObjectStore(project.local.objects)
        self._manifests: dict[str, Manifest] = {}
        self._absent = set[str]()
        self._in_workspace = set[str]()
        self.complaints: list[str] = []

    @cached_property
    def is_used(self) -> bool:
        """Whether the project uses DVC at all, or has imported experiments of a repository that does."""
        return dvc_cache.has_dvc(self._root, self._folder) or bool(_places(self._project))

    # -- named by DVC -----------------------------------------------------------------------------

    def artifact(self, entry: DvcEntry) -> Artifact | None:
        """The content of an entry as an artifact; None for content that is not here."""
        found = self.artifacts([entry])
        return found[0]

    def artifacts(self, entries: Sequence[DvcEntry]) -> list[Artifact | None]:
        """The content of each entry as an artifact; files of DVC's cache that are new are read together."""
        lists = [self._listed(entry) for entry in entries]
        wanted = list[str]()
        for files in lists:
            wanted += [file.md5 for file in files or ()]
        self._learn(wanted)
        return [self._described(*each) for each in zip(entries, lists, strict=True)]

    def is_here(self, entry: DvcEntry) -> bool:
        """Whether the file of an entry, or the list of its folder, is in a cache; nothing is read."""
        return self._caches.locate(entry.md5) is not None

    def note(self, found: Iterable[BothHashes]) -> None:
        """Remember both hashes of some files."""
        self._index.add(_contents(found))

    def md5s(self, hash_: str) -> Sequence[str]:
        """The known MD5s of a content."""
        return self._index.md5s(hash_)

    def take_note(self, root: Path, found: Scanned, cache: StatCache) -> None:
        """Count a file or folder of the workspace at `root`, which DVC knows, as content to be had.

        With `keeps`, content that DVC's cache lacks is stored. Raises the errors of `ObjectStore.add`.
        """
        hashes = [found.artifact.hash]
        if found.manifest is not None:
            self._manifests[found.manifest.hash] = found.manifest
            hashes = [file.hash for file in found.manifest.files]
        lacking = [hash_ for hash_ in self._store.missing(hashes) if self._place_of(hash_) is None]
        if lacking and self._keeps:
            self._project.local.prepare()
            self._store.add(root, found.artifact.path, cache)
        elif found.manifest is not None and self._keeps:
            self._keep(found.manifest)
        self._in_workspace.update(lacking)

    def keep_content(self, content: bytes) -> None:
        """Store the content of a small file, which is in Git and perhaps not in DVC's cache."""
        hash_ = hashlib.sha256(content).hexdigest()
        if self._keeps and not self._store.has(hash_):
            self._project.local.prepare()
            temporary = self._store.new_temp()
            temporary.write_bytes(content)
            self._store.adopt(temporary, hash_)

    def keep_list(self, manifest: Manifest) -> None:
        """Store the list of a folder whose files are stored."""
        self._manifests[manifest.hash] = manifest
        if self._keeps:
            self._keep(manifest)

    def _listed(self, entry: DvcEntry) -> list[dvc_cache.ListedFile] | None:
        """The files of an entry; None if they are unknown here."""
        if not entry.is_folder:
            return [dvc_cache.ListedFile("", entry.md5, entry.executable)]
        try:
            return self._caches.listed(entry.md5)
        except errors.MissingData:
            if self._ask_servers and (text := self._servers.read(entry.md5)) is not None:
                return dvc_cache.parsed_list(text, entry.md5)
        except errors.UnstorableData as error:
            self.complaints.append(f"{entry.path}: {error.message}")
        return None

    def _described(self, entry: DvcEntry, listed: list[dvc_cache.ListedFile] | None) -> Artifact | None:
        if listed is None or not entry.md5:
            return None
        files = list[File]()
        for each in listed:
            content = self._index.by_md5(each.md5)
            if content is None or not (self._store.has(content.hash) or self._place_of(content.hash)):
                return None
            files.append(File(each.path, content.hash, content.size, each.executable))
        if not entry.is_folder:
            (file,) = files
            return Artifact(entry.path, file.hash, file.size, executable=file.executable)
        manifest = Manifest.of(files)
        self._manifests[manifest.hash] = manifest
        if self._keeps:
            self._keep(manifest)
        return Artifact(entry.path, manifest.hash, manifest.size, len(files))

    def _learn(self, wanted: Iterable[str]) -> None:
        """Read the files of DVC's cache with some MD5s, unless the index has them."""
        places = dict[str, Path]()
        for md5 in dict.fromkeys(wanted):
            if md5 and md5 not in self._absent and self._index.by_md5(md5) is None:
                place = self._caches.locate(md5)
                if place is not None:
                    places[md5] = place
                elif not (self._ask_servers and self._download(md5)):
                    self._absent.add(md5)
        items = list(places.items())
        for at in range(0, len(items), _BATCH):
            batch = items[at : at + _BATCH]
            size = sum(_size(place) for _, place in batch)
            found = list(in_parallel(_read, [place for _, place in batch], size))
            self._index.add(self._genuine(batch, found))

    def _genuine(
        self, batch: Sequence[tuple[str, Path]], found: Iterable[BothHashes | None]
    ) -> Iterator[HashedContent]:
        """The content of files of the cache that have the MD5 of their name."""
        for (md5, place), both in zip(batch, found, strict=True):
            if both is None:
                self._absent.add(md5)
            elif md5 not in (both.md5, both.legacy):
                self._absent.add(md5)
                self.complaints.append(f"damaged in DVC's cache, and not used: {place}")
            else:
                yield from _contents([both])

    def _download(self, md5: str) -> bool:
        """Whether a file was fetched from one of DVC's servers, into the store."""
        self._project.local.prepare()
        temporary = self._store.new_temp()
        try:
            if not self._servers.get(md5, temporary):
                return False
            both = md5s.read_both(temporary)
            if md5 not in (both.md5, both.legacy):
                self.complaints.append(f"damaged on DVC's remote, and not used: {md5}")
                return False
            self._store.adopt(temporary, both.read.hash)
            self._index.add(_contents([both]))
            return True
        finally:
            temporary.unlink(missing_ok=True)

    # -- wanted by gitexp -------------------------------------------------------------------------

    def manifest(self, hash_: str) -> Manifest | None:
        """The files of a folder that was described here."""
        return self._manifests.get(hash_)

    def has(self, hash_: str) -> bool:
        """Whether an object can be had from DVC on this machine."""
        if is_folder(hash_):
            return hash_ in self._manifests
        return hash_ in self._in_workspace or self._place_of(hash_) is not None

    def read(self, hash_: str, most: int) -> bytes | None:
        """The first bytes of a file, unverified; None if DVC does not have it here."""
        place = self._place_of(hash_)
        if place is None:
            return None
        try:
            with place.open("rb") as file:
                return file.read(most)
        except OSError:
            return None

    def _keep(self, manifest: Manifest) -> None:
        if not self._store.has(manifest.hash):
            self._project.local.prepare()
            self._store.put_manifest(manifest)

    def supply(self, hashes: Iterable[str]) -> tuple[int, int]:
        """Copy missing objects of some artifacts into the store, as far as DVC has them.

        Returns:
            The number of copied objects, and their bytes.

        Raises DiskFull or StorageError.
        """
        wanted = list[str]()
        for hash_ in dict.fromkeys(hashes):
            if hash_ in self._manifests:
                self._keep(self._manifests[hash_])
            try:
                wanted += self._store.contents(hash_)
            except errors.DataError:
                continue
        places = {hash_: self._place_of(hash_) for hash_ in self._store.missing(wanted)}
        items = [(hash_, place) for hash_, place in places.items() if place is not None]
        sizes = list[int]()
        if items:
            self._project.local.prepare()
            size = sum(_size(place) for _, place in items)
            with translated("could not copy from DVC's cache"), self._store.intake() as intake:
                copies = in_parallel(lambda item: self._copy(intake, *item), items, size)
                sizes += [copy for copy in copies if copy is not None]
            failpoint("dvc:copied")
        for hash_ in places:
            if places[hash_] is None and self._servers_have(hash_):
                sizes.append(self._store.path(hash_).stat().st_size)
        return len(sizes), sum(sizes)

    def _copy(self, intake: Intake, hash_: str, place: Path) -> int | None:
        """Copy a file of DVC's cache; the bytes copied, None for a file that is damaged or unreadable."""
        target, temporary = intake.new()
        try:
            read = copied(place, target, temporary, lambda count: None, stays="source")
        except (OSError, errors.UnstorableData) as error:
            self.complaints.append(f"not readable in DVC's cache: {place}: {error}")
            return None
        finally:
            os.close(target)
        if read.hash != hash_:
            self.complaints.append(f"damaged in DVC's cache, and not used: {place}")
            Path(temporary).unlink()
            return None
        self._store.take_over(intake, Path(temporary), hash_)
        return read.stat.st_size

    def _servers_have(self, hash_: str) -> bool:
        return any(self._download(md5) for md5 in self._index.md5s(hash_))

    def _place_of(self, hash_: str) -> Path | None:
        if not self.is_used:
            return None
        for md5 in self._index.md5s(hash_):
            if (place := self._caches.locate(md5)) is not None:
                return place
        return None

    @cached_property
    def _index(self) -> DvcIndex:
        return DvcIndex(self._project.local.root)

    @cached_property
    def _caches(self) -> dvc_cache.Caches:
        caches = dvc_cache.Caches(self._root, self._folder)
        for root, folder in _places(self._project):
            caches = caches.with_more(root, folder)
        return caches

    @cached_property
    def _servers(self) -> DvcServers:
        return DvcServers(dvc_cache.server_remotes(self._root, self._folder), self._project.folder)


def _contents(found: Iterable[BothHashes]) -> Iterator[HashedContent]:
    for both in found:
        for md5 in dict.fromkeys((both.md5, both.legacy)):
            yield HashedContent(both.read.hash, both.read.stat.st_size, md5)


def _read(place: Path) -> BothHashes | None:
    """The hashes of a file of the cache; None for an unreadable one."""
    try:
        return md5s.read_both(place)
    except (OSError, errors.UnstorableData):
        return None


def _size(place: Path) -> int:
    try:
        return place.stat().st_size
    except OSError:
        return 0
