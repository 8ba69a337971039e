"""What is measured of data and pipelines: storing, status, push and pull, and stages that are up to date."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks import projects
from benchmarks.case import DVC, FLOOR, GITEXP, Case, side_of, slow
from benchmarks.lab import Lab
from benchmarks.measure import CommandError, Side, accept, nothing
from benchmarks.projects import DATA

GB = 1_000_000_000
MANY = 10_000
VERY_MANY = 100_000
MEMORY = 300  # MiB, which no command may need more of, however much data there is

_READ_ALL = ["sh", "-c", f"find {DATA} -type f -print0 | xargs -0 sha256sum | sha256sum"]
_LOOK_AT_ALL = ["find", DATA, "-type", "f", "-size", "+9G"]  # a size has to be looked up for each


def _new(lab: Lab, name: str) -> Path:
    return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=lab.scratch)) / "project"


def _projects(lab: Lab, *, files: int, large: int, dvc: bool) -> dict[str, Path]:
    """The same project for each tool, its data not added yet."""
    made = {}
    for tool in (GITEXP, DVC) if dvc else (GITEXP,):
        made[tool] = _new(lab, tool)
        projects.data_project(made[tool], lab.env, files=files, large=large)
        if tool == DVC:
            _init_dvc(lab, made[tool])
    return made


def _init_dvc(lab: Lab, where: Path) -> None:
    projects.tool(where, lab.env, [lab.dvc, "init", "--quiet"])
    projects.git(where, lab.env, "commit", "--quiet", "--message", "dvc init")  # which has staged its files


# -- storing and looking -------------------------------------------------------------------------------


def _store(lab: Lab, *, work: str, files: int, large: int, dvc_runs: int = 5) -> Case:
    """The first `add` of data: nothing of it is in the store or known of."""
    made = _projects(lab, files=files, large=large, dvc=lab.with_dvc)
    mine = made[GITEXP]
    sides = {
        GITEXP: Side(
            lambda: [*lab.gitexp, "add", "--json", DATA],
            mine,
            lab.env,
            before=partial(_forget_gitexp, mine),
            check=_is_added,
        )
    }
    if lab.with_dvc:
        other = made[DVC]
        sides[DVC] = Side(
            lambda: [lab.dvc, "add", "--quiet", DATA],
            other,
            lab.env,
            before=partial(_forget_dvc, lab, other),
            check=lambda _: _require((other / f"{DATA}.dvc").exists(), "dvc add has added nothing"),
            runs=dvc_runs,
        )
    sides[FLOOR] = side_of(lab, _READ_ALL, mine)
    return Case(f"store {work}", sides, floor="sha256sum", goal=1.5)


def _forget_gitexp(where: Path) -> None:
    names = (".git/gitexp", "gitexp.lock", "gitexp.yaml", ".gitignore")
    projects.remove(*(where / name for name in names))


def _forget_dvc(lab: Lab, where: Path) -> None:
    lab.forget_dvc(where)
    projects.remove(*(where / name for name in (".dvc/cache", f"{DATA}.dvc", ".gitignore")))


def _is_added(output: bytes) -> None:
    _require(json.loads(output)["changed"] == [DATA], "gitexp add has added nothing")


def _status(lab: Lab) -> Case:
    made = _projects(lab, files=MANY, large=0, dvc=lab.with_dvc)
    _add_all(lab, made)
    argv = [*lab.gitexp, "status", "--json"]
    mine = made[GITEXP]
    sides = {GITEXP: Side(lambda: argv, mine, lab.env, check=_nothing_has_changed)}
    if lab.with_dvc:
        check = partial(_says, b"up to date")
        sides[DVC] = Side(lambda: [lab.dvc, "status"], made[DVC], lab.env, check=check)
    sides[FLOOR] = side_of(lab, _LOOK_AT_ALL, mine)
    return Case(f"`status` of {MANY:,} files, warm", sides, floor="find, each looked at", goal=0.5)


def _add_all(lab: Lab, made: dict[str, Path]) -> None:
    add = {GITEXP: [*lab.gitexp, "add", "--quiet", DATA]}
    if DVC in made:
        add[DVC] = [lab.dvc, "add", "--quiet", DATA]
    for tool, where in made.items():
        projects.tool(where, lab.env, add[tool])
        projects.commit(where, lab.env, "data")


# -- push and pull -------------------------------------------------------------------------------------


def _push(lab: Lab) -> Case:
    """One large file and many small ones to a folder that is empty."""
    made, stores = _with_remotes(lab)
    mine = made[GITEXP]
    argv = [*lab.gitexp, "data", "push", "--quiet"]
    empty = {tool: partial(projects.empty, store) for tool, store in stores.items()}
    full = {tool: partial(_has_all, store) for tool, store in stores.items()}
    sides = {GITEXP: Side(lambda: argv, mine, lab.env, before=empty[GITEXP], check=full[GITEXP])}
    if DVC in made:
        before = partial(_first, partial(lab.forget_dvc, made[DVC]), empty[DVC])
        sides[DVC] = Side(
            lambda: [lab.dvc, "push", "--quiet"],
            made[DVC],
            lab.env,
            before=before,
            check=full[DVC],
            runs=slow(lab, 2, quick=1),
        )
    copy = mine.parent / "copy"
    argv_floor = ["cp", "-r", str(mine / DATA), str(copy)]
    sides[FLOOR] = Side(lambda: argv_floor, mine, lab.env, before=partial(projects.remove, copy))
    return Case(f"push of 1 GB and {MANY:,} files to a folder", sides, floor="cp -r", goal=5.0)


def _pull(lab: Lab) -> Case:
    """The same data into a new clone: fetched, verified and brought into the workspace."""
    made, _ = _with_remotes(lab)
    push = {GITEXP: [*lab.gitexp, "data", "push", "--quiet"]}
    pull = {GITEXP: [*lab.gitexp, "checkout", "--quiet"]}
    if DVC in made:
        push[DVC], pull[DVC] = [lab.dvc, "push", "--quiet"], [lab.dvc, "pull", "--quiet"]
    sides = {}
    for tool, where in made.items():
        projects.tool(where, lab.env, push[tool])
        clone = where.parent / "clone"
        sides[tool] = Side(
            partial(list, pull[tool]),
            clone,
            lab.env,
            before=partial(_clone, lab, where, clone),
            check=partial(_has_all, clone / DATA),
            runs=5 if tool == GITEXP else slow(lab, 2, quick=1),
        )
    copy = made[GITEXP].parent / "copy"
    argv = ["cp", "-r", str(made[GITEXP] / DATA), str(copy)]
    sides[FLOOR] = Side(lambda: argv, made[GITEXP], lab.env, before=partial(projects.remove, copy))
    return Case(f"pull of 1 GB and {MANY:,} files into a new clone", sides, floor="cp -r", goal=5.0)


def _with_remotes(lab: Lab) -> tuple[dict[str, Path], dict[str, Path]]:
    """Each tool's project, its data added, and the folder that is its remote."""
    made = _projects(lab, files=MANY, large=GB, dvc=lab.with_dvc)
    stores = {tool: where.parent / "store" for tool, where in made.items()}
    projects.tool(made[GITEXP], lab.env, [*lab.gitexp, "remote", "add", "-q", "store", str(stores[GITEXP])])
    if DVC in made:
        add = [lab.dvc, "remote", "add", "--quiet", "--default", "store", str(stores[DVC])]
        projects.tool(made[DVC], lab.env, add)
    _add_all(lab, made)
    return made, stores


