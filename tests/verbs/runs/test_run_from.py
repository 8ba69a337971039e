"""The code of an earlier experiment or commit runs again, and the workspace is not so much as looked at."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gitexp import errors
from gitexp.model import Experiment, ProcessId, Status
from gitexp.project.project import Project
from gitexp.runs import run
from gitexp.runs.request import RunRequest
from tests.support.experiments import put
from tests.support.repositories import git, submodule
from tests.support.workspace import Result, Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="programs of POSIX")

TRAIN = ("python", "train.py")


def get(repo: Workspace, name: str) -> Experiment:
    found = Project.open(repo.path).store.get(name)
    assert found is not None
    return found


@pytest.fixture
def first(repo: Workspace) -> Experiment:
    """An experiment of code that stands nowhere else; the workspace has gone on since."""
    repo.writes("metrics.json")
    repo.write("train.py", "MARK = 'first'\n" + repo.read("train.py") + "print(MARK)\n")
    repo.write("new.py", "untracked then\n")
    repo.gitexp("run", "-q", "-n", "first", "--", *TRAIN)
    repo.write("train.py", "raise SystemExit('the workspace was run')\n")
    repo.write("params.yaml", "broken: [\n")
    repo.write("unreadable.py", "x", mode=0o000)
    with repo.by_user():
        (repo.path / "new.py").unlink()
        (repo.path / "metrics.json").unlink()
    return get(repo, "first")


def test_an_experiment_is_repeated_with_another_param(repo: Workspace, first: Experiment) -> None:
    answer = repo.json("run", "--from", "first", "-n", "second", "-m", "again", "-S", "train.lr=0.2")
    second = get(repo, "second")
    record = second.record
    assert (record.status, record.baseline) == (Status.DONE, first.record.commit)
    assert (record.command, record.argv, record.folder) == ("python train.py", TRAIN, "")
    assert (record.branch, record.note, record.overrides) == ("main", "again", ("train.lr=0.2",))
    assert record.params["params.yaml"]["train"]["lr"] == 0.2
    assert record.metrics != first.record.metrics
    assert record.warnings == ()
    assert answer["baseline"] == first.record.commit
    assert answer["params"]["train.lr"] == 0.2
    changed = repo.git("diff", "--name-only", first.record.commit, record.commit).split()
    assert changed == ["metrics.json", "params.yaml"]
    assert repo.git("rev-parse", f"{record.commit}^@") == first.record.commit
    assert "first" in repo.gitexp("log", "second").stdout
    third = repo.json("run", "--from", "second", "-n", "third")
    assert third["baseline"] == record.commit
    assert third["metrics"] == answer["metrics"]


def test_an_experiment_is_queued_with_other_params(repo: Workspace, first: Experiment) -> None:
    repo.gitexp("run", "--from", "first", "--queue", "-n", "one", "-m", "later", "-S", "train.lr=0.2")
    repo.write("other.py", "print('laid over it')\n")
    over = ("--with", "train.py=other.py", "-n", "two")
    repo.gitexp("run", "--from", "first", "--queue", *over, "--", "python", "train.py")
    several = ("run", "--from", "first", "--queue", "-S", "train.lr=0.2,0.3")
    assert "2 runs, 1 of them known already: 1 queued" in repo.gitexp(*several).stderr
    before = [get(repo, name).record for name in ("one", "two")]
    assert [record.baseline for record in before] == [first.record.commit] * 2
    assert (before[0].note, before[0].branch, before[0].overrides) == ("later", "main", ("train.lr=0.2",))
    repo.gitexp("queue", "start", "-q")
    found = {one.name: one.record for one in Project.open(repo.path).store.readable()}
    third = next(record for name, record in found.items() if name not in ("first", "one", "two"))
    assert {record.status for record in found.values()} == {Status.DONE}
    rates = [record.params["params.yaml"]["train"]["lr"] for record in (found["one"], third)]
    assert rates == [0.2, 0.3]
    assert found["one"].metrics != first.record.metrics
    assert repo.gitexp("log", "one").stdout.splitlines()[-1] == "first"
    assert repo.gitexp("log", "two").stdout == "laid over it\n"
    assert third.sweep
    assert found["one"].identity == before[0].identity
    changed = repo.git("diff", "--name-only", first.record.commit, found["one"].commit).split()
    assert changed == ["metrics.json", "params.yaml"]
    again = repo.json("run", "--from", "first", "-n", "three", "-S", "train.lr=0.2")
    assert get(repo, "three").record.identity == found["one"].identity, again


def test_the_worktree_holds_exactly_the_start(repo: Workspace, first: Experiment) -> None:
    script = (
        "git status --porcelain; git log -2 --format=%H; git diff HEAD~ --name-only; echo $GITEXP_BASELINE"
    )
    repo.gitexp("run", "-q", "--from", "first", "-n", "b", "-S", "train.lr=0.2", "--", "sh", "-c", script)
    head, parent, changed, baseline = repo.gitexp("log", "b").stdout.split()
    assert repo.git("show", f"{head}:params.yaml") == repo.git("show", "refs/gitexp/exps/b:params.yaml")
    assert (parent, changed, baseline) == (first.record.commit, "params.yaml", first.record.commit)


def test_results_of_the_earlier_run_do_not_count(repo: Workspace, first: Experiment) -> None:
    result = repo.gitexp("run", "--from", "first", "-n", "b", "--", "true")
    assert "not this run's result: metrics.json" in result.stderr
    assert get(repo, "b").record.metrics == {}
    assert first.record.metrics


def test_a_commit_with_a_dirty_workspace(repo: Workspace) -> None:
    head = repo.git("rev-parse", "HEAD")
    repo.write("train.py", "raise SystemExit(9)\n")
    repo.gitexp("run", "-q", "-n", "one", "--from", "HEAD", "--", *TRAIN)
    record = get(repo, "one").record
    assert (record.status, record.baseline, record.branch) == (Status.DONE, head, None)
    older = repo.json("run", "--from", "HEAD~", "--", *TRAIN)
    assert older["params"]["train.lr"] == 0.01
    assert older["baseline"] == repo.git("rev-parse", "HEAD~")


def test_the_config_is_that_of_the_commit(repo: Workspace) -> None:
    repo.write("sub/gitexp.yaml", "command: sh go\nparams: [p.json]\nmetrics: [m.json]\nouts: [out]\n")
    repo.write("sub/p.json", '{"a": 1}\n')
    repo.write("sub/go", "cp p.json m.json; pwd; echo x > out\n")
    repo.commit()
    repo.gitexp("run", "-q", "-n", "one", "-S", "a=2", "--temp", cwd="sub")
    repo.write("sub/gitexp.yaml", "command: exit 9\n")
    repo.commit("another config")
    for source, name in (("HEAD~", "two"), ("one", "three")):
        repo.gitexp("run", "-q", "-n", name, "--from", source, "-S", "a=3", cwd="sub")
        record = get(repo, name).record
        assert record.params == {"sub/p.json": {"a": 3}}
        assert record.metrics == {"sub/m.json": {"a": 3}}
        assert record.folder == "sub"
        assert repo.git("show", f"{record.commit}:sub/out") == "x"
    # An experiment knows its project; a commit is looked at from where one stands.
    repo.gitexp("run", "-q", "-n", "four", "--from", "one")
    assert get(repo, "four").record.params == {"sub/p.json": {"a": 2}}
    assert repo.gitexp("run", "--from", "HEAD~", check=False).exit_code == 2


def test_it_runs_where_it_ran(repo: Workspace) -> None:
    repo.write("deep/er/go.sh", "#!/bin/sh\npwd\n", mode=0o755)
    repo.gitexp("run", "-q", "-n", "one", "--", "./go.sh", cwd="deep/er")
    assert get(repo, "one").record.folder == "deep/er"
    repo.gitexp("run", "-q", "-n", "two", "--from", "one")
    assert repo.gitexp("log", "two").stdout.strip().endswith("/gitexp-0/deep/er")
    repo.gitexp("run", "-q", "-n", "three", "--from", "one", "--", "pwd", cwd="deep")
    assert repo.gitexp("log", "three").stdout.strip().endswith("/gitexp-0/deep")


def test_shared_paths_come_from_the_workspace(repo: Workspace) -> None:
    repo.write(".gitignore", "data\nbin\n")
    repo.write("bin/train", "#!/bin/sh\ncat data/set\n", mode=0o755)
    repo.write("gitexp.yaml", "share: [bin]\ncommand: bin/train\n")
    repo.commit()
    repo.write("data/set", "the data\n")
    repo.write("gitexp.yaml", "share: [data]\n")
    repo.gitexp("run", "-q", "-n", "one", "--from", "HEAD")
    assert repo.gitexp("log", "one").stdout == "the data\n"
    assert get(repo, "one").record.warnings == ()
    assert repo.read("data/set") == "the data\n"


def test_options_of_the_command_are_changed(repo: Workspace) -> None:
    repo.gitexp("run", "-q", "-n", "one", "--", "echo", "--lr", "0.1", "--fast")
    repo.gitexp("run", "-q", "-n", "two", "--from", "one", "-S", "args.lr=2e-1", "-S", "~args.fast")
    record = get(repo, "two").record
    assert (record.command, record.params[".gitexp/command"]) == ("echo --lr 2e-1", {"args": {"lr": 0.2}})
    assert repo.gitexp("log", "two").stdout == "--lr 2e-1\n"


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (("--from", "nope"), "unknown-experiment", "nope"),
        (("--from", "workspace"), "usage", "--from"),
        (("--from", "first", "-S", "train.rate=1"), "unknown-param", "train.rate"),
        (("--from", "first", "-n", "first"), "name-taken", "first"),
        (("--from", "first", "--", "no-such-program"), "command-not-found", "no-such-program"),
        (("--from", "HEAD"), "no-command", "gitexp run --from HEAD -- python train.py"),
    ],
)
def test_what_is_refused_leaves_nothing(
    repo: Workspace, first: Experiment, args: tuple[str, ...], code: str, message: str
) -> None:
    before = repo.git("for-each-ref")
    at = args.index("--") if "--" in args else len(args)
    result = repo.gitexp("run", *args[:at], "--json", *args[at:], check=False)
    assert f'"{code}"' in result.stdout
    assert message in result.stdout
    assert repo.git("for-each-ref") == before


def test_a_running_one_is_waited_for(repo: Workspace) -> None:
    put(repo, "going", status=Status.RUNNING, process=ProcessId("elsewhere", 1, "x"))
    with pytest.raises(errors.ExperimentError, match="has not ended"):
        run.run(Project.open(repo.path), RunRequest(("true",), from_="going"))


def test_two_at_once(repo: Workspace, tmp_path: Path) -> None:
    """And beside a run in the workspace."""
    gate = tmp_path / "gate"
    wait = f"while ! test -e {gate}; do sleep 0.01; done"
    sources = {"a": (), "b": ("--from", "HEAD"), "c": ("--from", "HEAD")}
    started = [
        repo.start("run", "-n", name, *source, "--", "sh", "-c", wait, name)
        for name, source in sources.items()
    ]
    for process in started:
        assert process.stderr is not None
        assert b"started" in process.stderr.readline()
    gate.touch()
    assert [process.wait(60) for process in started] == [0, 0, 0]
    assert {get(repo, name).record.status for name in "abc"} == {Status.DONE}


def test_submodules_are_refused_unless_shared(repo: Workspace) -> None:
    head = repo.git("rev-parse", "HEAD")
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{head},vendor")
    repo.git("commit", "-q", "-m", "a bare gitlink")
    refused = repo.gitexp("run", "--from", "HEAD", "--", "true", check=False)
    assert "would not have the submodule: vendor" in refused.stderr
    repo.write("vendor/lib", "from the workspace\n")
    repo.write("gitexp.yaml", "share: [vendor]\n")
    refused = repo.gitexp("run", "--from", "HEAD", "--", "true", check=False)
    assert "the submodule vendor is not there" in refused.stderr


def pasted(repo: Workspace, refused: Result) -> None:
    """Run the command that a hint names, as a user would."""
    (hint,) = [line for line in refused.stderr.splitlines() if line.startswith("hint: ")]
    command = hint.removeprefix("hint: ").removesuffix(" lays out what the commit has.")
    assert command != hint.removeprefix("hint: ")
    with repo.by_user():
        subprocess.run(command, shell=True, check=True, cwd=repo.path)


def a_commit_more(library: Path) -> None:
    (library / "lib.py").write_text("2\n")
    git(library, "commit", "-q", "-a", "-m", "two")


def an_edit(library: Path) -> None:
    (library / "lib.py").write_text("2\n")


def a_new_file(library: Path) -> None:
    (library / "new.py").write_text("2\n")


def a_commit_and_an_edit(library: Path) -> None:
    a_commit_more(library)
    an_edit(library)
    (library / "lib.py").write_text("3\n")


def a_submodule_gone(library: Path) -> None:
    git(library.parent, "submodule", "--quiet", "deinit", "--force", "library")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (a_commit_more, "library is not on"),
        (an_edit, "library has uncommitted changes"),
        (a_new_file, "library has uncommitted changes"),
        (a_commit_and_an_edit, "library has uncommitted changes and is not on"),
        (a_submodule_gone, "library is not there"),
    ],
)
def test_a_shared_submodule_is_as_the_code_has_it(
    repo: Workspace, change: Callable[[Path], None], told: str
) -> None:
    """Or the run is refused, and the hint's command lays it out."""
    library = submodule(repo)
    repo.write("gitexp.yaml", "share: [library]\n")
    repo.git("config", "submodule.library.ignore", "all")
    repo.commit("share")
    repo.gitexp("run", "-q", "-n", "old", "--metric", r"x=(\d+)", "--", "cat", "library/lib.py")
    with repo.by_user():
        change(library)
    show = ("--", "cat", "library/lib.py")
    of_old, queued = ("run", "--from", "old", *show), ("run", "--queue", "--from", "HEAD", *show)
    for command in (of_old, queued, ("reproduce", "old", "--here")):
        refused = repo.gitexp(*command, check=False)
        assert (refused.exit_code, told in refused.stderr) == (1, True), command
    pasted(repo, refused)
    repo.gitexp("run", "-q", "--from", "old", "-n", "new", *show)
    assert repo.gitexp("log", "new").stdout == "1\n"


