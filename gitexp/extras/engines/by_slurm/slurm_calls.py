"""Slurm's own programs, called with a limit of time, and what their answers mean."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence

from gitexp import errors
from gitexp.extras.engines.engine import JobReport, JobState
from gitexp.regex import regex
from gitexp.words import squeezed

_PATIENCE = 30.0  # seconds for an answer
_LONG_PATIENCE = 120.0  # for sbatch, which itself tries again for a while
_AWAY = regex(
    "contact slurm|timed out|not responding|temporarily|connection|zero bytes|communication|"
    "authentication|munge|try again|unavailable",
    re.IGNORECASE,
)
_AT_ONCE = 500  # ids in one call of scancel
_UNKNOWN_ID = "Invalid job id"
# Of the variables of Slurm's only these say which cluster is meant. The others are those of the job that
# gitexp itself runs in, or filters of the user's for looking.
_OF_CLUSTER = frozenset({"SLURM_CONF", "SLURM_CLUSTERS", "SLURM_CONF_SERVER", "SLURM_JWT"})
_LEFT_OUT = ("SLURM_", "SQUEUE_", "SCANCEL_", "SLURMD_", "SRUN_", "PMI_", "PMIX_")

_WAITING = frozenset(
    {"PENDING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "RESV_DEL_HOLD", "SPECIAL_EXIT", "SUSPENDED"}
)
_ENDED = frozenset(
    {
        *("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "PREEMPTED", "NODE_FAIL", "OUT_OF_MEMORY"),
        *("BOOT_FAIL", "DEADLINE", "REVOKED", "LAUNCH_FAILED", "RECONFIG_FAIL"),
    }
)
_BY_OTHERS = frozenset({"PREEMPTED", "NODE_FAIL", "BOOT_FAIL", "REVOKED", "LAUNCH_FAILED", "RECONFIG_FAIL"})
_PLAIN_ENDS = frozenset({"COMPLETED", "FAILED"})
# Reasons to wait that are a queue's daily business.
_USUAL = frozenset({"None", "Priority", "Resources", "JobArrayTaskLimit", "BeginTime", "Cleaning", "Prolog"})


def sbatch(words: Sequence[str], script: bytes) -> str:
    """The id of a new job. Raises EngineAway, and GitexpError if Slurm refuses the job."""
    status, out, said = _called(["sbatch", "--parsable", *words], script, _LONG_PATIENCE)
    id = out.strip().partition(";")[0]
    if status == 0 and id.isdigit():
        return id
    if _AWAY.search(said):
        raise errors.EngineAway(f"Slurm takes no jobs now: {squeezed(said)}", _LATER)
    raise errors.GitexpError(
        f"Slurm refuses the job: {squeezed(said) or 'sbatch gave no id'}",
        "The options are under engines: in gitexp.yaml; sinfo shows the partitions.",
        code="engine-failed",
    )


def squeue(arrays: Sequence[str]) -> Mapping[str, JobReport]:
    """What Slurm says of all tasks of some arrays, by their ids; of long ended ones nothing. One question.

    Raises EngineAway.
    """
    # With a user, slurmctld sends the jobs of this user alone.
    words = ["squeue", "--noheader", "--array", "--states=all", f"--user={os.getuid()}"]
    words += [f"--jobs={','.join(arrays)}", "--format=%i|%T|%r"]
    status, out, said = _called(words)
    if status != 0:
        if _UNKNOWN_ID in said:
            return {}
        raise errors.EngineAway(f"Slurm does not answer: {squeezed(said)}", _LATER)
    reports = {}
    for line in out.splitlines():
        id, _, rest = line.strip().partition("|")
        state, _, reason = rest.partition("|")
        reports[id] = report_of(state, reason)
    return reports


def sacct(ids: Sequence[str]) -> Mapping[str, JobReport]:
    """How some jobs have ended, by the accounting of the cluster; {} where there is none, or no answer."""
    if shutil.which("sacct") is None:
        return {}
    words = ["sacct", "--allocations", "--noheader", "--parsable2", "--format=JobID,State"]
    try:
        status, out, _ = _called([*words, f"--jobs={','.join(ids)}"])
    except errors.EngineAway:
        return {}
    reports = {}
    for line in out.splitlines() if status == 0 else ():
        id, _, state = line.strip().partition("|")
        state = state.partition(" ")[0]  # CANCELLED by 1000
        if id in ids and state in _ENDED:
            reports[id] = report_of(state, "")
    return reports


def scancel(words: Sequence[str], ids: Sequence[str]) -> None:
    """End some jobs; ended jobs are passed over. Raises EngineAway."""
    for first in range(0, len(ids), _AT_ONCE):
        status, _, said = _called(["scancel", *words, *ids[first : first + _AT_ONCE]])
        if status != 0 and _AWAY.search(said):
            raise errors.EngineAway(f"Slurm does not answer: {squeezed(said)}", _LATER)


def report_of(state: str, reason: str) -> JobReport:
    """What a state of squeue's, with its reason, means."""
    if state in _ENDED:
        told = "" if state in _PLAIN_ENDS else state
        made_room = state == "PREEMPTED"
        return JobReport(JobState.ENDED, told, is_preempted=state in _BY_OTHERS, made_room=made_room)
    if state in _WAITING:
        return JobReport(JobState.WAITING, "" if reason in _USUAL else reason)
    return JobReport(JobState.RUNNING)


_LATER = "Jobs that it has go on. When it answers again: gitexp queue start --engine slurm"


def _called(words: Sequence[str], text: bytes = b"", patience: float = _PATIENCE) -> tuple[int, str, str]:
    """The exit status, the output and the complaints of a program. Raises EngineAway and GitexpError."""
    try:
        done = subprocess.run(
            words, input=text, capture_output=True, timeout=patience, env=_environment(words[0]), check=False
        )
    except subprocess.TimeoutExpired as error:
        raise errors.EngineAway(f"{words[0]} has not answered in {patience:.0f} seconds.", _LATER) from error
    except OSError as error:
        raise errors.GitexpError(
            f"{words[0]} cannot be started: {error.strerror or error}.",
            "Slurm's programs are on the login nodes of its cluster: run gitexp there.",
            code="engine-failed",
        ) from error
    return done.returncode, _decoded(done.stdout), _decoded(done.stderr)


def _environment(program: str) -> dict[str, str]:
    found = {}
    for name, value in os.environ.items():
        if name in _OF_CLUSTER or not name.startswith(_LEFT_OUT):
            found[name] = value
    if program != "sbatch":  # the jobs have the environment of sbatch
        found["LC_ALL"] = "C"
    return found


def _decoded(said: bytes) -> str:
    return said.decode("utf-8", "replace").strip()