def _clone(lab: Lab, where: Path, clone: Path) -> None:
    projects.remove(clone)
    lab.forget_dvc(clone)
    projects.git(where, lab.env, "clone", "--quiet", str(where), str(clone))


def _has_all(folder: Path, _output: bytes) -> None:
    found = sum(path.is_file() for path in folder.rglob("*"))
    _require(found > MANY, f"{found} files are there, not {MANY + 1}")


def _first(*doing: Callable[[], None]) -> None:
    for each in doing:
        each()


# -- stages --------------------------------------------------------------------------------------------


def _stages(lab: Lab) -> Case:
    mine = _new(lab, GITEXP)
    projects.stages_project(mine, lab.env)
    projects.tool(mine, lab.env, [*lab.gitexp, "run", "--quiet"])
    projects.commit(mine, lab.env, "what the stages made")
    argv = [*lab.gitexp, "run", "--json"]
    sides = {GITEXP: Side(lambda: argv, mine, lab.env, check=_Untouched(mine))}
    if lab.with_dvc:
        other = _new(lab, DVC)
        projects.stages_project(other, lab.env)
        _init_dvc(lab, other)
        projects.tool(other, lab.env, [lab.dvc, "repro", "--quiet"])
        projects.commit(other, lab.env, "what the stages made")
        check = partial(_says, b"up to date")
        sides[DVC] = Side(lambda: [lab.dvc, "repro"], other, lab.env, check=check)
    return Case(f"a pipeline of {projects.STAGES} stages, all up to date", sides, goal=0.5)


