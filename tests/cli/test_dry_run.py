"""A dry run says what would be, and changes nothing: on every command that has the flag."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitexp.model import Status
from gitexp.process.liveness import process_of
from tests.cli.test_flags import having
from tests.support.clones import Team, make_team
from tests.support.experiments import put
from tests.support.stored import age, put_object, store_of
from tests.support.workspace import Workspace

# A command line for each command with --dry-run, and a word of what it says.
LINES = {
    "init": ("init --force", "Would write gitexp.yaml"),
    "run": ("run -n new -S train.lr=0.7 -- touch made", "Run touch made"),
    "save": ("save -n new", "new done"),
    "add": ("add big", "big"),
    "checkout": ("checkout one", ""),
    "branch": ("branch one side", "Branch side"),
    "apply": ("apply one", "one is in the workspace"),
    "undo": ("undo", "Taken back"),
    "redo": ("redo", "Done again"),
    "artifacts": ("artifacts one --output new", "no files"),
    "metrics": ("metrics one --from-file train.py", ""),
    "stop": ("stop one", ""),
    "queue start": ("queue start", ""),
    "queue stop": ("queue stop", ""),
    "queue remove": ("queue remove waiting", "1 run taken out"),
    "queue move": ("queue move waiting --last", "moved to the end"),
    "queue push": ("queue push waiting", "1 run now waits at origin"),
    "queue pull": ("queue pull handed-over", "1 run now waits here"),
    "queue retry": ("queue retry --failed -A", "queued again"),
    "sweep run": ("sweep run", "2 trials by grid"),
    "sweep stop": ("sweep stop", "asked to stop"),
    "model register": ("model register one:train.py net", "net@v0.0.1 is train.py"),
    "model promote": ("model promote clf@latest dev", "clf@v1.0.0 is in dev"),
    "model demote": ("model demote clf prod", "out of prod"),
    "model deprecate": ("model deprecate clf@v1.0.0", "is taken back"),
    "model export": ("model export clf --as mlflow -o new", "exported: mlflow"),
    "model get": ("model get clf --to new", "copied"),
    "note": ("note one -m text", "text"),
    "tag": ("tag one best", "best"),
    "rename": ("rename one two-and-a-half", "two-and-a-half"),
    "remove": ("remove one", "Removed one"),
    "restore": ("restore gone", "gone is back"),
    "push": ("push one", "Pushed one"),
    "pull": ("pull theirs", "Pulled theirs"),
    "export": ("export one --as ro-crate", "1 experiment would be written"),
    "import": ("import {bob} theirs --name mine", "Imported mine"),
    "remote add": ("remote add other {new}/other", "other"),
    "remote remove": ("remote remove store", "store"),
    "data push": ("data push one", "Pushed"),
    "data pull": ("data pull one", "Up to date"),
    "doctor": ("doctor --fix", ""),
    "gc": ("gc --older-than 1d", "nothing refers to"),
    "fsck": ("fsck", ""),
    "skill install": ("skill install", "Would write .claude"),
    "judge": ("judge one tagged --run", ""),
    "why": ("why one tagged", ""),
    "reproduce": ("reproduce one", ""),
    "loop run": ("loop run --edit true --metric acc", ""),
}
ELSEWHERE = {
    "stop",
    "judge",
    "why",
    "reproduce",
    "loop run",
}  # need runs of their own: below, and in tests/extras/inference

SWEEP = "sweep: {parameters: {train.lr: [0.3, 0.5]}, method: grid}\n"


def state_of(folder: Path) -> dict[str, str]:
    """Every file of a workspace and of gitexp's own, HEAD, the index and all refs.

    Git's objects do not count: an object that nothing refers to is nothing.
    """
    found = {}
    for file in sorted(folder.rglob("*")):
        path = file.relative_to(folder).as_posix()
        # Locks, caches, and when an experiment in the trash was first seen: what every command may write.
        passing = ("stat.sqlite", "/locks/", "/scratch/", "/tmp/", "records", "cache", "trash.json")
        inner = path.startswith(".git/") and not path.startswith((".git/gitexp/", ".git/HEAD", ".git/config"))
        if file.is_file() and not inner and not any(part in path for part in passing):
            found[path] = hashlib.sha256(file.read_bytes()).hexdigest()
    for args in (("for-each-ref",), ("ls-files", "--stage"), ("status", "--porcelain")):
        done = subprocess.run(["git", *args], cwd=folder, capture_output=True, check=False)
        found[args[0]] = done.stdout.decode()
    return found


@pytest.fixture
def team(repo: Workspace, tmp_path: Path) -> Iterator[Team]:
    """Ann has experiments, also in the trash, changes to undo and redo, data and garbage; Bob has pushed."""
    (tmp_path / "store").mkdir()
    repo.write("gitexp.yaml", f"command: python train.py\nremotes:\n  store: {tmp_path / 'store'}\n{SWEEP}")
    repo.commit()
    team = make_team(repo, tmp_path)
    team.bob.git("pull", "-q", "origin", "main")
    repo.gitexp("run", "-q", "--queue", "-n", "handed-over")
    repo.gitexp("queue", "push", "-q")
    repo.write("data", "1")
    repo.allow("files", ".gitignore", "gitexp.lock", "gitexp.yaml")
    repo.gitexp("add", "-q", "data")
    repo.write("train.py", repo.read("train.py") + "# more\n")
    for name in ("one", "gone", "tagged"):
        repo.gitexp("save", "-q", "-n", name)
    repo.git("checkout", "-q", "train.py")
    repo.gitexp("remove", "-q", "-y", "gone")
    repo.allow("refs", "refs/tags/clf*")
    repo.gitexp("model", "register", "-q", "tagged:train.py", "clf", "--version", "1.0.0")
    repo.gitexp("model", "promote", "-q", "clf@latest", "prod")
    repo.gitexp("tag", "-q", "tagged", "red")
    repo.gitexp("tag", "-q", "tagged", "blue")
    repo.gitexp("undo", "-q")
    for hash_ in store_of(repo).contents(put_object(repo, "garbage", {"a": "x"}).hash):
        age(store_of(repo).path(hash_))
    repo.gitexp("run", "-q", "--queue", "-n", "waiting")
    team.bob.gitexp("save", "-q", "-n", "theirs")
    team.bob.gitexp("push", "-q", "--no-data", "theirs")
    repo.write("big", "many bytes")
    yield team
    team.bob.close()


def test_nothing_changes_here_or_there(team: Team, tmp_path: Path) -> None:
    ann, missing, broken = team.ann, having("--dry-run") - LINES.keys(), []
    assert not missing
    places = [ann.path, team.bare, tmp_path / "store"]
    ann.gitexp("show", "-A")
    before = [state_of(place) for place in places]
    for command, (line, said) in LINES.items():
        if command in ELSEWHERE:
            continue
        words = line.format(bob=team.bob.path, new=tmp_path).split()
        dash = words.index("--") if "--" in words else len(words)
        done = ann.gitexp(*words[:dash], "--dry-run", *words[dash:], check=False)
        told = [text for text in done.stderr.splitlines() if said in text]
        marked = not said or (told and told[0].startswith("dry run: "))
        after = [state_of(place) for place in places]
        changed = [
            key
            for old, new in zip(before, after, strict=True)
            for key in {**old, **new}
            if old.get(key) != new.get(key)
        ]
        if not marked or changed or "Traceback" in done.stderr or done.exit_code == 2:
            broken.append((command, done, changed))
            before = after
    assert not broken, "\n".join(map(str, broken))


def test_a_run_goes_on_after_a_dry_stop(repo: Workspace) -> None:
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as run:
        put(repo, "one", status=Status.RUNNING, process=process_of(run.pid))
        told = repo.gitexp("stop", "one", "--dry-run").stderr
        assert told.startswith("dry run: one running")
        assert run.poll() is None
        run.kill()


def test_the_answer_for_a_program_says_so(repo: Workspace) -> None:
    put(repo, "one")
    assert repo.json("remove", "one", "--dry-run") == {"removed": ["one"], "dry_run": True}
    (row,) = json.loads(
        repo.gitexp("metrics", "one", "--from-file", "x", "--dry-run", "--json", check=False).stdout
    )
    assert row["dry_run"]
    assert "dry_run" not in repo.json("remove", "one", "--yes")
