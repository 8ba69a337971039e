"""Results over `max_untracked`: their content goes into the object store, their names into gitexp.lock."""

from __future__ import annotations

import os
import sys

import pytest

from gitexp.model import Artifact
from gitexp.pipeline.lock import LOCK_FILE, Lock, read_lock
from gitexp.project.project import Project
from tests.support.snapshots import experiment_commit, stored
from tests.support.stored import store_of
from tests.support.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the commands are a shell's")

CONFIG = "max_untracked: 2kB\nouts: [models/]\n"
LOCK_PARTS = (LOCK_FILE, "models/*", "metrics.json")


@pytest.fixture
def repo(repo: Workspace) -> Workspace:
    """A project whose models are too large for Git."""
    repo.write("gitexp.yaml", CONFIG)
    repo.write(".gitignore", "models/\n__pycache__/\n")
    repo.commit()
    repo.writes(*LOCK_PARTS)
    return repo


def script(text: str, size: int = 3000, name: str = "big") -> tuple[str, ...]:
    """A command that writes a model, and a small file beside it."""
    return (
        "sh",
        "-c",
        f"mkdir -p models; yes '{text}' | head -c {size} > models/{name}; echo {text} > models/small",
    )


def content(text: str, size: int = 3000) -> bytes:
    return (f"{text}\n".encode() * size)[:size]


def lock_of(repo: Workspace, name: str) -> Lock:
    """The lock in an experiment's tree."""
    files = stored(repo, experiment_commit(repo, name))
    return read_lock(LOCK_FILE, files[LOCK_FILE][1]) if LOCK_FILE in files else Lock()


def large(repo: Workspace, name: str) -> dict[str, bytes]:
    """What an experiment's lock names, as the object store has it."""
    store = store_of(repo)
    for out in lock_of(repo, name).outs.values():
        assert store.verify(out.hash)
    return {path: store.path(out.hash).read_bytes() for path, out in lock_of(repo, name).outs.items()}


def warnings(repo: Workspace, name: str) -> tuple[str, ...]:
    experiment = Project.open(repo.path).store.get(name)
    assert experiment is not None
    return tuple(experiment.record.warnings)


def test_a_large_result_is_stored_and_comes_back(repo: Workspace) -> None:
    repo.gitexp("run", "-n", "one", "--", *script("a"))
    repo.gitexp("run", "-n", "two", "--", *script("b", 5000))
    assert large(repo, "one") == {"models/big": content("a")}
    assert large(repo, "two") == {"models/big": content("b", 5000)}
    files = stored(repo, experiment_commit(repo, "one"))
    assert ("models/small" in files, "models/big" in files) == (True, False)
    assert (warnings(repo, "one"), warnings(repo, "two")) == ((), ())
    assert repo.read(LOCK_FILE).encode() == stored(repo, experiment_commit(repo, "two"))[LOCK_FILE][1]
    repo.gitexp("checkout", "one")
    assert (repo.path / "models/big").read_bytes() == content("a")
    (row,) = repo.json("diff", "one", "two")["data"]
    assert (row["path"], row["old"]["size"], row["new"]["size"]) == ("models/big", 3000, 5000)


def test_status(repo: Workspace) -> None:
    repo.gitexp("run", "-n", "one", "--", *script("a"))
    for change, state in ((None, "up to date"), (content("b"), "changed"), (b"", "missing")):
        if change == b"":
            (repo.path / "models/big").unlink()
        elif change is not None:
            repo.write("models/big", change)
        assert repo.json("status")["large"] == [{"path": "models/big", "state": state}]
        assert f"models/big  {state}" in repo.gitexp("status").stdout


def test_apply_says_how_the_model_follows(repo: Workspace) -> None:
    repo.gitexp("run", "-n", "one", "--", *script("a"))
    repo.gitexp("run", "-n", "two", "--", *script("b"))
    follow = "Data and large results as gitexp.lock says now: gitexp checkout"
    assert follow in repo.gitexp("apply", "one").stderr
    repo.gitexp("checkout")
    assert (repo.path / "models/big").read_bytes() == content("a")
    assert follow in repo.gitexp("undo").stderr
    repo.gitexp("checkout")
    assert (repo.path / "models/big").read_bytes() == content("b")


def test_save_stores_it_too_and_writes_nothing_here(repo: Workspace) -> None:
    (repo.path / "models").mkdir()
    repo.write("models/big", content("s"))
    repo.gitexp("save", "-n", "one")
    assert large(repo, "one") == {"models/big": content("s")}
    assert (warnings(repo, "one"), (repo.path / LOCK_FILE).exists()) == ((), False)


