"""`protected:` in gitexp.yaml: what a cheating editor may try, and what an honest one may do."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

import pytest

from gitexp import errors
from gitexp.catalog.query import Query
from gitexp.datasets.add import add
from gitexp.extras.inference.sides import evidence_of
from gitexp.model import Experiment
from gitexp.project import protected
from gitexp.project.project import Project
from gitexp.runs.planning.plan import PlannedPoint, plan
from gitexp.runs.request import RunRequest
from gitexp.runs.run import run
from gitexp.runs.save import save
from gitexp.views.best import best
from tests.support.workspace import Workspace

CONFIG = "command: python train.py\nprotected: [evaluate.py, tests/data/, 'checks/*.py', link.py]\n"
TRAIN = "import json\njson.dump({'acc': 0.5}, open('metrics.json', 'w'))\n"
FILES = {
    "train.py": TRAIN,
    "evaluate.py": "def score(): return 0.5\n",
    "real.py": "x = 1\n",
    "tests/data/one.csv": "1\n",
    "checks/a.py": "a = 1\n",
    "checks/deep/b.py": "b = 1\n",
}


@pytest.fixture
def guarded(repo: Workspace) -> Workspace:
    repo.write("gitexp.yaml", CONFIG)
    for name, content in FILES.items():
        repo.write(name, content)
    with repo.by_user():
        (repo.path / "link.py").symlink_to("real.py")
    repo.commit()
    repo.writes("metrics.json")
    return repo


def ran(repo: Workspace, **request: object) -> Experiment:
    done = run(Project.open(repo.path), RunRequest(stdout=2, **request))  # type: ignore[arg-type]
    return done.experiment


def write(name: str, content: str = "x\n") -> Callable[[Workspace], object]:
    return lambda repo: repo.write(name, content)


def shell(script: str) -> Callable[[Workspace], object]:
    def run_it(repo: Workspace) -> None:
        with repo.by_user():
            assert os.system(f"cd {repo.path} && {script}") == 0

    return run_it


HONEST = {
    "nothing": shell("true"),
    "other code": write("train.py", TRAIN.replace("0.5", "0.6")),
    "no match": write("checks/deep/new.py"),
    "a name that begins so": write("evaluate.py.md"),
}
CHEATING = {
    "edited": (write("evaluate.py"), ["evaluate.py"]),
    "deleted": (shell("rm evaluate.py"), ["evaluate.py"]),
    "renamed": (shell("git mv evaluate.py other.py"), ["evaluate.py"]),
    "executable": (shell("chmod +x evaluate.py"), ["evaluate.py"]),
    "a link": (shell("cp evaluate.py e2.py && ln -sf e2.py evaluate.py"), ["evaluate.py"]),
    "a folder": (shell("rm evaluate.py && mkdir evaluate.py && echo 1 > evaluate.py/x"), None),
    "a new file in a folder": (write("tests/data/two.csv"), ["tests/data/two.csv"]),
    "a new file that matches": (write("checks/new.py"), ["checks/new.py"]),
    "the folder is a link": (
        shell("mv tests elsewhere && ln -s elsewhere tests"),
        ["tests", "tests/data/one.csv"],
    ),
    "what a link leads to": (write("real.py"), ["real.py"]),
    "where a link leads": (shell("ln -sf train.py link.py"), ["link.py"]),
    "another case": (write("Evaluate.py"), ["Evaluate.py"]),
    "off the list": (
        lambda repo: (repo.write("gitexp.yaml", "command: python train.py\n"), repo.write("evaluate.py", "")),
        ["evaluate.py"],
    ),
    "no config": (
        lambda repo: (shell("rm gitexp.yaml")(repo), repo.write("evaluate.py", "")),
        ["evaluate.py"],
    ),
    "hidden from Git": (
        shell("git update-index --assume-unchanged evaluate.py && echo 1 > evaluate.py"),
        ["evaluate.py"],
    ),
    "cleaned for Git": (
        shell(
            "git config filter.f.clean 'git show HEAD:evaluate.py' && echo 'evaluate.py filter=f' > "
            ".gitattributes && echo 1 > evaluate.py"
        ),
        ["evaluate.py"],
    ),
    "while it runs": (
        write("train.py", TRAIN + "open('evaluate.py', 'w').write('1')\n"),
        ["evaluate.py"],
    ),
    "a submodule": (
        shell(
            "rm -r tests/data && git init -q tests/data && git -C tests/data commit -q --allow-empty -m x "
            "&& git rm -q -r --cached tests && git add tests"
        ),
        ["tests/data", "tests/data/one.csv"],
    ),
}


# An isolated run is judged as any other: one change of each kind is enough.
_KINDS = (
    "edited",
    "a new file in a folder",
    "where a link leads",
    "no config",
    "cleaned for Git",
    "while it runs",
)
ISOLATED = [(name, True) for name in _KINDS]


@pytest.mark.skipif(sys.platform == "win32", reason="written in sh")
@pytest.mark.parametrize("name", HONEST)
def test_an_honest_change_is_none_of_it(guarded: Workspace, name: str) -> None:
    HONEST[name](guarded)
    record = ran(guarded, command=("python", "train.py")).record
    assert record.touched == ()
    assert set(record.protected) == {"at", "hash"}


@pytest.mark.skipif(sys.platform == "win32", reason="written in sh")
@pytest.mark.parametrize(("name", "isolated"), [*((name, False) for name in CHEATING), *ISOLATED])
def test_a_change_is_marked_and_never_best(guarded: Workspace, name: str, isolated: bool) -> None:
    change, paths = CHEATING[name]
    guarded.writes("evaluate.py")
    change(guarded)
    one = ran(guarded, command=("python", "train.py"), temp=isolated, name="cheat")
    if paths is not None:
        assert list(one.record.touched) == paths
    assert one.record.touched
    assert any("protected" in text for text in one.record.warnings)
    project = Project.open(guarded.path)
    with pytest.raises(errors.ExperimentError) as caught:
        best(project, "acc")
    assert caught.value.code == "none-found"
    assert "have changed protected files: cheat" in caught.value.message
    with pytest.raises(errors.ExperimentError) as caught:
        evidence_of(project, ["cheat"])
    assert caught.value.code == "touched"


def test_the_changes_of_one_are_no_baseline_for_the_next(guarded: Workspace) -> None:
    guarded.write("evaluate.py", "1\n")
    first = ran(guarded, name="first")
    guarded.git("checkout", "-q", "evaluate.py")
    second = ran(guarded, name="second", from_="first")
    assert second.record.baseline == first.record.commit
    assert second.record.touched == ("evaluate.py",)
    assert second.record.protected == first.record.protected
    project = Project.open(guarded.path)
    (third,) = plan(project, RunRequest(from_="second"), [PlannedPoint(("train.lr=0.7",))]).queued
    assert third.record.touched == ("evaluate.py",)


def test_a_saved_workspace_is_marked_too(guarded: Workspace) -> None:
    guarded.write("metrics.json", '{"acc": 1}')
    assert save(Project.open(guarded.path)).record.touched == ()
    guarded.write("evaluate.py", "1\n")
    assert save(Project.open(guarded.path)).record.touched == ("evaluate.py",)


def test_data_is_protected_by_its_hash(repo: Workspace) -> None:
    for name in ("train/a", "test/a"):
        repo.write(f"data/{name}", f"{name}\n")
    repo.write("gitexp.yaml", "data: [data]\nprotected: [data/test/]\n")
    repo.write("train.py", TRAIN)
    repo.allow("files", "gitexp.lock", ".gitignore", "gitexp.yaml")
    repo.writes("metrics.json", "data/*")
    with repo.by_user():
        add(Project.open(repo.path), ["data"])
    repo.commit()
    command = ("python", "train.py")
    assert ran(repo, command=command).record.touched == ()
    repo.write("data/train/a", "more\n")
    assert ran(repo, command=command).record.touched == ()
    repo.write("data/test/a", "easy\n")
    assert ran(repo, command=command).record.touched == ("data/test/a",)
    repo.write("gitexp.yaml", "{}\n")  # then gitexp does not look at the data by itself
    assert ran(repo, command=command).record.touched == ("data/test/a",)
    repo.git("checkout", "gitexp.lock")
    assert ran(repo, command=command).record.touched == ("data/test/a",)  # on the disk
    repo.write("data/test/a", "test/a\n")
    assert ran(repo, command=command).record.touched == ()


def test_what_cannot_be_protected_is_said(repo: Workspace) -> None:
    repo.write("gitexp.yaml", "protected: [nothing.py, README.md]\n")
    repo.write("train.py", TRAIN)
    repo.writes("metrics.json")
    first = ran(repo, command=("python", "train.py")).record
    assert not first.protected
    assert "protected only from the next commit of gitexp.yaml on: nothing.py, README.md" in first.warnings
    repo.write("README.md", "1\n")
    repo.commit()
    record = ran(repo, command=("python", "train.py")).record
    assert any("nothing.py" in text and "README" not in text for text in record.warnings)


def test_a_project_in_a_new_folder_below_changes_nothing(guarded: Workspace) -> None:
    guarded.write("sub/gitexp.yaml", "{}\n")
    guarded.write("evaluate.py", "1\n")
    guarded.writes("sub/metrics.json")
    project = Project.open(guarded.path / "sub")
    done = run(project, RunRequest(command=("python", "../train.py"), stdout=2)).experiment
    assert done.record.project == "sub"
    assert done.record.touched == ("evaluate.py",)


def test_replicates_that_have_changed_them_are_not_in_the_mean(guarded: Workspace) -> None:
    """Two runs of the same code, of which one has been tampered with while it ran."""
    cheat = TRAIN + "import os\nif os.environ.get('BAD'): open('evaluate.py', 'w').write('1')\n"
    guarded.write("train.py", cheat)
    guarded.writes("evaluate.py")
    ran(guarded, name="good", temp=True)
    os.environ["BAD"] = "1"
    try:
        ran(guarded, name="bad", temp=True)
    finally:
        del os.environ["BAD"]
    project = Project.open(guarded.path)
    row = best(project, "acc", Query())
    assert row.name == "good"
    assert not row.members


def test_a_baseline_that_cannot_be_read_stops_no_run(guarded: Workspace) -> None:
    guarded.write("gitexp.lock", "<<<<<<< ours\n=======\n>>>>>>> theirs\n")
    guarded.commit()
    guarded.git("rm", "-q", "gitexp.lock")
    guarded.write("evaluate.py", "1\n")
    assert ran(guarded).record.touched == ("evaluate.py",)
    told = ran(guarded, against="1" * 40).record
    assert not told.protected
    assert any("nobody can tell" in text for text in told.warnings)


def test_the_pure_question(guarded: Workspace) -> None:
    project = Project.open(guarded.path)
    head = project.repo.head().commit
    found = protected.protection(project.repo, project.local.objects, "", head, head)
    assert found is not None
    assert found.changed == []
    guarded.write("evaluate.py", "1\n")
    after = guarded.commit()
    again = protected.protection(project.repo, project.local.objects, "", head, after)
    assert again is not None
    assert again.changed == ["evaluate.py"]
    assert again.hash == found.hash
