"""A cluster of Slurm on this machine: a controller, one node and munge, in a folder of its own.

It starts when a test first asks for it, in a few seconds, and ends with the session. Several may stand beside
each other: each has ports, a key and a configuration of its own.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.support.processes import until
from tests.support.servers import free_port

_SYSTEM = os.pathsep.join(["/usr/sbin", "/usr/local/sbin", "/sbin"])
_CPUS = 4  # said to Slurm, whatever the machine has: the jobs of the tests are small

_CONF = """\
ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/builtin
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/controller.pid
SlurmdPidFile={folder}/node.pid
SlurmctldLogFile={folder}/controller.log
SlurmdLogFile={folder}/node.log
SlurmdParameters=config_overrides
ReturnToService=2
JobAcctGatherType=jobacct_gather/none
SwitchType=switch/none
MpiDefault=none
KillWait=10
MessageTimeout=4
SlurmdTimeout=5
InactiveLimit=0
NodeName={host} NodeAddr=127.0.0.1 Port={node} CPUs={cpus} State=UNKNOWN
PartitionName=usual Nodes={host} Default=YES State=UP PriorityTier=1 PreemptMode=REQUEUE
PartitionName=urgent Nodes={host} State=UP PriorityTier=10 PreemptMode=OFF
"""


class Cluster:
    """A cluster of one node.

    Attributes:
        conf: the configuration, for SLURM_CONF.
        controller: what plans jobs, and is asked.
        node: what starts them.
    """

    def __init__(self, folder: Path) -> None:
        self.conf = folder / "slurm.conf"
        self._folder = folder
        for name in ("state", "spool"):
            (folder / name).mkdir()
        (folder / "munge.key").write_bytes(secrets.token_bytes(128))
        (folder / "munge.key").chmod(0o600)
        text = _CONF.format(
            host=socket.gethostname().partition(".")[0],
            user=getpass.getuser(),
            folder=folder,
            controller=free_port(),
            node=free_port(),
            cpus=_CPUS,
        )
        self.conf.write_text(text)
        os.environ["SLURM_CONF"] = str(self.conf)  # for the daemons; tests say it themselves
        self._munge = self._started(
            ["munged", "--foreground", "--force", "--num-threads=2"],
            *("--key-file", f"{folder}/munge.key", "--socket", f"{folder}/munge.socket"),
            *("--pid-file", f"{folder}/munge.pid", "--seed-file", f"{folder}/munge.seed"),
            *("--log-file", f"{folder}/munge.log"),
        )
        until((folder / "munge.socket").exists)
        self.controller = self._begun_controller("-c")
        self.node = self._begun_node()
        until(self.is_ready)

    def _started(self, command: Sequence[str], *more: str) -> subprocess.Popen[bytes]:
        program = shutil.which(command[0], path=_path())
        assert program is not None
        with (self._folder / "said.log").open("ab") as said:
            return subprocess.Popen(
                [program, *command[1:], *more],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )

    def _begun_controller(self, *words: str) -> subprocess.Popen[bytes]:
        return self._started(["slurmctld", "-D", "-f", str(self.conf), *words])

    def _begun_node(self) -> subprocess.Popen[bytes]:
        return self._started(["slurmd", "-D", "-f", str(self.conf)])

    def is_ready(self) -> bool:
        """Whether jobs could begin now."""
        state = self.ask("sinfo", "-h", "-o", "%T", check=False).partition("\n")[0]
        return state in ("idle", "mixed", "allocated")

    def ask(self, *words: str, check: bool = True) -> str:
        """What one of Slurm's programs answers."""
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
        assert not check or done.returncode == 0, f"{words}: {done.stderr}\n{self.told()}"
        return done.stdout.strip()

    def told(self) -> str:
        """The ends of the logs."""
        logs = [path.read_text("utf-8", "replace")[-3000:] for path in sorted(self._folder.glob("*.log"))]
        return "\n".join(logs)

    def restart_controller(self) -> None:
        """Has the controller end, and come back with what it had stored."""
        self.controller.terminate()
        self.controller.wait()
        self.controller = self._begun_controller()
        until(self.is_ready)

    def end(self) -> None:
        """Ends all jobs and all processes."""
        for process in (self.controller, self.node):
            process.send_signal(signal.SIGCONT)
        self.ask("scancel", "--signal=KILL", "--full", f"--user={os.getuid()}", check=False)
        self.ask("scancel", f"--user={os.getuid()}", check=False)
        for process in (self.node, self.controller, self._munge):
            process.terminate()
        for process in (self.node, self.controller, self._munge):
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for pid in _of_cluster(self.conf):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@pytest.fixture(scope="session")
def slurm_cluster() -> Iterator[Cluster]:
    """A cluster for all tests of the session."""
    for program, package in (("slurmctld", "slurm-wlm"), ("sbatch", "slurm-wlm"), ("munged", "munge")):
        if shutil.which(program, path=_path()) is None:
            pytest.skip(f"{program} is not installed: apt-get install {package}")
    folder = Path(tempfile.mkdtemp(prefix="gitexp-slurm-"))  # the path of a socket may not be long
    before = os.environ.get("SLURM_CONF")
    try:
        cluster = Cluster(folder)
        try:
            yield cluster
        finally:
            cluster.end()
    finally:
        os.environ.pop("SLURM_CONF", None)
        if before is not None:
            os.environ["SLURM_CONF"] = before
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def slurm(slurm_cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """The cluster, without jobs of other tests."""
    monkeypatch.setenv("SLURM_CONF", str(slurm_cluster.conf))
    yield slurm_cluster
    for process in (slurm_cluster.controller, slurm_cluster.node):
        process.send_signal(signal.SIGCONT)
    slurm_cluster.ask("scancel", f"--user={os.getuid()}", check=False)
    until(lambda: slurm_cluster.ask("squeue", "-h", check=False) == "")
    until(slurm_cluster.is_ready)


def _path() -> str:
    return os.environ.get("PATH", os.defpath) + os.pathsep + _SYSTEM


def _of_cluster(conf: Path) -> list[int]:
    """The processes left by jobs: they have the configuration in their environment."""
    found, wanted = [], os.fsencode(conf)
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            texts = (folder / "environ").read_bytes() + (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if wanted in texts and (b"SLURM_JOB" in texts or b"slurmstepd" in texts):
            found.append(int(folder.name))
    return found