def test_an_isolated_run_finds_what_was_there_and_keeps_what_it_made(repo: Workspace) -> None:
    repo.gitexp("run", "-n", "one", "--", *script("a"))
    before = repo.read(LOCK_FILE)
    more = ("sh", "-c", "cat models/big models/big > models/twice")
    result = repo.gitexp("run", "--temp", "-n", "two", "--", *more)
    assert large(repo, "two") == {"models/big": content("a"), "models/twice": content("a") * 2}
    assert repo.read(LOCK_FILE) == before
    assert "not stored" not in result.stderr
    repo.gitexp("run", "--from", "two", "-n", "three", "--", "sh", "-c", "cat models/twice > models/big")
    assert large(repo, "three") == {"models/big": content("a") * 2, "models/twice": content("a") * 2}
    repo.gitexp("run", "--from", "three", "-n", "four", "--", "rm", "models/twice")
    assert large(repo, "four") == {"models/big": content("a") * 2}
    assert (repo.path / "models/big").read_bytes() == content("a")


def test_a_model_that_is_there_no_more_is_not_pretended(repo: Workspace) -> None:
    repo.gitexp("run", "-n", "one", "--", *script("a"))
    (out,) = lock_of(repo, "one").outs.values()
    store_of(repo).remove(out.hash)
    repo.gitexp("run", "--from", "one", "-n", "two", "--", "true")
    assert lock_of(repo, "two").outs == {}
    (said,) = warnings(repo, "two")
    assert said == "not there at the start, for its content is nowhere to be had: models/big"


def test_what_a_run_did_not_write_is_its_input_or_nobodys(repo: Workspace) -> None:
    repo.write(".gitignore", "")
    repo.gitexp("run", "-n", "one", "--", *script("a"))
    repo.gitexp("run", "-n", "reads", "--", "true")
    assert large(repo, "reads") == {"models/big": content("a")}
    repo.write("models/big", content("by hand"))
    result = repo.gitexp("run", "-n", "unknown", "--", "true")
    assert lock_of(repo, "unknown").outs == {}
    assert "left out, over 2.0 kB: models/big" in result.stderr


def test_a_model_that_shrinks_moves_into_git_and_back(repo: Workspace) -> None:
    repo.gitexp("run", "-n", "one", "--", *script("a"))
    repo.gitexp("run", "-n", "two", "--", *script("b", 1000))
    assert lock_of(repo, "two").outs == {}
    assert stored(repo, experiment_commit(repo, "two"))["models/big"][1] == content("b", 1000)
    repo.gitexp("run", "-n", "three", "--", *script("c"))
    assert large(repo, "three") == {"models/big": content("c")}
    assert "models/big" not in stored(repo, experiment_commit(repo, "three"))


def test_the_same_again_is_seen_to_be_the_same(repo: Workspace) -> None:
    repo.gitexp("run", "-n", "one", "--", *script("a"))
    result = repo.gitexp("run", "--once", "--", *script("a"))
    assert "same as one" in result.stderr
    repo.write("data.csv", "1\n")
    repo.git("add", "data.csv")
    assert "same as" not in repo.gitexp("run", "-n", "two", "--", *script("a")).stderr


def test_what_git_does_not_ignore_is_said_once(repo: Workspace) -> None:
    repo.write(".gitignore", "")
    advice = "Git does not ignore models/big: a line in .gitignore keeps it out of your commits"
    for name, said in (("one", (advice,)), ("two", ())):
        repo.gitexp("run", "-n", name, "--", *script(name))
        assert warnings(repo, name) == said


def test_what_git_tracks_stays_in_git(repo: Workspace) -> None:
    (repo.path / "models").mkdir()
    repo.write("models/big", content("t"))
    repo.git("add", "-f", "models/big")
    repo.git("commit", "-qm", "a model")
    repo.gitexp("run", "-n", "one", "--", *script("u"))
    assert stored(repo, experiment_commit(repo, "one"))["models/big"][1] == content("u")
    assert lock_of(repo, "one").outs == {}


def test_links_to_large_results_and_secrets(repo: Workspace) -> None:
    more = "ln -s big models/last; cp models/big models/.env"
    result = repo.gitexp("run", "-n", "one", "--", "sh", "-c", f"{script('a')[2]}; {more}")
    assert large(repo, "one") == {"models/big": content("a")}
    assert stored(repo, experiment_commit(repo, "one"))["models/last"] == ("120000", b"big")
    assert "not stored, looks like a secret: models/.env" in result.stderr