def test_a_queued_run_does_not_take_a_submodule_of_later(repo: Workspace) -> None:
    library = submodule(repo)
    repo.write("gitexp.yaml", "share: [library/]\n")
    repo.commit("share")
    repo.gitexp("run", "-q", "--queue", "-n", "queued", "--", "cat", "library/lib.py")
    with repo.by_user():
        a_commit_more(library)
    repo.gitexp("queue", "start", check=False)
    stored = get(repo, "queued").record
    assert stored.status is Status.FAILED
    assert "the submodule library is not on" in stored.warnings[0]
    with repo.by_user():
        git(library, "checkout", "-q", "HEAD~1")
    repo.gitexp("queue", "retry", "queued")
    repo.gitexp("queue", "start")
    assert repo.gitexp("log", "queued").stdout == "1\n"


def test_params_of_other_looks(repo: Workspace) -> None:
    """Line ends that Git converts, and a params file that is a link."""
    repo.write(".gitattributes", "*.json text eol=crlf\n")
    repo.write("conf/real.json", '{\r\n  "a": 1\r\n}\r\n')
    with repo.by_user():
        (repo.path / "params.json").symlink_to("conf/real.json")
    repo.commit()
    repo.gitexp("run", "-q", "-n", "one", "--from", "HEAD", "-S", "a=2", "--", "cat", "params.json")
    assert repo.gitexp("log", "one").stdout.splitlines() == ["{", '  "a": 2', "}"]
    one = get(repo, "one")
    assert repo.git("diff", "--name-only", "HEAD", one.record.commit) == "conf/real.json"
    assert repo.git("show", f"{one.record.commit}:conf/real.json") == '{\n  "a": 2\n}'
    assert one.record.warnings == ()


