"""`gitexp diff`: two points side by side."""

from __future__ import annotations

import math
import sys
import time

import pytest

from gitexp import errors
from gitexp.catalog.changed_files import CommitStep, changed_files
from gitexp.catalog.lookup import Commit, Point
from gitexp.catalog.value_pairs import change_of
from gitexp.cli.commands.looking import diff
from gitexp.cli.commands.looking.diff import share_text
from gitexp.model import MISSING, Change
from gitexp.project.project import Project
from gitexp.repo.local import LocalState
from gitexp.views import diff as ops
from gitexp.views.diff import Diff
from tests.support.codes import has_code
from tests.support.experiments import put
from tests.support.workspace import Workspace


@pytest.fixture
def two(repo: Workspace) -> Workspace:
    """Two experiments that were run: `a` as HEAD has it, `b` with another lr, other code and a new file."""
    repo.writes("metrics.json", "params.yaml")
    repo.gitexp("run", "-n", "a", "--", "python", "train.py")
    repo.write("train.py", repo.read("train.py") + "# more\n")
    repo.write("new file é.txt", "one\ntwo\n")
    repo.gitexp("run", "-n", "b", "-S", "train.lr=0.25", "--", "python", "train.py")
    return repo


def test_two_experiments_side_by_side(two: Workspace) -> None:
    shown = two.gitexp("diff", "a", "b").stdout
    params, metrics, code = shown.split("\n\n")
    assert params.splitlines() == ["Params    a    b", "train.lr  0.1  0.25"]
    assert metrics.splitlines()[0].split() == ["Metrics", "a", "b", "Change"]
    loss = metrics.splitlines()[1].split()
    assert loss[0] == "loss"
    assert loss[-1] == "%"
    assert code.splitlines() == [
        "Code            Added  Deleted",
        "new file é.txt  +2     -0",
        "train.py        +1     -0",
    ]
    assert "metrics.json" not in shown
    assert "Environment" not in shown


def test_one_argument_is_against_its_baseline(two: Workspace) -> None:
    found = two.json("diff", "b")
    assert found["a"] == {
        "kind": "commit",
        "name": two.git("rev-parse", "HEAD")[:7],
        "commit": two.git("rev-parse", "HEAD"),
    }
    assert found["b"]["name"] == "b"
    assert found["params"] == [{"key": "train.lr", "old": 0.1, "new": 0.25}]
    assert {file["path"]: (file["added"], file["deleted"]) for file in found["code"]} == {
        "new file é.txt": (2, 0),
        "train.py": (1, 0),
    }


def test_none_is_head_against_the_workspace(two: Workspace) -> None:
    found = two.json("diff")
    assert (found["a"]["name"], found["b"]["name"]) == ("HEAD", "workspace")
    assert [file["path"] for file in found["code"]] == ["new file é.txt", "train.py"]
    assert two.json("diff", "HEAD")["code"] == found["code"]
    assert two.json("diff", "workspace")["code"] == found["code"]


def test_the_workspace_on_either_side(two: Workspace) -> None:
    there, back = two.json("diff", "a", "workspace"), two.json("diff", "workspace", "a")
    assert [(c["old"], c["new"]) for c in there["params"]] == [(c["new"], c["old"]) for c in back["params"]]
    assert [(f["added"], f["deleted"]) for f in there["code"]] == [
        (f["deleted"], f["added"]) for f in back["code"]
    ]
    assert two.json("diff", "b", "workspace")["code"] == []


def test_a_revision_against_an_experiment(two: Workspace) -> None:
    assert two.json("diff", "HEAD~1", "a")["params"] == [{"key": "train.lr", "old": 0.01, "new": 0.1}]
    two.git("tag", "v1", "HEAD~1")
    assert two.json("diff", "v1", "a")["a"]["kind"] == "commit"


def test_a_branch_comes_before_the_beginning_of_a_name(repo: Workspace) -> None:
    put(repo, "main-2")
    put(repo, "other-1")
    put(repo, "other-2")
    repo.git("branch", "other")
    assert repo.json("diff", "main", "HEAD")["a"]["kind"] == "commit"
    assert repo.json("diff", "other", "HEAD")["a"]["kind"] == "commit"
    assert repo.json("diff", "main-", "HEAD")["a"]["name"] == "main-2"
    put(repo, "main")
    assert repo.json("diff", "main", "HEAD")["a"]["kind"] == "experiment"


