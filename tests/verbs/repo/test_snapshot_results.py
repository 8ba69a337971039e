"""What is stored beside the tracked and untracked code, and what is left out: declared results,
secrets, large files, and what changes while the command runs."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from gitexp.repo.git import snapshot
from gitexp.repo.git.disk_files import files_below
from gitexp.repo.git.repository import Repository
from tests.support.repositories import link, submodule
from tests.support.snapshots import SUBMODULE, entry_of, experiment_commit, on_disk, stored
from tests.support.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="modes, links and names of POSIX")

KEEP = "metrics: [metrics.json]\nplots: [logs.csv]\nouts: [models/, best]\n"


def saved(repo: Workspace, *args: str, **options: object) -> tuple[dict[str, tuple[str, bytes]], list[str]]:
    """What `gitexp save` stored, and what it warned of."""
    row = repo.json("save", *args, **options)
    return stored(repo, experiment_commit(repo, row["name"])), warnings_of(repo, row["name"])


def ran(repo: Workspace, script: str) -> tuple[dict[str, tuple[str, bytes]], list[str]]:
    """What a run of a shell script stored, and what it warned of."""
    row = repo.json("run", "--", "sh", "-c", script)
    return stored(repo, experiment_commit(repo, row["name"])), warnings_of(repo, row["name"])


def warnings_of(repo: Workspace, name: str) -> list[str]:
    body = repo.git("log", "-1", "--format=%b", f"refs/gitexp/exps/{name}")
    warnings = json.loads(body)["warnings"]
    assert isinstance(warnings, list)
    return warnings


# -- secrets -------------------------------------------------------------------------------------------

SECRETS = [
    *(".env", ".env.local", "src/.ENV", "server.pem", "id_rsa", "id_ed25519.pub", "keys/store.P12"),
    *("credentials.json", "client_secret_1.json", "service-account.json", ".netrc", ".pypirc", "kaggle.json"),
]
NO_SECRETS = [
    "environment.py",
    "env",
    "env.yaml",
    "pem.py",
    "id_rsapem.md",
    "credentials.json.md",
    "secrets.py",
]


def test_what_looks_like_a_secret_is_left_out_and_named_once(repo: Workspace) -> None:
    for name in (*SECRETS, *NO_SECRETS):
        repo.write(name, "x")
    result = repo.gitexp("save", "-n", "one")
    assert result.stderr.count("looks like a secret") == 1
    kept = stored(repo, experiment_commit(repo, "one"))
    assert kept.keys().isdisjoint(SECRETS)
    assert kept.keys() >= set(NO_SECRETS) - {"id_rsapem.md"}
    (warning,) = warnings_of(repo, "one")
    assert warning.startswith("left out, looks like a secret: ")
    result = repo.gitexp("run", "-n", "two", "--", "true")
    assert result.stderr.count("looks like a secret") == 1
    assert warnings_of(repo, "two") == [warning]


def test_a_secret_that_is_tracked_is_code(repo: Workspace) -> None:
    repo.write(".env", "OLD=1\n")
    repo.commit()
    repo.write(".env", "NEW=1\n")
    kept, warnings = saved(repo)
    assert (kept[".env"], warnings) == (("100644", b"NEW=1\n"), [])


def test_gitexpignore_keeps_what_only_looks_like_a_secret(repo: Workspace) -> None:
    repo.write(".gitexpignore", "!.env.test\n!fixtures/*.pem\n")
    for name in (".env.test", ".env", "fixtures/ca.pem", "ca.pem"):
        repo.write(name, "x")
    kept, warnings = saved(repo)
    assert {".env.test", "fixtures/ca.pem"} <= kept.keys()
    assert warnings == ["left out, looks like a secret: .env, ca.pem"]


def test_gitexpignore_has_the_syntax_of_gitignore(repo: Workspace) -> None:
    repo.write(".gitexpignore", b"# notes\n*.tmp\n/top\nscratch/\n!keep.tmp\n\\#hash\nlatin\xe9\n")
    names = ["a.tmp", "keep.tmp", "top", "sub/top", "scratch/deep/x", "#hash", os.fsdecode(b"latin\xe9"), "x"]
    for name in names:
        repo.write(name, "x")
    kept, warnings = saved(repo)
    assert kept.keys() & set(names) == {"keep.tmp", "sub/top", "x"}
    assert len(warnings) == 1
    assert warnings[0].startswith("left out, named in .gitexpignore: ")


def test_gitexpignore_does_not_hide_what_is_tracked(repo: Workspace) -> None:
    repo.write(".gitexpignore", "train.py\n")
    repo.write("train.py", "print('still code')\n")
    kept, warnings = saved(repo)
    assert (kept["train.py"], warnings) == (("100644", b"print('still code')\n"), [])


def test_gitexpignore_leaves_out_a_repository_inside(repo: Workspace) -> None:
    repo.git("worktree", "add", "-q", "vendor/linked")
    repo.write(".gitexpignore", "vendor/linked/\n")
    kept, warnings = saved(repo)
    assert not any(path.startswith("vendor") for path in kept)
    assert warnings == ["left out, named in .gitexpignore: vendor/linked/"]


# -- large files ---------------------------------------------------------------------------------------


def test_a_large_untracked_file_with_each_way_out(repo: Workspace) -> None:
    repo.write("weights.raw", bytes(3000))
    repo.write("gitexp.yaml", "max_untracked: 2kB\n")
    assert "weights.raw (2.9 kB)" in repo.gitexp("save", check=False).stderr
    repo.write("gitexp.yaml", "max_untracked: 3kB\n")
    assert saved(repo) == (on_disk(repo.path), [])
    repo.write("gitexp.yaml", "max_untracked: 2kB\n")
    repo.write(".gitexpignore", "weights.*\n")
    kept, warnings = saved(repo)
    assert ("weights.raw" in kept, warnings) == (False, ["left out, named in .gitexpignore: weights.raw"])
    repo.git("add", "-f", "weights.raw")
    kept, warnings = saved(repo)
    assert (kept["weights.raw"], warnings) == (("100644", bytes(3000)), [])


@pytest.mark.parametrize("ignored", [False, True])
def test_a_declared_result_that_is_too_large_stands_in_the_lock(repo: Workspace, ignored: bool) -> None:
    repo.write("gitexp.yaml", "max_untracked: 2kB\nouts: [models/]\n")
    if ignored:
        repo.write(".gitignore", "models/\n")
    repo.write("models/large.raw", bytes(3000))
    repo.write("models/small.raw", bytes(2000))
    kept, warnings = saved(repo)
    assert {path for path in kept if path.startswith("models")} == {"models/small.raw"}
    assert b"models/large.raw: {hash: " in kept["gitexp.lock"][1]
    assert warnings == []


# -- declared results ------------------------------------------------------------------------------------


def test_declared_results_are_stored_though_git_ignores_them(repo: Workspace) -> None:
    repo.write("gitexp.yaml", KEEP)
    repo.write(".gitignore", "metrics.json\nlogs.csv\nmodels\nbest\n*.log\n")
    script = """
        echo '{"acc": 0.5}' > metrics.json; echo step,loss > logs.csv; echo no > other.log
        mkdir -p models/deep models/empty; echo model > models/deep/m.pt; chmod +x models/deep/m.pt
        ln -s deep/m.pt models/last; ln -s models/deep best
    """
    repo.writes("metrics.json", "logs.csv", "models/*", "best", "other.log")
    kept, warnings = ran(repo, script)
    expected = on_disk(repo.path)
    del expected["other.log"]
    assert (kept, warnings) == (expected, [])


def test_a_folder_of_results_behind_a_link_is_that_link(repo: Workspace, tmp_path: Path) -> None:
    repo.write("gitexp.yaml", "metrics: [out/metrics.json]\nouts: [out/models/]\n")
    repo.write(".gitignore", "out\n")
    (tmp_path / "scratch").mkdir()
    link(repo, "out", "../scratch")
    kept, warnings = ran(
        repo, "mkdir -p out/models; echo m > out/models/m; echo '{\"a\": 1}' > out/metrics.json"
    )
    assert kept == on_disk(repo.path)
    assert kept["out"] == ("120000", b"../scratch")
    assert warnings == []


def test_results_that_are_gone_are_gone(repo: Workspace) -> None:
    repo.write("gitexp.yaml", KEEP)
    repo.write("models/old", "old\n")
    repo.write("metrics.json", "{}\n")
    repo.commit()
    repo.writes("models/*", "metrics.json")
    kept, _ = ran(repo, "rm -r models metrics.json; mkdir models; echo new > models/new")
    assert kept == on_disk(repo.path)


def test_declared_paths_are_names_and_no_patterns(repo: Workspace) -> None:
    repo.write("gitexp.yaml", "outs: ['[t]rain.*', '*']\n")
    repo.writes("[[]t]rain.[*]")
    kept, _ = ran(repo, "echo 1 > '[t]rain.*'")
    assert kept == on_disk(repo.path)


def test_a_metrics_path_that_is_a_folder(repo: Workspace) -> None:
    repo.write("metrics.json/part", "1\n")
    kept, _ = saved(repo)
    assert kept["metrics.json/part"] == ("100644", b"1\n")


def test_results_with_line_ends_that_git_converts(repo: Workspace) -> None:
    repo.write(".gitattributes", "* text=auto\n")
    repo.git("config", "core.autocrlf", "input")
    repo.writes("metrics.json")
    kept, _ = ran(repo, r"""printf '{"a":\r\n 1}\n' > metrics.json""")
    assert kept["metrics.json"] == ("100644", b'{"a":\r\n 1}\n')


def test_a_submodule_below_a_results_folder_stays_a_submodule(repo: Workspace) -> None:
    library = submodule(repo)
    repo.write("gitexp.yaml", "outs: [library/ignored/, library]\n")
    repo.commit()
    repo.writes("library/ignored/*")
    kept, _ = ran(repo, "mkdir library/ignored; echo out > library/ignored/x")
    assert kept["library"] == on_disk(repo.path)["library"]
    assert kept["library"][0] == SUBMODULE
    kept, _ = saved(repo)
    assert kept["library"][0] == SUBMODULE
    assert (library / "ignored/x").exists()


def test_a_repository_in_a_tracked_folder_does_not_hide_its_files(repo: Workspace) -> None:
    repo.write("pkg/a.py", "a\n")
    repo.commit()
    repo.git("init", "-q", "pkg")
    repo.write("pkg/a.py", "changed\n")
    repo.write("pkg/b.py", "b\n")
    kept, _ = saved(repo)
    assert (kept["pkg/a.py"][1], kept["pkg/b.py"][1]) == (b"changed\n", b"b\n")


# -- what changes while the command runs ---------------------------------------------------------------


def test_the_code_is_that_of_the_start(repo: Workspace) -> None:
    repo.write("helper.py", "start\n")
    before = on_disk(repo.path)
    repo.writes("train.py", "helper.py", "new.py", "params.yaml")
    kept, _ = ran(repo, "echo edited > train.py; rm helper.py; echo new > new.py; echo 'lr: 9' > params.yaml")
    assert kept == before


def test_overrides_are_in_the_code_and_keep_the_mode(repo: Workspace) -> None:
    repo.write("params.yaml", repo.read("params.yaml"), mode=0o755)
    repo.writes("params.yaml")
    row = repo.json("run", "-S", "train.lr=0.7", "--", "true")
    kept = stored(repo, experiment_commit(repo, row["name"]))
    assert kept["params.yaml"] == entry_of(repo.path / "params.yaml")
    assert kept["params.yaml"][0] == "100755"
    assert b"lr: 0.7 " in kept["params.yaml"][1]


def test_overrides_keep_the_mode_of_the_disk_whatever_git_is_told(repo: Workspace) -> None:
    repo.git("config", "core.fileMode", "false")
    repo.write("params.yaml", repo.read("params.yaml"), mode=0o755)
    repo.writes("params.yaml")
    row = repo.json("run", "-S", "train.lr=0.7", "--", "true")
    assert stored(repo, experiment_commit(repo, row["name"]))["params.yaml"][0] == "100755"


def test_overrides_reach_through_a_link_inside(repo: Workspace) -> None:
    with repo.by_user():
        (repo.path / "conf").mkdir()
        (repo.path / "params.yaml").rename(repo.path / "conf/base.yaml")
    link(repo, "params.yaml", "conf/base.yaml")
    repo.writes("conf/base.yaml")
    row = repo.json("run", "-S", "train.lr=0.7", "--", "true")
    assert stored(repo, experiment_commit(repo, row["name"])) == on_disk(repo.path)
    assert b"lr: 0.7 " in (repo.path / "conf/base.yaml").read_bytes()
    assert (repo.path / "params.yaml").is_symlink()


def test_overrides_of_an_ignored_params_file(repo: Workspace) -> None:
    repo.write(".gitignore", "local.yaml\n")
    repo.write("local.yaml", "lr: 1\n")
    repo.writes("local.yaml")
    row = repo.json("run", "-S", "local.yaml:lr=2", "--", "true")
    assert stored(repo, experiment_commit(repo, row["name"])) == on_disk(repo.path)


# -- the functions themselves --------------------------------------------------------------------------


def test_files_below(repo: Workspace) -> None:
    for name in ("out/a", "out/b/c", "out/nested/x", "file", "deep/er/y"):
        repo.write(name, "x")
    repo.git("init", "-q", "out/nested")
    link(repo, "out/link", "b")
    link(repo, "loop", "loop")
    with repo.by_user():
        os.mkfifo(repo.path / "out/pipe")
    paths = ["out/", "file", "missing", "deep/er/y", "loop", "out/link/c", "out/nested/x", "file/below"]
    found = ["deep/er/y", "file", "loop", "out/a", "out/b/c", "out/link"]
    assert files_below(repo.path, paths) == found


def test_know_untracked_shows_them_in_a_diff(repo: Workspace, tmp_path: Path) -> None:
    repo.write("new.py", "new\n")
    repo.write(".env", "secret\n")
    git = Repository.find(repo.path)
    rules = snapshot.Rules(leave_out=lambda path: "hidden" if path.startswith(".") else None)
    index = snapshot.know_untracked(git, tmp_path, rules)
    assert git.run("diff", "--name-only", "HEAD", index=index) == b"new.py\n"
