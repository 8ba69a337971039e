"""Signatures by real keys of ssh, `gitexp verify` and `gitexp pull --verify`, and what a forger may try."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gitexp import errors
from gitexp.catalog.query import Query
from gitexp.history.edit import tag
from gitexp.model import Experiment, Status
from gitexp.project.project import Project
from gitexp.repo import records
from gitexp.repo.experiments import PREFIX, subject
from gitexp.repo.git.signatures import split
from gitexp.runs.request import RunRequest
from gitexp.runs.run import run
from gitexp.runs.save import save
from gitexp.sharing.partner import Fate
from gitexp.sharing.pull import PullRequest, pull
from gitexp.upkeep.verify import Verified, verify
from tests.support.kills import KILLED, assert_put_right
from tests.support.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="written in sh")

TRAIN = "import json; json.dump({'acc': 0.5}, open('metrics.json', 'w'))\n"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the keys of Alice, whom everybody knows, and of Mallory."""
    folder = tmp_path_factory.mktemp("keys")
    for name in ("alice", "mallory"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(folder / name)], check=True
        )
    public = (folder / "alice.pub").read_text().split()[:2]
    (folder / "allowed").write_text(f"alice@lab {' '.join(public)}\n")
    return folder


@pytest.fixture
def signing(repo: Workspace, keys: Path) -> Workspace:
    repo.write("train.py", TRAIN)
    repo.write("gitexp.yaml", "command: python train.py\nsign: true\nouts: [model]\nmax_untracked: 2 KB\n")
    repo.commit()
    repo.git("config", "gpg.format", "ssh")
    repo.git("config", "gpg.ssh.allowedSignersFile", str(keys / "allowed"))
    use(repo, keys / "alice.pub")
    repo.writes("metrics.json", "model")
    repo.allow("files", "gitexp.lock")
    return repo


def use(repo: Workspace, key: Path) -> None:
    repo.git("config", "user.signingkey", str(key))


def ran(repo: Workspace, name: str, **request: Any) -> Experiment:
    return run(Project.open(repo.path), RunRequest(stdout=2, name=name, **request)).experiment


def found(repo: Workspace, *names: str) -> dict[str, Verified]:
    every = Query(everything=True)
    return {one.name: one for one in verify(Project.open(repo.path), names, every)}


def move(repo: Workspace, name: str, commit: str) -> None:
    repo.git("update-ref", PREFIX + name, commit)


def test_records_and_commits_are_signed_as_git_signs(signing: Workspace) -> None:
    one = ran(signing, "one")
    for commit in (one.id, one.record.commit):
        signing.git("verify-commit", commit)
    project = Project.open(signing.path)
    tag(project, "one", ["good"])
    signing.git("verify-commit", PREFIX + "one")
    save(project, "two")
    verified = found(signing)
    assert [(each.is_good, each.signature.last.by) for each in verified.values()] == [(True, "alice@lab")] * 2
    assert not any(
        "gpgsig" in line for line in signing.git("cat-file", "-p", one.record.baseline).splitlines()
    )


@pytest.mark.parametrize(
    ("config", "settings", "signed"),
    [
        ("{}\n", {"commit.gpgsign": "true"}, True),
        ("{}\n", {"commit.gpgsign": "false"}, False),
        ("sign: false\n", {"commit.gpgsign": "true"}, False),
        ("sign: true\n", {"user.signingkey": "key::{}"}, True),
    ],
)
def test_who_signs(
    signing: Workspace, keys: Path, config: str, settings: dict[str, str], signed: bool
) -> None:
    signing.write("gitexp.yaml", config)
    signing.commit()
    agent: dict[str, str] = {}
    for key, value in settings.items():
        if "{}" in value:  # a key that only an agent has
            said = subprocess.run(["ssh-agent", "-s"], capture_output=True, text=True, check=True).stdout
            agent = dict(re.findall(r"(SSH_\w+)=([^;]+)", said))
            subprocess.run(["ssh-add", "-q", str(keys / "alice")], env={**os.environ, **agent}, check=True)
        signing.git("config", key, value.format((keys / "alice.pub").read_text().strip()))
    os.environ.update(agent)
    try:
        one = ran(signing, "one", command=("python", "train.py"))
    finally:
        for key in agent:
            del os.environ[key]
        if agent:
            os.kill(int(agent["SSH_AGENT_PID"]), 15)
    (_, signatures) = split(signing.git("cat-file", "commit", one.id).encode())
    assert len(signatures) == signed


