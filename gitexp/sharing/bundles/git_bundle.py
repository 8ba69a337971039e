"""Git's part of a bundle: written by `git bundle`, read as a pack that Git checks object by object.

Git itself does not check the objects of a bundle in a fetch (seen with 2.39), so gitexp has `git index-pack
--strict` do it, in a folder apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import BinaryIO

from gitexp import errors
from gitexp.project.project import Project
from gitexp.regex import regex
from gitexp.repo.experiments import PREFIX
from gitexp.repo.git import graph
from gitexp.repo.git.git_text import in_lines
from gitexp.sharing.bundles.members import damaged

_HEADS = (b"# v2 git bundle\n", b"# v3 git bundle\n")
_REF = regex(rb"([0-9a-f]{40}|[0-9a-f]{64}) (\S+)\n")
_OBJECT_FORMAT = b"@object-format="
# Git looks for similar objects among so many: with its 10, a thousand experiments take 60 % longer and half
# a percent less room.
_WINDOW = ("-c", "pack.window=4")
_LONGEST_LINE = 4096  # bytes
_MOST_REFS = 10_000_000
_PIECE = 1 << 20  # bytes


def create(project: Project, names: Iterable[str], file: Path) -> dict[str, str]:
    """Write a bundle of experiments with all their history; the record commits by name, as they are in it.

    Raises BadTransfer for a history that is not here as a whole, GitFailed.
    """
    refs = [PREFIX + name for name in names]
    _require_whole(project, refs)
    args = ("bundle", "create", "--quiet", str(file), "--stdin")
    status, _, err = project.repo.call(*_WINDOW, *args, stdin=in_lines(refs))
    if status != 0:
        raise errors.BadTransfer(
            f"Git could not put the experiments together: {err.strip().rpartition(chr(10))[2]}.",
            "gitexp doctor says what is wrong with them.",
        )
    with file.open("rb") as opened:
        return read_head(opened, file.name)


def _require_whole(project: Project, refs: list[str]) -> None:
    """Raise BadTransfer if the history of some refs ends in a shallow clone; Git would say nothing."""
    try:
        edge = set((project.repo.common_dir / "shallow").read_text("ascii", "replace").split())
    except OSError:
        return
    reached = project.repo.run("rev-list", "--stdin", stdin=in_lines(refs)).decode().split()
    if edge.intersection(reached):
        raise errors.BadTransfer(
            "This is a shallow clone, and the experiments stand on commits that it lacks.",
            "git fetch --unshallow brings the rest.",
        )


def read_head(file: BinaryIO, where: str) -> dict[str, str]:
    """The record commits by name; behind them begins the pack. Raises SharingError for other refs."""
    if file.readline(_LONGEST_LINE) not in _HEADS:
        raise damaged(where, "there is no bundle of Git in it")
    found = dict[str, str]()
    for _ in range(_MOST_REFS):
        line = file.readline(_LONGEST_LINE)
        if line == b"\n":
            return found
        match = _REF.fullmatch(line)
        if match is not None and match[2].startswith(PREFIX.encode()):
            found[match[2].decode("utf-8", "replace").removeprefix(PREFIX)] = match[1].decode()
        elif not line.startswith(_OBJECT_FORMAT):
            raise damaged(where, f"its bundle of Git has {line[:60]!a}, which is no experiment")
    raise damaged(where, "its bundle of Git has too many refs")


def take_in(project: Project, file: Path, wanted: Mapping[str, str], scratch: Path, where: str) -> None:
    """Store all Git objects of the experiments, checked; no ref moves.

    Args:
        wanted: the record commits by name; the bundle must have just these.
        scratch: a folder for the time of the check.

    Raises SharingError, BadTransfer for objects that Git refuses, or a history with gaps.
    """
    repo = project.repo
    known = {oid.decode() for oid, _ in repo.refs()}
    with file.open("rb") as opened:
        if read_head(opened, where) != dict(wanted):
            raise damaged(where, "its list and its bundle of Git have different experiments")
        if known.issuperset(wanted.values()):
            return
        apart = repo.set_apart(scratch / "apart")
        pack = scratch / "apart" / "pack" / "pack-bundle.pack"
        with pack.open("xb") as target:
            while piece := opened.read(_PIECE):
                target.write(piece)
    status, _, err = apart.call("index-pack", "--strict", str(pack))
    if status != 0:
        why = err.strip().rpartition("\n")[2].removeprefix("fatal: ").removeprefix("error: ")
        raise errors.BadTransfer(f"Git refuses what is in {where}: {why}.", "Have it exported again.")
    ids = list(wanted.values())
    if not graph.is_connected(apart, ids):
        raise errors.BadTransfer(f"{where} does not have all that belongs to it.", "Have it exported again.")
    apart.keep(ids, but=known, with_deltas=True)
