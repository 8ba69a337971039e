"""Scenarios: an experiment is run again and certified, a run is signed, runs of another tool are imported."""

from __future__ import annotations

import subprocess
from pathlib import Path

from gitexp.catalog import certificates
from gitexp.model import Experiment, Status
from gitexp.project.project import Project
from tests.crash.scenario import Scenario, stored
from tests.support.kills import experiments
from tests.support.workspace import Workspace

_TRAIN = ("--", "python", "train.py")
_NAMES = ["one", "two"]


def _with_a_run(repo: Workspace) -> None:
    repo.gitexp("run", "--temp", "-q", "-n", "one", *_TRAIN)


def _certified(repo: Workspace) -> None:
    """Certified once or, if it was typed again after all went well, twice; and no run is left half way."""
    assert all(one.record.status.ended for one in experiments(repo))
    one = Project.open(repo.path).store.require("one")
    assert {each.grade for each in certificates.of(one.record)} == {"bitwise"}


def _with_a_key(repo: Workspace) -> None:
    key, signers = repo.path / ".git" / "key", repo.path / ".git" / "signers"
    public = key.with_suffix(".pub")
    with repo.by_user():
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
        signers.write_text(f"ann@example.com {public.read_text()}")
    repo.git("config", "gpg.format", "ssh")
    repo.git("config", "user.signingkey", str(public))
    repo.git("config", "commit.gpgsign", "true")
    repo.git("config", "gpg.ssh.allowedSignersFile", str(signers))


def _signed(repo: Workspace) -> None:
    stored(repo)
    for one in experiments(repo):
        if isinstance(one, Experiment) and one.record.status is Status.DONE:
            assert repo.gitexp("verify", one.name, check=False).exit_code == 0


def _with_mlruns(repo: Workspace) -> None:
    """Two runs as MLflow's file store leaves them, in Git's own folder, where nobody snapshots them."""
    experiment = repo.path / ".git" / "mlruns" / "7"
    with repo.by_user():
        _write_runs(experiment)


def _write_runs(experiment: Path) -> None:
    experiment.mkdir(parents=True)
    (experiment / "meta.yaml").write_text("artifact_location: file:///x\nexperiment_id: '7'\nname: digits\n")
    for number, name in enumerate(_NAMES):
        run = experiment / f"a{number:031x}"
        (run / "metrics").mkdir(parents=True)
        times = f"start_time: {1000 + number}\nend_time: 9000\nstatus: 3\n"
        (run / "meta.yaml").write_text(f"run_id: {run.name}\nrun_name: {name}\nuser_id: ann\n{times}")
        (run / "metrics" / "loss").write_text("1000 0.5 0\n2000 0.25 1\n")


def _imported(repo: Workspace) -> None:
    assert sorted(one.name for one in experiments(repo)) == _NAMES


SCENARIOS = (
    Scenario("reproduce", ("reproduce", "one", "--here", "-q"), _with_a_run, holds=_certified, same=False),
    Scenario(
        "run, signed",
        ("run", "--temp", "-n", "one", *_TRAIN),
        _with_a_key,
        refused=("name-taken",),
        holds=_signed,
        same=False,
    ),
    Scenario("import of runs", ("import", "mlflow", ".git/mlruns"), _with_mlruns, holds=_imported),
)