def test_a_missing_key_is_said_before_the_run(signing: Workspace, keys: Path) -> None:
    use(signing, keys / "nobody.pub")
    with pytest.raises(errors.SigningFailed, match=r"nobody\.pub"):
        ran(signing, "one")
    assert found(signing) == {}
    locked = keys / "locked"
    if not locked.exists():
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "words", "-f", str(locked)], check=True)
    use(signing, locked)
    with pytest.raises(errors.SigningFailed):  # and it asks nobody
        ran(signing, "one")


@pytest.mark.parametrize("queued", [False, True])
def test_a_run_is_stored_without_a_signature_if_there_can_be_none(
    signing: Workspace, keys: Path, tmp_path: Path, queued: bool
) -> None:
    key = tmp_path / "key"
    for ending in ("", ".pub"):
        (tmp_path / f"key{ending}").write_bytes((keys / f"alice{ending}").read_bytes())
    key.chmod(0o600)
    use(signing, tmp_path / "key.pub")
    if queued:
        signing.gitexp("run", "--queue", "-n", "one")
        key.unlink()
        signing.gitexp("queue", "start", "-j", "1")
    else:
        ran(signing, "one", command=f"rm {key}; python train.py")
    one = Project.open(signing.path).store.require("one")
    assert one.record.status is Status.DONE
    assert any(text.startswith("not signed: ") for text in one.record.warnings)
    assert not found(signing)["one"].is_good
    with pytest.raises(errors.SigningFailed):  # an edit can wait for the key
        tag(Project.open(signing.path), "one", ["x"])


@pytest.mark.parametrize("point", ["finish:commit", "finish:stored"])
def test_killed_at_its_end_a_run_is_signed_by_the_next_command(signing: Workspace, point: str) -> None:
    result = signing.gitexp("run", "-n", "one", env={"GITEXP_FAILPOINT": point}, check=False)
    assert result.exit_code == KILLED
    assert_put_right(signing, point, Status.DONE)
    verified = found(signing)["one"]
    assert verified.is_good, verified
    signing.git("verify-commit", Project.open(signing.path).store.require("one").record.commit)


# -- forgeries ------------------------------------------------------------------------------------------


def rewritten(repo: Workspace, commit: str, change: Callable[[str], str]) -> str:
    """A commit with other text, and the signature as it was."""
    text = change(repo.git("cat-file", "commit", commit) + "\n")
    return repo.git("hash-object", "-t", "commit", "-w", "--stdin", input=text)


def with_record(repo: Workspace, one: Experiment, **fields: Any) -> str:
    """An unsigned record on top of an experiment."""
    project = Project.open(repo.path)
    record = replace(one.record, **fields)
    return project.repo.write_commit(f"{one.id}^{{tree}}", [one.id], records.encode(record, subject(record)))


def better(repo: Workspace, one: Experiment, other: Experiment) -> str:
    return rewritten(repo, one.id, lambda text: text.replace('"acc":0.5', '"acc":0.9'))


def other_tree(repo: Workspace, one: Experiment, other: Experiment) -> str:
    trees = [repo.git("rev-parse", f"{each.id}^{{tree}}") for each in (one, other)]
    return rewritten(repo, one.id, lambda text: text.replace(trees[0], trees[1]))


def record_of_another(repo: Workspace, one: Experiment, other: Experiment) -> str:
    return rewritten(repo, other.id, lambda text: text.replace(other.record.commit, one.record.commit, 1))


def another_experiment(repo: Workspace, one: Experiment, other: Experiment) -> str:
    return other.id


def unsigned_edit(repo: Workspace, one: Experiment, other: Experiment) -> str:
    tree = repo.git("rev-parse", f"{one.id}^{{tree}}")
    message = records.encode(replace(one.record, note="trust me"), "one")
    return repo.git("commit-tree", tree, "-p", one.id, input=message)


def two_signatures(repo: Workspace, one: Experiment, other: Experiment) -> str:
    def twice(text: str) -> str:
        header = re.search(r"^gpgsig (?:.*\n )*.*\n", text, re.MULTILINE)
        assert header is not None
        return text.replace(header[0], header[0] * 2, 1)

    return rewritten(repo, one.id, twice)