def test_an_experiment_by_its_commit(two: Workspace) -> None:
    commit = two.git("rev-parse", "refs/gitexp/exps/a~1")
    assert two.json("diff", commit[:8])["b"]["name"] == "a"


def test_the_patch_is_of_the_code_alone(two: Workspace) -> None:
    patch = two.gitexp("diff", "a", "b", "--code").stdout
    assert "\x1b" not in patch
    assert "+# more" in patch
    assert "diff --git a/new file é.txt" in patch
    assert "diff --git a/params.yaml" not in patch
    assert "diff --git a/metrics.json" not in patch
    assert "\n+# more\n" in two.json("diff", "a", "b", "--code")["patch"]
    assert "patch" not in two.json("diff", "a", "b")


def test_the_patch_has_gits_colours_in_a_terminal(two: Workspace) -> None:
    seen = two.tty("diff", "b", "--code", env={"GITEXP_PAGER": "cat"})
    assert b"\x1b[32m+\x1b[m\x1b[32m# more\x1b[m" in seen.raw
    assert b"\x1b[32m+" not in two.tty("diff", "b", "--code", env={"NO_COLOR": "1", "PAGER": "cat"}).raw


def test_no_program_of_the_repository_runs(two: Workspace, tmp_path_factory: pytest.TempPathFactory) -> None:
    canary = tmp_path_factory.mktemp("canary") / "ran"
    two.write(".gitattributes", "*.py diff=evil\n")
    for key in ("diff.external", "diff.evil.command", "diff.evil.textconv"):
        two.git("config", key, f"touch {canary}; cat")
    assert "+# more" in two.gitexp("diff", "--code").stdout
    assert not canary.exists()


def test_gits_settings_do_not_change_the_patch(two: Workspace) -> None:
    plain = two.gitexp("diff", "--code").stdout
    for setting in (
        "diff.noprefix=true",
        "diff.mnemonicPrefix=true",
        "diff.relative=true",
        "color.ui=always",
    ):
        two.git("config", *setting.split("="))
    assert two.gitexp("diff", "--code").stdout == plain


def test_a_carriage_return_hides_nothing_in_a_patch(repo: Workspace) -> None:
    repo.write("train.py", "evil()\rgood()\n")
    assert "+evil()\\rgood()" in repo.gitexp("diff", "--code").stdout


def test_renamed_deleted_and_binary_files(repo: Workspace) -> None:
    repo.write("old name.py", "".join(f"line {at}\n" for at in range(20)))
    repo.write("gone.py", "x\n")
    repo.write("data.blob", b"\0\1\2")
    repo.commit()
    with repo.by_user():
        (repo.path / "old name.py").rename(repo.path / "new name.py")
        (repo.path / "gone.py").unlink()
    repo.write("data.blob", b"\0\1\2\3")
    found = {file["path"]: file for file in repo.json("diff")["code"]}
    assert found["new name.py"]["renamed_from"] == "old name.py"
    assert found["gone.py"]["deleted"] == 1
    assert found["data.blob"]["added"] is None
    shown = repo.gitexp("diff", "--code").stdout
    assert "old name.py -> new name.py" in shown
    assert "binary" in shown
    assert "rename from old name.py" in shown


def test_many_files_are_all_in_the_patch(repo: Workspace) -> None:
    names = [f"{'folder' * 8}/{at:04}.py" for at in range(500)]
    with repo.by_user():
        (repo.path / names[0]).parent.mkdir()
        for name in names:
            (repo.path / name).write_text("x\n")
    assert repo.gitexp("diff", "--code").stdout.count("\ndiff --git ") == 500


def test_nothing_differs(repo: Workspace) -> None:
    done = repo.gitexp("diff", "--exit-code")
    assert done.stdout == ""
    assert done.stderr == "Nothing differs between HEAD and workspace.\n"
    assert repo.gitexp("diff", "--format", "md").stdout == ""
    assert repo.json("diff")["code"] == []


def test_the_exit_code_tells_where_asked(two: Workspace) -> None:
    assert two.gitexp("diff", "a", "b").exit_code == 0
    assert two.gitexp("diff", "a", "b", "--exit-code", check=False).exit_code == 1
    assert two.gitexp("diff", "a", "a", "--exit-code").exit_code == 0