def test_what_it_leaves_is_moved_aside_and_what_is_shared_is_not(repo: Workspace) -> None:
    repo.write(".gitignore", "data\n")
    repo.write("gitexp.yaml", "share: [data]\n")
    repo.commit()
    repo.write("data/x", "mine")
    repo.write("gitexp.yaml", "")
    result = repo.gitexp("run", "-n", "one", "--from", "HEAD", "--", "sh", "-c", "echo 1 > left; ls data")
    assert "moved to .git/gitexp/left/one: left;" in result.stderr
    assert sorted(path.name for path in (repo.path / ".git/gitexp/left/one").iterdir()) == ["left"]
    # The same where it is the next command that ends the run, with another config.
    args = ("run", "-n", "two", "--from", "HEAD", "--", "sh", "-c", "echo 1 > left; ls data")
    repo.gitexp(*args, env={"GITEXP_FAILPOINT": "run:ended"}, check=False)
    repo.gitexp("list")
    assert sorted(path.name for path in (repo.path / ".git/gitexp/left/two").iterdir()) == ["left"]
    assert repo.read("data/x") == "mine"


def test_what_an_earlier_run_of_the_name_left_is_not_overwritten(repo: Workspace) -> None:
    for number, text in enumerate(("first", "second", "third")):
        result = repo.gitexp("run", "--temp", "-n", "x", "--", "sh", "-c", f"echo {text} >junk")
        ending = f"-{number + 1}" if number else ""
        assert f"moved to .git/gitexp/left/x{ending}: junk" in result.stderr
        repo.gitexp("rename", "-q", "x", f"old-{number}")
    left = repo.path / ".git/gitexp/left"
    assert {path.parent.name: path.read_text() for path in left.glob("*/junk")} == {
        "x": "first\n",
        "x-2": "second\n",
        "x-3": "third\n",
    }
    # A run that is ended by the next command, in two attempts, has one folder.
    args = ("run", "-n", "x", "--temp", "--", "sh", "-c", "echo fourth >junk; echo more >b")
    repo.gitexp(*args, env={"GITEXP_FAILPOINT": "finish:read"}, check=False)
    repo.gitexp("list")
    assert sorted(path.name for path in left.iterdir()) == ["x", "x-2", "x-3", "x-4"]
    assert sorted(path.name for path in (left / "x-4").iterdir()) == ["b", "junk"]
    assert "left/x-4: b, junk" in " ".join(get(repo, "x").record.warnings)