FORGERIES = {
    "other metrics": (better, "does not fit"),
    "another tree": (other_tree, "does not fit"),
    "the record of another": (record_of_another, "does not fit"),
    "another experiment": (another_experiment, "another name: other"),
    "an unsigned edit": (unsigned_edit, "not signed"),
    "two signatures": (two_signatures, "several"),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forgery_is_found_and_not_pulled(signing: Workspace, tmp_path: Path, name: str) -> None:
    one, other = ran(signing, "one"), ran(signing, "other", command="python train.py; echo 1")
    forge, told = FORGERIES[name]
    move(signing, "one", forge(signing, one, other))
    verified = found(signing)
    assert not verified["one"].is_good
    assert told in verified["one"].signature.told
    assert verified["other"].is_good
    signing.git("init", "-q", "--bare", str(tmp_path / "team.git"))
    signing.git("remote", "add", "origin", str(tmp_path / "team.git"))
    signing.git("push", "-q", "origin", "HEAD")
    signing.git("push", "-q", "origin", "refs/gitexp/exps/*:refs/gitexp/exps/*")
    signing.git("for-each-ref", "--format=delete %(refname)", "refs/gitexp/exps")
    for each in ("one", "other"):
        signing.git("update-ref", "-d", PREFIX + each)
    pulled = pull(Project.open(signing.path), PullRequest(everything=True, verify=True))
    fates = {each.there: each.fate for each in pulled.experiments}
    assert fates == {"one": Fate.REFUSED, "other": Fate.NEW}
    assert list(found(signing)) == ["other"]


def test_an_unknown_signer_a_revoked_key_and_an_earlier_record(
    signing: Workspace, keys: Path, tmp_path: Path
) -> None:
    use(signing, keys / "mallory.pub")
    ran(signing, "one")
    use(signing, keys / "alice.pub")
    ran(signing, "two")
    tag(Project.open(signing.path), "one", ["seen"])  # which vouches for nothing
    verified = found(signing)
    assert "an earlier record: its key is not among" in verified["one"].signature.told
    assert verified["two"].is_good
    (tmp_path / "revoked").write_text((keys / "alice.pub").read_text())
    signing.git("config", "gpg.ssh.revocationFile", str(tmp_path / "revoked"))
    assert "revoked" in found(signing)["two"].signature.told
    signing.git("config", "--unset", "gpg.ssh.allowedSignersFile")
    assert "allowedSignersFile" in found(signing)["two"].signature.told


def test_what_is_signed_and_not_so(signing: Workspace) -> None:
    """Its maker has the key, and lies: about the tree, protected files, certificates and data."""
    signing.write("gitexp.yaml", signing.read("gitexp.yaml") + "protected: [evaluate.py]\n")
    signing.write("evaluate.py", "1\n")
    signing.commit()
    big = "open('model', 'w').write('7' * 5000)"
    signing.write("train.py", TRAIN + big)
    signing.write("evaluate.py", "2\n")
    project = Project.open(signing.path)
    one = ran(signing, "one")
    assert found(signing)["one"].is_good
    lying = replace(one.record, protected={key: one.record.protected[key] for key in ("at", "hash")})
    certificate = {"grade": "bitwise", "by": "a", "host": "h", "time": "t", "experiment": "two"}
    two = ran(signing, "two", command="python train.py; echo 1")
    lying = replace(lying, certificates=({**certificate, "commit": two.record.commit},))
    change = project.store.on_top(one, lying)
    assert change.new is not None
    move(signing, "one", change.new)
    (object_,) = [
        path for path in project.local.objects.rglob("*") if path.is_file() and path.stat().st_size == 5000
    ]
    object_.chmod(0o600)
    object_.write_text("x")
    verified = found(signing)["one"]
    assert verified.signature.is_good
    said = "\n".join(verified.problems)
    for part in ("does not name: evaluate.py", "certificate is of another experiment", "damaged here"):
        assert part in said
    object_.unlink()
    assert found(signing, "two")["two"].absent == ["model"]
    assert found(signing, "two")["two"].is_good


def test_the_command(signing: Workspace, keys: Path) -> None:
    assert signing.json("verify") == []
    signing.gitexp("run", "-n", "one")
    assert "alice@lab" in signing.gitexp("verify", "one").stdout
    use(signing, keys / "mallory.pub")
    signing.gitexp("run", "-n", "two")
    done = signing.gitexp("verify", "--json", check=False)
    assert done.exit_code == 1
    assert {one["name"]: one["verified"] for one in json.loads(done.stdout)} == {"one": True, "two": False}


def test_a_plain_experiment_is_told_as_not_signed(repo: Workspace) -> None:
    repo.gitexp("run", "-q", "-n", "one", "--", "true")
    told = repo.gitexp("verify", check=False).stderr
    assert told == "1 of 1 experiment is not signed.\n"