def test_markdown(two: Workspace) -> None:
    lines = two.gitexp("diff", "a", "b", "--format", "md", "--code").stdout.splitlines()
    assert lines[:5] == [
        "### Params",
        "",
        "| Key | a | b |",
        "| --- | --- | --- |",
        "| train.lr | 0.1 | 0.25 |",
    ]
    assert "```diff" in lines
    assert lines[-1] == "```"


def test_packages_that_differ(repo: Workspace) -> None:
    for name, text in (
        ("a", "# python 3.11.1\nnumpy==1.0\nold==1\n"),
        ("b", "# python 3.12.0\nnumpy==2.0\n"),
    ):
        put(repo, name, run_files={"environment.txt": text.encode()})
    put(repo, "saved")
    assert repo.json("diff", "a", "b")["environment"] == [
        {"key": "numpy", "old": "1.0", "new": "2.0"},
        {"key": "old", "old": "1"},
        {"key": "python", "old": "3.11.1", "new": "3.12.0"},
    ]
    assert repo.json("diff", "a", "saved")["environment"] == []


def test_values_that_do_not_fit_stand_below_each_other(repo: Workspace) -> None:
    one, two = "x" * 70 + "1", "x" * 70 + "2"
    put(repo, "a", params={"params.yaml": {"long": one, "short": 1}})
    put(repo, "b", params={"params.yaml": {"long": two, "short": 2}})
    seen = repo.tty("diff", "a", "b").lines
    assert seen == ["Params  a  b", "long", "  a  " + one, "  b  " + two, "short   1  2"]
    assert repo.gitexp("diff", "a", "b").stdout.splitlines()[1] == f"long    {one}  {two}"


def test_values_that_read_the_same_are_told_apart(repo: Workspace) -> None:
    put(repo, "a", params={"params.yaml": {"flag": True}}, metrics={"metrics.json": {"loss": 0.12345678}})
    put(repo, "b", params={"params.yaml": {"flag": "true"}}, metrics={"metrics.json": {"loss": 0.12345679}})
    shown = repo.gitexp("diff", "a", "b").stdout
    assert "True  'true'" in shown
    assert "0.12345678  0.12345679  +1e-08" in shown


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (1.0, 1.5, (0.5, 50.0)),
        (-2, -1, (1, 50.0)),
        (0, 1, (1, None)),
        (MISSING, 1, (None, None)),
        ("a", 1, (None, None)),
        (True, False, (None, None)),
    ],
)
def test_change_of_numbers(old: object, new: object, expected: tuple[object, object]) -> None:
    assert change_of(Change("m", old, new)) == expected


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (0.0937, 0.1041, "+11.1 %"),
        (1, 9.9, "+890 %"),
        (1, 20, "x20"),
        (-0.5, -617.0, "x1,230"),
        (1e-9, 1.0, "x1e+09"),
        (1.0, 0.02, "-98 %"),
        (1.0, 0.00001, "/100,000"),
        (1.0, 0.0, "-100 %"),
        (-2.0, 1.0, "+150 %"),
        (-0.001, 5.0, ""),
        (10**400, 10**401, ""),
    ],
)
def test_a_large_change_is_a_factor(old: float, new: float, expected: str) -> None:
    _, percent = change_of(Change("m", old, new))
    assert ((percent is not None and share_text(old, new, percent)) or "") == expected


def test_not_a_number_has_not_changed(repo: Workspace) -> None:
    for name in ("a", "b"):
        put(repo, name, metrics={"metrics.json": {"loss": math.nan, "n": 1 if name == "a" else 1.0}})
    assert repo.json("diff", "a", "b")["metrics"] == []


def test_what_is_unknown(two: Workspace) -> None:
    project = Project.open(two.path)
    with pytest.raises(errors.ExperimentError, check=has_code("unknown-experiment"), match="'nope'"):
        ops.points(project, "nope", None)
    put(two, "alpha")
    put(two, "alpine")
    with pytest.raises(errors.ExperimentError, check=has_code("ambiguous-experiment"), match="alpha, alpine"):
        ops.points(project, "al", None)


def test_it_leaves_nothing_behind(two: Workspace) -> None:
    two.gitexp("diff", "--code")
    assert list((two.path / ".git" / "gitexp" / "tmp").iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="no such file names")