def test_a_folder_that_leads_out_is_refused(repo: Workspace, tmp_path: Path) -> None:
    with repo.by_user():
        (repo.path / "out").symlink_to(tmp_path)
    repo.commit()
    put(repo, "hostile", command="true", argv=("true",), folder="out")
    refused = repo.gitexp("run", "--from", "hostile", check=False)
    assert "is not in the workspace" in refused.stderr
    put(repo, "upward", body='{"format":1,"status":"done","commit":"x","baseline":"y","folder":"../.."}')
    assert "damaged" in repo.gitexp("run", "--from", "upward", check=False).stderr


def test_from_a_folder_that_git_is_told_of(repo: Workspace, tmp_path: Path) -> None:
    """GIT_DIR and GIT_WORK_TREE are the caller's, and do not reach the command."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    environment = {"GIT_DIR": str(repo.path / ".git"), "GIT_WORK_TREE": str(repo.path)}
    script = "git rev-parse HEAD --show-toplevel"
    args = ("run", "-n", "one", "--from", "HEAD", "-S", "train.lr=0.2", "--", "sh", "-c", script)
    repo.gitexp(*args, env=environment, cwd=str(elsewhere))
    head, top = repo.gitexp("log", "one").stdout.split()
    assert top.endswith("gitexp/worktrees/gitexp-0")
    assert repo.git("rev-parse", f"{head}~") == get(repo, "one").record.baseline


def test_from_a_linked_worktree(repo: Workspace, tmp_path: Path) -> None:
    repo.allow("git", "*")
    repo.git("worktree", "add", "-q", "-b", "other", str(tmp_path / "linked"))
    repo.gitexp("run", "-q", "-n", "one", "--from", "HEAD~", "--", *TRAIN, cwd=str(tmp_path / "linked"))
    assert get(repo, "one").record.params["params.yaml"]["train"]["lr"] == 0.01


# -- with files laid over it --------------------------------------------------------------------------


def test_an_edit_is_tried_on_top_of_an_experiment(repo: Workspace, first: Experiment) -> None:
    script = repo.git("show", f"{first.record.commit}:train.py")
    repo.write("train.py", script.replace("'first'", "'edited'"))
    repo.write("elsewhere/tool.sh", "#!/bin/sh\n", mode=0o755)
    repo.gitexp(
        *("run", "-q", "--from", "first", "-n", "second", "-S", "train.lr=0.2"),
        *("--with", "train.py", "--with", "bin/tool.sh=elsewhere/tool.sh"),
    )
    record = get(repo, "second").record
    assert "edited" in repo.gitexp("log", "second").stdout
    changed = repo.git("diff", "--name-only", first.record.commit, record.commit).split()
    assert changed == ["bin/tool.sh", "metrics.json", "params.yaml", "train.py"]
    assert repo.git("ls-tree", record.commit, "bin/tool.sh").startswith("100755")
    assert record.baseline == first.record.commit
    same = repo.gitexp(
        "run", "--once", "--from", "first", "-S", "train.lr=0.2", "--with", "train.py", check=False
    )
    assert "same as" not in same.stderr  # without the tool it is another code


def test_a_params_file_that_is_laid_over_is_the_one_that_counts(repo: Workspace, first: Experiment) -> None:
    text = repo.git("show", f"{first.record.commit}:params.yaml")
    mine = repo.write("mine.yaml", text.replace("epochs: 3", "epochs: 1"))
    args = ("--with", f"params.yaml={mine}", "-S", "train.lr=0.4")
    ran = repo.json("run", "--from", "first", *args)
    assert (ran["params"]["train.epochs"], ran["params"]["train.lr"]) == (1, 0.4)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("../outside", "names no file of the repository"),
        (".git/config", "names no file of the repository"),
        ("", "names no file of the repository"),
        ("nothing.py", "there is no such file to take"),
        ("train.py=nothing.py", "there is no such file to take"),
        ("link/x=train.py", "the code has something else in its place"),
        ("link/new/x=train.py", "the code has something else in its place"),
        ("params.yaml/x=train.py", "the code has something else in its place"),
        ("sub=train.py", "the code has something else in its place"),
    ],
)
def test_what_cannot_be_laid_over(repo: Workspace, tmp_path: Path, text: str, says: str) -> None:
    with repo.by_user():
        (repo.path / "link").symlink_to(tmp_path)
    repo.write("sub/a.py", "")
    repo.commit()
    with pytest.raises(errors.GitexpError, match=says):
        run.run(Project.open(repo.path), RunRequest(("true",), from_="HEAD", with_=[text]))
    assert not (tmp_path / "x").exists()
    assert not (tmp_path / "new").exists()
    assert Project.open(repo.path).store.names() == []


def test_nothing_is_laid_over_the_workspace(repo: Workspace) -> None:
    with pytest.raises(errors.UsageError, match="there is none"):
        run.run(Project.open(repo.path), RunRequest(("true",), with_=["train.py"]))


def test_results_of_before_are_neither_moved_nor_to_be_declared(repo: Workspace) -> None:
    repo.write("metrics.json", '{"acc": 1}')
    done = repo.gitexp("run", "-n", "one", "--temp", "--", "sh", "-c", "touch new; exit 3", check=False)
    assert "left/one: new;" in done.stderr
    assert [path.name for path in (repo.path / ".git/gitexp/left/one").iterdir()] == ["new"]


def test_a_pipeline_is_hinted_at_where_there_is_one(repo: Workspace) -> None:
    repo.write("dvc.yaml", "stages: {}\n")
    repo.gitexp("save", "-q", "-n", "one")
    refused = repo.json("run", "--from", "one", check=False)["error"]
    assert refused["hint"] == "Give one: gitexp run --from one -- dvc repro"