@pytest.mark.parametrize("name", ["aux", "a\nb"])
def test_a_name_that_no_lock_may_have(repo: Workspace, name: str) -> None:
    repo.gitexp("run", "-n", "one", "--", *script("a"))
    command = ("python", "-c", f"open('models/' + {name!r}, 'wb').write(bytes(3000))")
    repo.gitexp("run", "-n", "two", "--", *command)
    assert large(repo, "two") == {"models/big": content("a")}
    (said,) = warnings(repo, "two")
    assert said.startswith("not stored: models/")


def test_names_that_differ_in_case_alone_leave_the_lock_readable(repo: Workspace) -> None:
    if os.path.exists(repo.path / "GITEXP.YAML"):  # noqa: PTH110 - a file system that folds case
        pytest.skip("no two such files here")
    repo.gitexp("run", "-n", "one", "--", "sh", "-c", f"{script('a')[2]}; cp models/big models/BIG")
    assert len(large(repo, "one")) == 1
    (said,) = warnings(repo, "one")
    assert "cannot both stand in one folder" in said


def test_a_lock_with_a_conflict_loses_no_other_result(repo: Workspace) -> None:
    repo.write(LOCK_FILE, "<<<<<<< a\nformat: 1\n=======\n>>>>>>> b\n")
    repo.gitexp("run", "-n", "one", "--", *script("a"))
    (said,) = warnings(repo, "one")
    assert said.startswith("not stored: models/big: ")
    assert "merge" in said
    assert "models/small" in stored(repo, experiment_commit(repo, "one"))


def test_a_conflict_that_comes_while_it_runs(repo: Workspace) -> None:
    conflict = "printf '<<<<<<< a\\n=======\\n>>>>>>> b\\n' > gitexp.lock"
    repo.gitexp("run", "-n", "one", "--", "sh", "-c", f"{script('a')[2]}; {conflict}")
    assert large(repo, "one") == {"models/big": content("a")}
    (said,) = warnings(repo, "one")
    assert said.startswith("the workspace's lock was left as it is: ")


def test_data_and_large_results_stand_in_one_lock(repo: Workspace) -> None:
    repo.write("raw.csv", "1\n")
    with repo.by_user():
        repo.gitexp("add", "raw.csv")
    repo.gitexp("run", "-n", "one", "--", *script("a"))
    lock = lock_of(repo, "one")
    assert ([*lock.data], [*lock.outs]) == (["raw.csv"], ["models/big"])
    assert "same as one" in repo.gitexp("run", "--once", "--", *script("a")).stderr
    repo.write("raw.csv", "2\n")
    with repo.by_user():
        repo.gitexp("add", "raw.csv")
    assert [*read_lock(LOCK_FILE, repo.read(LOCK_FILE).encode()).outs] == ["models/big"]
    assert "same as" not in repo.gitexp("run", "--once", "-n", "two", "--", *script("a")).stderr


def test_a_result_is_no_data(repo: Workspace) -> None:
    repo.gitexp("run", "-n", "one", "--", *script("a"))
    result = repo.gitexp("add", "models/big", check=False)
    assert (result.exit_code, "a result of the command (models stands under outs:)" in result.stderr) == (
        1,
        True,
    )


def test_what_was_data_or_a_stages_is_a_result_now(repo: Workspace) -> None:
    (repo.path / "models").mkdir()
    repo.write("models/big", "data\n")
    repo.write("gitexp.yaml", "{}\n")
    with repo.by_user():
        repo.gitexp("add", "models/big")
    repo.write("gitexp.yaml", CONFIG)
    repo.gitexp("run", "-n", "one", "--", *script("a"))
    assert (lock_of(repo, "one").data, large(repo, "one")) == ({}, {"models/big": content("a")})
    repo.write("gitexp.yaml", f"stages: {{s: {{cmd: {script('b')[2]!r}, outs: [models]}}}}\n")
    repo.gitexp("run", "-n", "two")
    assert (lock_of(repo, "two").outs, [*lock_of(repo, "two").stages]) == ({}, ["s"])
    repo.write("gitexp.yaml", CONFIG)
    repo.gitexp("run", "-n", "three", "--", *script("c"))
    assert (large(repo, "three"), lock_of(repo, "three").stages) == ({"models/big": content("c")}, {})


def test_a_project_in_a_folder(repo: Workspace) -> None:
    repo.write("sub/gitexp.yaml", CONFIG)
    repo.commit()
    repo.writes("sub/*")
    repo.gitexp("run", "-n", "one", "--", *script("a"), cwd="sub")
    files = stored(repo, experiment_commit(repo, "one"))
    lock = read_lock("sub/gitexp.lock", files["sub/gitexp.lock"][1], "sub")
    artifact = lock.outs["sub/models/big"]
    assert isinstance(artifact, Artifact)
    assert store_of(repo).verify(artifact.hash)
    assert LOCK_FILE not in files