def test_names_that_are_not_utf8(repo: Workspace) -> None:
    repo.write(b"caf\xe9.txt".decode("utf-8", "surrogateescape"), "x\n")
    assert repo.json("diff")["code"][0]["path"] == "caf\\xe9.txt"
    assert "caf\\xe9.txt  +1" in repo.gitexp("diff", "--code").stdout


def test_infinity_is_infinity(repo: Workspace) -> None:
    repo.write("params.yaml", "clip: .inf\nnone: [.nan]\n")
    repo.commit()
    repo.gitexp("save", "-q", "-n", "one")
    assert repo.json("diff", "one")["params"] == repo.json("diff", "one", "workspace")["params"] == []


def test_a_file_that_does_not_parse_is_said(repo: Workspace) -> None:
    repo.write("params.yaml", "a: [1\n")
    for command in ("diff", "show"):
        assert "params.yaml:" in repo.gitexp(command).stderr
    repo.commit()
    repo.write("params.yaml", "a: 1\n")
    assert "(in HEAD)" in repo.gitexp("diff").stderr
    assert "warning: " in repo.gitexp("show").stderr


def test_a_changed_file_is_shown_unless_its_own_section_says_it(repo: Workspace) -> None:
    repo.write("gitexp.yaml", "params: [params.yaml, conf.py]\nplots: [curve.csv]\nouts: [model.txt]\n")
    names = ("conf.py", "curve.csv", "model.txt")
    for name in names:
        repo.write(name, "lr = 1\n")
    repo.commit()
    for name in names:
        repo.write(name, "lr = 2\n")
    repo.write("params.yaml", repo.read("params.yaml") + "# a comment\n")
    found = repo.json("diff")
    assert [file["path"] for file in found["code"]] == ["conf.py", "params.yaml"]
    assert [file["path"] for file in found["results"]] == ["curve.csv", "model.txt"]
    repo.write("params.yaml", "other: 1\n")
    assert [file["path"] for file in repo.json("diff")["code"]] == ["conf.py"]


def test_commands_that_differ(repo: Workspace) -> None:
    put(repo, "a", command="python train.py")
    put(repo, "b", command="python train.py --fast")
    put(repo, "saved")
    assert repo.gitexp("diff", "a", "b").stdout.splitlines() == [
        "Command  a                b",
        "command  python train.py  python train.py --fast",
    ]
    assert (
        "| python train.py | python train.py --fast |"
        in repo.gitexp("diff", "a", "b", "--format", "md").stdout
    )
    assert repo.json("diff", "saved", "a")["command"] == {"old": None, "new": "python train.py"}
    assert repo.json("diff", "a", "a")["command"] is repo.json("diff", "HEAD", "a")["command"] is None


def test_a_params_file_that_only_the_experiment_names_is_read_on_the_other_side(repo: Workspace) -> None:
    repo.writes("other.yaml")
    repo.write("other.yaml", "depth: 2\nwidth: 3\n")
    repo.commit()
    repo.gitexp("run", "-q", "-n", "one", "-S", "other.yaml:depth=4", "--", "true")
    expected = [{"key": "depth", "old": 2, "new": 4}]
    assert repo.json("diff", "one")["params"] == expected
    assert repo.json("diff", "HEAD", "one")["params"] == expected


def test_an_experiment_that_does_not_record_a_params_file_is_compared_all_the_same(repo: Workspace) -> None:
    """-S names a file that gitexp.yaml does not list: only that run has it in its record."""
    repo.writes("other.yaml")
    repo.write("other.yaml", "depth: 2\nwidth: 3\n")
    repo.commit()
    repo.gitexp("run", "-q", "-n", "a", "--", "true")
    told = repo.gitexp("run", "-n", "b", "-S", "other.yaml:depth=4", "--", "true").stderr
    assert (
        "other.yaml is not under params: in gitexp.yaml, so only runs that set its values record them" in told
    )
    repo.gitexp("run", "-q", "-n", "c", "--", "true")
    assert repo.json("diff", "a", "b")["params"] == [{"key": "depth", "old": 2, "new": 4}]
    assert repo.json("diff", "b", "c")["params"] == []
    found = repo.json("compare", "a", "b", "c")
    assert (found["params"], found["code"]) == ([{"key": "depth", "values": {"a": 2, "b": 4, "c": 4}}], [])


