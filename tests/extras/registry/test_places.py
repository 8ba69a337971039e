"""Where models come from and go to: logged files, folders, DVC, other clones, keys."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from benchmarks import peers
from tests.extras.registry.test_registry import refused, sha
from tests.support.clones import make_team
from tests.support.dvc import run_with_dvc
from tests.support.stored import forget_store
from tests.support.workspace import Workspace

LOGGING = """
import json, pathlib, gitexp
net = pathlib.Path("made/net")
net.mkdir(parents=True)
(net / "MLmodel").write_text("signature:\\n  inputs: '[{\\"name\\": \\"x\\"}]'\\n  outputs: null\\n")
(net / "weights.bin").write_bytes(b"w" * 5000)
gitexp.log({"loss": 0.25})
gitexp.log_artifact(net, "net")
gitexp.log_artifact(net / "MLmodel", "notes.md")
"""


@pytest.fixture
def logged(repo: Workspace, tmp_path: Path) -> Workspace:
    """The experiment `run`, whose script has logged the folder net with an MLmodel and a large file."""
    repo.allow("refs", "refs/tags/*")
    repo.write("log_net.py", LOGGING)
    repo.write("gitexp.yaml", f"max_untracked: 1kB\nremotes: {{store: {tmp_path / 'store'}}}\n")
    repo.commit()
    repo.gitexp("run", "-q", "--temp", "-n", "run", "--", sys.executable, "log_net.py")
    return repo


def test_a_logged_model(logged: Workspace, tmp_path: Path) -> None:
    """The folder of the MLmodel is found without a path, its signature is read, and its data travels."""
    done = logged.json("model", "register", "run", "net")
    assert (done["path"], done["files"], done["metrics"]) == ("net", 2, {"loss": 0.25})
    assert done["signature"] == {"inputs": '[{"name": "x"}]', "outputs": None}
    assert done["hash"].endswith(".dir")
    one = logged.json("model", "register", "run:net/weights.bin", "weights")
    assert one["hash"] == sha("w" * 5000)
    (tmp_path / "store").mkdir()
    assert "Pushed" in logged.gitexp("data", "push", "net@v0.0.1").stderr
    team = make_team(logged, tmp_path)
    logged.git("push", "-q", "origin", "--tags")
    forget_store(logged)
    team.bob.git("fetch", "-q", "--tags")
    got = team.bob.json("model", "get", "net@latest", "--to", str(tmp_path / "to"))
    assert got["hash"] == done["hash"]
    assert (tmp_path / "to/net/weights.bin").read_bytes() == b"w" * 5000
    shutil.rmtree(tmp_path / "store")
    forget_store(team.bob)
    code, hint = refused(team.bob, "model", "get", "weights@latest", "--to", str(tmp_path / "other"))
    assert code == "missing-data"
    assert hint
    team.bob.close()


def test_several_models_are_refused_with_their_names(models: Workspace) -> None:
    models.write("gitexp.yaml", "outs: [model.pt, best.ckpt]\n")
    models.write("best.ckpt", "best")
    models.gitexp("save", "-q", "-n", "both")
    done = models.gitexp("model", "register", "both", "clf", check=False)
    assert "best.ckpt, model.pt" in done.stderr
    assert "both:best.ckpt" in done.stderr
    models.gitexp("save", "-q", "-n", "none")
    code, _ = refused(models, "model", "register", "HEAD", "clf")
    assert code == "usage"
    models.write("artifacts.yaml", "clf: {path: best.ckpt, type: model}\n")
    models.commit()
    models.gitexp("save", "-q", "-n", "declared")
    assert models.json("model", "register", "declared", "clf")["path"] == "best.ckpt"


def test_two_clones_at_once(models: Workspace, tmp_path: Path) -> None:
    """Each gets versions of its own, and each number of a stage is given once.

    Two stages may get one number at once: their tags have different names, and GTO orders by time.
    """
    team = make_team(models, tmp_path)
    bob = team.bob
    bob.allow("refs", "refs/tags/*")
    for name in ("four", "five"):
        bob.write("model.pt", name)
        bob.gitexp("save", "-q", "-n", name)
    failed = list[str]()

    def work(person: Workspace, names: tuple[str, ...], stage: str) -> None:
        for name in names:
            for words in (("register", f"{name}:model.pt", "clf"), ("promote", "clf@latest", stage)):
                done = person.start("model", *words, "--push", "--json")
                out = done.communicate()[0].decode()
                if done.returncode and json.loads(out)["error"]["code"] != "version-exists":
                    failed.append(out)

    bob.write("gitexp.yaml", models.read("gitexp.yaml"))
    other = threading.Thread(target=work, args=(bob, ("four", "five"), "prod"))
    other.start()
    work(models, ("one", "two"), "prod")
    other.join()
    assert failed == []
    for person in (models, bob):
        person.git("fetch", "-q", "--tags")
    tags = models.git("for-each-ref", "--format=%(refname) %(objectname)", "refs/tags")
    assert tags == bob.git("for-each-ref", "--format=%(refname) %(objectname)", "refs/tags")
    names = [line.split()[0].removeprefix("refs/tags/") for line in tags.splitlines()]
    assert sum("@v" in name for name in names) == 4
    numbers = [name.rpartition("#")[2] for name in names if name.count("#") == 2]
    assert len(set(numbers)) == len(numbers) >= 2
    bob.close()


def test_a_tag_that_is_another_one_there(models: Workspace, tmp_path: Path) -> None:
    """Both have registered a v0.0.1, and only Bob's is at the remote: Ann's gets no stage there."""
    team = make_team(models, tmp_path)
    team.bob.allow("refs", "refs/tags/*")
    team.bob.gitexp("model", "register", "-q", "HEAD:train.py", "clf", "--push")
    models.gitexp("model", "register", "-q", "one", "clf")
    done = models.gitexp("model", "promote", "clf@v0.0.1", "prod", "--push", check=False)
    assert "clf@v0.0.1 is another one at origin" in done.stderr
    assert models.git("tag") == "clf@v0.0.1"
    assert models.json("model", "register", "two", "clf", "--push")["version"] == "v0.0.2"
    assert "clf#prod" not in models.git("ls-remote", "origin")
    team.bob.close()


def test_what_the_remote_refuses_is_not_made_here(models: Workspace, tmp_path: Path) -> None:
    team = make_team(models, tmp_path)
    team.reject('while read old new ref; do case $ref in *"#prod#"*) echo "ask Ada" >&2; exit 1;; esac; done')
    models.gitexp("model", "register", "one", "clf", "--push")
    done = models.gitexp("model", "promote", "clf@latest", "prod", "--push", check=False)
    assert done.exit_code == 1
    assert "origin refuses clf#prod#1" in done.stderr
    assert models.git("tag") == "clf@v0.0.1"
    shutil.rmtree(team.bare)
    assert refused(models, "model", "register", "two", "clf", "--push")[0] == "remote-failed"
    assert models.git("tag") == "clf@v0.0.1"
    team.bob.close()


def test_signed_tags(models: Workspace, tmp_path: Path) -> None:
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    (tmp_path / "allowed").write_text(f"ada@lab {key.with_suffix('.pub').read_text()}")
    for setting in (
        f"user.signingkey {key}.pub",
        "gpg.format ssh",
        f"gpg.ssh.allowedSignersFile {tmp_path / 'allowed'}",
    ):
        models.git("config", *setting.split(" "))
    models.gitexp("model", "register", "one", "clf", "--sign")
    models.git("verify-tag", "clf@v0.0.1")
    assert models.json("model", "show", "clf@v0.0.1")["experiment"] == "one"
    models.git("config", "tag.gpgSign", "true")
    models.gitexp("model", "promote", "clf@latest", "prod")
    models.git("verify-tag", "clf#prod#1")
    models.gitexp("model", "register", "two", "clf", "--no-sign")
    with pytest.raises(AssertionError):
        models.git("verify-tag", "clf@v0.0.2")
    models.git("config", "user.signingkey", str(tmp_path / "none"))
    assert refused(models, "model", "register", "three", "clf")[0] == "not-signed"
    assert "clf@v0.0.3" not in models.git("tag")


def test_a_model_under_dvc(repo: Workspace, tmp_path: Path) -> None:
    """A folder that `dvc add` has taken, and a file in it."""
    dvc = peers.installed()
    if dvc is None:
        pytest.skip("DVC is not installed: python -m benchmarks.peers dvc")
    repo.allow("refs", "refs/tags/*")
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COVERAGE"))}
    env |= {
        "HOME": str(tmp_path / "home"),
        "DVC_NO_ANALYTICS": "1",
        "DVC_SITE_CACHE_DIR": str(tmp_path / "site"),
    }
    (tmp_path / "home").mkdir()
    repo.write("net/a.pt", "a")
    repo.write("net/deep/b.pt", "b")
    with repo.by_user():
        for words in (("init", "-q"), ("add", "-q", "net")):
            assert run_with_dvc(dvc, *words, cwd=repo.path, env=env).returncode == 0
    repo.commit()
    assert repo.json("model", "register", "HEAD:net", "net")["hash"].startswith("md5:")
    repo.gitexp("model", "register", "HEAD:net/deep/b.pt", "part")
    repo.gitexp("model", "get", "net@latest", "--to", str(tmp_path / "to"))
    assert (tmp_path / "to/net/deep/b.pt").read_text() == "b"
    got = repo.json("model", "get", "part@latest", "--to", str(tmp_path / "to"))
    assert Path(got["place"]).read_text() == "b"
    shutil.rmtree(repo.path / ".dvc/cache")
    repo.guard.retake()
    assert refused(repo, "model", "get", "net@latest", "--to", str(tmp_path / "other"))[0] == "missing-data"


def test_a_run_without_a_good_end_is_told(models: Workspace) -> None:
    models.writes("model.pt")
    models.write("train.py", "open('model.pt', 'w').write('half'); raise SystemExit(3)\n")
    models.gitexp("run", "-q", "-n", "broken", "--", "python", "train.py", check=False)
    done = models.gitexp("model", "register", "broken:train.py", "clf")
    assert "warning: broken has come to no good end: it is failed" in done.stderr
    assert "no good end" not in models.gitexp("model", "register", "one:model.pt", "clf").stderr