class _Untouched:
    """Checks that no stage has written its output anew."""

    def __init__(self, where: Path) -> None:
        self._out = where / f"{projects.STAGES}.txt"
        self._before = self._out.stat().st_mtime_ns

    def __call__(self, output: bytes) -> None:
        _require(json.loads(output)["status"] == "done", "the run has failed")
        _require(self._out.stat().st_mtime_ns == self._before, "a stage has run")


# -- memory --------------------------------------------------------------------------------------------


def _store_much(lab: Lab, *, files: int = 0, large: int = 0) -> Case:
    """A first `add`, for its memory; as all of these without DVC, which takes minutes."""
    mine = _projects(lab, files=files, large=large, dvc=False)[GITEXP]
    before = partial(_forget_gitexp, mine)
    return _much(lab, f"store {_much_of(files, large)}", mine, ["add", "--json", DATA], before, _is_added)


def _status_of_many(lab: Lab) -> Case:
    mine = _projects(lab, files=VERY_MANY, large=0, dvc=False)[GITEXP]
    _add_all(lab, {GITEXP: mine})
    work = f"`status` of {_much_of(VERY_MANY, 0)}"
    return _much(lab, work, mine, ["status", "--json"], check=_nothing_has_changed)


def _push_many(lab: Lab) -> Case:
    mine, store = _with_remote(lab, files=VERY_MANY, large=0)
    before = partial(projects.empty, store)
    work = f"push of {_much_of(VERY_MANY, 0)} to a folder"
    return _much(lab, work, mine, ["data", "push", "--quiet"], before)


def _pull_much(lab: Lab, *, files: int = 0, large: int = 0) -> Case:
    mine, _ = _with_remote(lab, files=files, large=large)
    projects.tool(mine, lab.env, [*lab.gitexp, "data", "push", "--quiet"])
    clone = mine.parent / "clone"
    before = partial(_clone, lab, mine, clone)
    work = f"pull of {_much_of(files, large)} into a new clone"
    return _much(lab, work, clone, ["checkout", "--quiet"], before)


def _much(
    lab: Lab,
    work: str,
    where: Path,
    words: list[str],
    before: Callable[[], None] = nothing,
    check: Callable[[bytes], None] = accept,
) -> Case:
    argv = [*lab.gitexp, *words]
    side = Side(lambda: argv, where, lab.env, before=before, check=check, runs=1)
    return Case(work, {GITEXP: side}, memory_goal=MEMORY)


def _much_of(files: int, large: int) -> str:
    return f"one file of {large // GB} GB" if large else f"{files:,} files of 1 kB"


def _with_remote(lab: Lab, *, files: int, large: int) -> tuple[Path, Path]:
    made = _projects(lab, files=files, large=large, dvc=False)
    store = made[GITEXP].parent / "store"
    projects.tool(made[GITEXP], lab.env, [*lab.gitexp, "remote", "add", "-q", "store", str(store)])
    _add_all(lab, made)
    return made[GITEXP], store


def _nothing_has_changed(output: bytes) -> None:
    _require(projects.is_up_to_date(output), "gitexp status sees changes")


def _says(text: bytes, output: bytes) -> None:
    _require(text in output, f"there is no {text!r} in the output")


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise CommandError(otherwise)


CASES: dict[str, Callable[[Lab], Case]] = {
    "store-1gb": lambda lab: _store(lab, work="one file of 1 GB", files=0, large=GB),
    "store-10000": lambda lab: _store(
        lab, work=f"{MANY:,} files of 1 kB", files=MANY, large=0, dvc_runs=slow(lab, 2, quick=1)
    ),
    "status-10000": _status,
    "push-data": _push,
    "pull-data": _pull,
    "stages-50": _stages,
}
MUCH: dict[str, Callable[[Lab], Case]] = {
    "memory-store-4gb": lambda lab: _store_much(lab, large=4 * GB),
    "memory-pull-4gb": lambda lab: _pull_much(lab, large=4 * GB),
    "memory-store-100000": lambda lab: _store_much(lab, files=VERY_MANY),
    "memory-status-100000": _status_of_many,
    "memory-push-100000": _push_many,
    "memory-pull-100000": lambda lab: _pull_much(lab, files=VERY_MANY),
}