def test_a_file_with_unconverted_bytes_is_no_change_of_the_workspace(repo: Workspace) -> None:
    """Git's diff converts what is on disk; the experiment has the bytes of the disk."""
    repo.write(".gitattributes", "*.txt text eol=crlf\n")
    repo.commit()
    repo.write("mixed.txt", "x\ny\r\nz")
    repo.gitexp("run", "-q", "-n", "a", "--", "true")
    for sides in (("workspace", "a"), ("a", "workspace")):
        assert repo.json("diff", *sides)["code"] == []
        assert repo.gitexp("diff", *sides, "--code").stdout == ""
    repo.write("mixed.txt", "x\ny\r\nw")
    assert [file["path"] for file in repo.json("diff", "workspace", "a")["code"]] == ["mixed.txt"]


def test_the_patch_from_the_workspace_has_its_sides_in_order(repo: Workspace) -> None:
    repo.gitexp("run", "-q", "-n", "a", "--", "true")
    repo.write("train.py", "print(1)\n")
    patch = repo.gitexp("diff", "workspace", "a", "--code").stdout
    assert "diff --git a/train.py b/train.py" in patch
    assert "--- a/train.py\n+++ b/train.py\n" in patch
    assert "\n-print(1)\n" in patch


def test_two_commits_need_no_scratch_folder(two: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LocalState, "scratch", lambda self: pytest.fail("writes"))
    project = Project.open(two.path)
    found = ops.diff(project, *ops.points(project, "a", "b"))
    assert b"+# more" in ops.patch(project, found, color=False)


def test_many_rows_that_do_not_fit_take_linear_time(repo: Workspace) -> None:
    changes = [Change(f"key{at}", "x" * (at % 60), "y" * (60 - at % 60)) for at in range(20_000)]
    point = Point(Commit("p", "1" * 40), {}, {})
    start = time.process_time()
    assert diff.lines(Diff(point, point, changes, [], [], []), b"", width=80, colors=False)
    assert time.process_time() - start < 10


def test_the_baseline_of_an_experiment_that_was_made_from_another(repo: Workspace) -> None:
    """What that one printed is in its record alone."""
    put(repo, "parent", metrics={".gitexp/output": {"acc": 0.5}}, params={"params.yaml": {"lr": 1}})
    commit = Project.open(repo.path).store.require("parent").record.commit
    put(
        repo,
        "child",
        baseline=commit,
        metrics={".gitexp/output": {"acc": 0.75}},
        params={"params.yaml": {"lr": 1}},
    )
    answer = repo.json("diff", "child")
    assert (answer["a"]["name"], answer["a"]["kind"]) == ("parent", "experiment")
    assert answer["metrics"] == [{"key": "acc", "old": 0.5, "new": 0.75, "change": 0.25, "percent": 50.0}]
    assert answer["params"] == []


# -- results, noise, and many side by side ------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "differ"),
    [
        (0.3, 0.1 + 0.2, False),
        (sum([0.1] * 1000), 100.0, False),
        (1, 1.0000000000000002, False),
        (1e-8, 1.0000001e-8, True),
        (10**15, 10**15 + 1, True),
        (10**400, 10**400 + 1, True),
        (10**400, 0.5, True),
        (float("inf"), float("-inf"), True),
        (0.5, "0.5", True),
    ],
)
def test_noise_of_floats_is_no_difference(repo: Workspace, old: object, new: object, differ: bool) -> None:
    for name, value in (("a", old), ("b", new)):
        put(repo, name, metrics={"metrics.json": {"m": value}}, params={"params.yaml": {"p": value}})
    found = repo.json("diff", "a", "b")
    assert [bool(found["params"]), bool(found["metrics"])] == [differ, differ]
    assert bool(repo.json("compare", "a", "b")["metrics"]) == differ


