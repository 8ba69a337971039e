"""What is measured of sharing experiments, with a bare repository on the same disk."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path

from benchmarks import projects
from benchmarks.case import FLOOR, GITEXP, Case
from benchmarks.lab import Lab
from benchmarks.measure import CommandError, Side
from gitexp.repo import experiments

KNOWN = 10_000
NEW = 1_000


def _push_one(lab: Lab) -> Case:
    """One experiment more where ten thousand have been pushed."""
    folder = Path(tempfile.mkdtemp(prefix="push-", dir=lab.scratch))
    bare, mine = folder / "bare.git", folder / "mine"
    projects.git(folder, lab.env, "clone", "--quiet", "--mirror", str(lab.experiments(KNOWN)), str(bare))
    projects.git(folder, lab.env, "clone", "--quiet", str(bare), str(mine))
    projects.git(mine, lab.env, "fetch", "--quiet", "origin", f"{experiments.PREFIX}*:{experiments.PREFIX}*")
    projects.git(mine, lab.env, "pack-refs", "--all")
    projects.tool(mine, lab.env, [*lab.gitexp, "push", "--all", "--quiet"])  # so that both know
    numbers = count(1)

    def one_more() -> None:
        projects.tool(mine, lab.env, [*lab.gitexp, "save", "--quiet", "--name", f"new-{next(numbers)}"])

    def name() -> str:
        newest = projects.git(
            mine, lab.env, "for-each-ref", "--format=%(refname)", f"{experiments.PREFIX}new-*"
        )
        return max(newest.split(), key=lambda ref: int(ref.rpartition("-")[2])).removeprefix(
            experiments.PREFIX
        )

    def is_there(_output: bytes) -> None:
        if not projects.git(bare, lab.env, "for-each-ref", experiments.PREFIX + name()):
            raise CommandError(f"{name()} was not pushed")

    def by_git() -> list[str]:
        return ["git", "push", "--quiet", "origin", f"{experiments.PREFIX}{name()}"]

    sides = {
        GITEXP: Side(
            lambda: [*lab.gitexp, "push", "--quiet", name()], mine, lab.env, before=one_more, check=is_there
        ),
        FLOOR: Side(by_git, mine, lab.env, before=one_more, check=is_there),
    }
    return Case(f"push of one experiment more than {KNOWN:,}", sides, floor="git push", goal=1.5)


def _pull_many(lab: Lab) -> Case:
    """A thousand that colleagues have pushed, where nine thousand are known."""
    folder = Path(tempfile.mkdtemp(prefix="pull-", dir=lab.scratch))
    bare, known = folder / "bare.git", folder / "known"
    projects.git(folder, lab.env, "clone", "--quiet", "--mirror", str(lab.experiments(KNOWN)), str(bare))
    refs = projects.git(
        bare, lab.env, "for-each-ref", "--format=%(objectname) %(refname)", experiments.PREFIX
    )
    new = [line.split() for line in refs.splitlines()[-NEW:]]
    projects.git(bare, lab.env, "update-ref", "--stdin", stdin="".join(f"delete {ref}\n" for _, ref in new))
    projects.git(folder, lab.env, "clone", "--quiet", str(bare), str(known))
    projects.tool(known, lab.env, [*lab.gitexp, "pull", "--all", "--quiet"])
    projects.git(known, lab.env, "pack-refs", "--all")
    create = "".join(f"create {ref} {oid}\n" for oid, ref in new)
    projects.git(bare, lab.env, "update-ref", "--stdin", stdin=create)
    projects.git(bare, lab.env, "pack-refs", "--all")

    def clone(where: Path) -> None:
        projects.remove(where)
        projects.tool(folder, lab.env, ["cp", "-r", str(known), str(where)])

    def has_all(where: Path, _output: bytes) -> None:
        found = len(projects.git(where, lab.env, "for-each-ref", experiments.PREFIX).splitlines())
        if found != KNOWN:
            raise CommandError(f"{found} experiments are there, not {KNOWN}")

    def side(name: str, argv: list[str]) -> Side:
        where = folder / name
        return Side(lambda: argv, where, lab.env, before=partial(clone, where), check=partial(has_all, where))

    sides = {
        GITEXP: side("gitexp", [*lab.gitexp, "pull", "--all", "--quiet"]),
        FLOOR: side(
            "git", ["git", "fetch", "--quiet", "origin", f"{experiments.PREFIX}*:{experiments.PREFIX}*"]
        ),
    }
    work = f"pull of {NEW:,} new experiments beside {KNOWN - NEW:,}"
    return Case(work, sides, floor="git fetch", goal=5.0)


CASES: dict[str, Callable[[Lab], Case]] = {
    "push-1-of-10000": _push_one,
    "pull-1000": _pull_many,
}
