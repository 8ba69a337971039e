"""The text of a batch script of Slurm: one array, each of its tasks a job of gitexp's."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from gitexp.extras.engines.engine import AGAIN, ENDING, ENGINE, JOB, MADE_ROOM, Job

# The job stays a child of bash: Slurm sends the signal of the time limit to bash alone, and bash tells the
# job by a file that the limit is near, not that somebody has cancelled it. `set -m`: without it bash would
# have the job ignore Ctrl-C. If the run is to go on after the limit, Slurm starts the job again under its id.
_HEAD = """\
#!/bin/bash
set -m
export {engine}={name}
export {job}="${{SLURM_ARRAY_JOB_ID}}_${{SLURM_ARRAY_TASK_ID}}"
export {ending}={folder}/"${job}.ending"
rm -f -- "${ending}"
[ "${{SLURM_RESTART_COUNT:-0}}" = 0 ] || export {made_room}=1
case "$SLURM_ARRAY_TASK_ID" in
"""
_SETUP = """\
esac
cd -- "$gitexp_folder" || {{ echo "error: this node has no folder $gitexp_folder" >&2; exit 1; }}
trap 'echo "error: setup of the engine has failed: $BASH_COMMAND" >&2' ERR
set -e
{setup}
set +e
trap - ERR
"""
_REST = """\
"${{gitexp_words[@]}}" &
gitexp_child=$!
trap 'gitexp_told=1; kill -TERM "$gitexp_child"' TERM
trap 'gitexp_told=1; : >"${ending}"; kill -TERM "$gitexp_child"' USR1
gitexp_told=1
while [ "$gitexp_told" ]; do
  gitexp_told=
  wait "$gitexp_child"
  gitexp_status=$?
done
rm -f -- "${ending}"
[ "$gitexp_status" != {again} ] || scontrol requeue "${job}"
exit "$gitexp_status"
"""


def batch_script(engine: str, folder: str, jobs: Sequence[Job], setup: str) -> str:
    """The script of an array with a task for each job.

    Args:
        engine: the name of the engine.
        folder: for files of the jobs.
        setup: lines of bash before each job.
    """
    names = {"engine": ENGINE, "job": JOB, "ending": ENDING, "made_room": MADE_ROOM, "again": str(AGAIN)}
    text = _HEAD.format(name=quoted(engine), folder=quoted(folder), **names)
    for number, job in enumerate(jobs):
        text += f"{number})\n"
        for key, value in job.variables.items():
            text += f"export {key}={quoted(value)}\n"
        text += f"gitexp_folder={quoted(job.folder) if job.folder else '~'}\n"
        text += f"gitexp_words=({' '.join(map(quoted, job.words))})\n;;\n"
    # Only now: what is sourced in `setup` may take the words of the script for its own.
    return text + _SETUP.format(setup=setup or ":") + _REST.format(**names)


def quoted(text: str) -> str:
    """A word of bash for a text of any characters. The word holds no end of a line."""
    if not any(char < " " or char == "\x7f" for char in text):
        return shlex.quote(text)
    found = ""
    for char in text:
        if char < " " or char in "\x7f'\\":
            found += f"\\{ord(char):03o}"
        else:
            found += char
    return f"$'{found}'"