def test_what_runs_write_is_a_result_and_no_code(repo: Workspace) -> None:
    repo.write("gitexp.yaml", "outs: [out]\nplots: [curves, logs.csv]\n")
    repo.commit()
    repo.gitexp("save", "-q", "-n", "before")
    for name in ("logs.csv", "curves/loss.csv", "out/report.txt", "curves.py"):
        repo.write(name, "step,loss\n1,2\n")
    repo.gitexp("save", "-q", "-n", "after")
    found = repo.json("diff", "before", "after")
    assert [file["path"] for file in found["code"]] == ["curves.py"]
    results = {file["path"] for file in found["results"]}
    assert results == {"logs.csv", "curves/loss.csv", "out/report.txt"}
    shown = repo.gitexp("diff", "before", "after", "--code").stdout
    assert "Results" in shown
    assert "+++ b/logs.csv" not in shown
    assert "+++ b/curves.py" in shown


BY_TOOLS = (
    *("mlruns/0/meta.yaml", "lightning_logs/version_0/hparams.yaml", "wandb/run-2026/files/a.txt"),
    *("outputs/2026-11-29/12-00/a.log", "logs/events.out.tfevents.1", "dvclive/report.md", "sub/mlflow.db"),
    *("live/metrics.json", "live/report.md", "live/plots/metrics/loss.tsv", "models/big.w", "deep/er/m.json"),
)
MINE = ("mlruns/notes.txt", "wandb/code.py", "dvclive/callback.py", "report.md", "live/code.py", "m.json")


def test_what_tools_write_and_patterns_match_is_a_result(repo: Workspace) -> None:
    repo.write("gitexp.yaml", "outs: ['models/*.w']\nmetrics: ['deep/**/m.json']\n")
    repo.commit()
    before = repo.git("rev-parse", "HEAD")
    for name in (*BY_TOOLS, *MINE):
        repo.write(name, "{}\n")
    project = Project.open(repo.path)
    found = ops.diff(project, *ops.points(project, None, None))
    assert {file.path for file in found.code} == set(MINE)
    assert {file.path for file in found.results} == set(BY_TOOLS)
    after = repo.commit()
    in_table = changed_files(project, [CommitStep(before, after)])[after]
    assert {file.path for file in in_table} == set(MINE)


def many(repo: Workspace) -> None:
    for at in range(6):
        params = {"params.yaml": {"lr": at / 10, "seed": 1}}
        put(repo, f"run-{at}", params=params, metrics={"metrics.json": {"acc": 0.5 + at / 100, "same": 2}})


def test_many_are_compared_side_by_side(repo: Workspace) -> None:
    many(repo)
    repo.write("train.py", "pass\n")
    repo.gitexp("save", "-q", "-n", "edited")
    found = repo.json("compare", "run-1", "run-4", "edited")
    assert [point["name"] for point in found["points"]] == ["run-1", "run-4", "edited"]
    values = {item["key"]: item["values"] for item in found["params"]}
    assert values["lr"] == {"run-1": 0.1, "run-4": 0.4}
    assert values["seed"] == {"run-1": 1, "run-4": 1}
    assert [item["key"] for item in found["metrics"]] == ["acc", "same"]
    (code,) = found["code"]
    assert code["key"] == "train.py"
    assert set(code["values"]) == {"edited"}
    assert code["values"]["edited"]["added"] == 1


def test_of_many_only_what_differs_is_shown(repo: Workspace) -> None:
    many(repo)
    lines = repo.gitexp("compare", "run-*").stdout.splitlines()
    assert lines[0].split() == ["Params", *(f"run-{at}" for at in (0, 1, 2, 3, 4, 5))]
    assert [line.split()[0] for line in lines if line] == ["Params", "lr", "Metrics", "acc"]
    assert repo.gitexp("compare", "run-1", "run-2", "--format", "md").stdout.splitlines()[0] == (
        r"| Params | run-1 | run-2 |"
    )
    assert repo.gitexp("compare", "run-1", "run-1", "run-1", check=False).exit_code == 2
    same = repo.gitexp("compare", "HEAD", "main")
    assert (same.stdout, same.stderr) == ("", "No differences.\n")


@pytest.mark.parametrize("cols", [20, 40, 60])
def test_what_does_not_fit_side_by_side_goes_on_below(repo: Workspace, cols: int) -> None:
    many(repo)
    lines = repo.tty("compare", "run-*", cols=cols, rows=100).lines
    assert all(len(line) <= cols for line in lines)
    named = [word for line in lines if line.startswith("Params") for word in line.split()[1:]]
    assert sorted(named) == [f"run-{at}" for at in range(6)]
