"""What hosts are asked over ssh: scripts for `sh`, and their answers.

A script is sent to the standard input of `sh`, so no login shell sees its words. All of it stands in one
function that is called at its end: half of a script does nothing. A job has a folder on its host,
`~/.cache/gitexp/jobs/<id>/`, with its output and its process: the number, and the start of the process by
the clock of the kernel, so that another process with that number is not taken for it. The folder goes when
the engine is closed; after a week if the job has printed something, as it does when it fails.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Collection, Mapping, Sequence

from gitexp.extras.engines.engine import ENGINE, JOB, Job
from gitexp.named_tuple import NamedTuple

_ASK = "gitexp-host"  # the first word of each line of an answer; a login shell may print what it likes

_PRELUDE = """
umask 077
jobs="${XDG_CACHE_HOME:-$HOME/.cache}/gitexp/jobs"
mark() {
  if [ -r "/proc/$1/stat" ]; then
    echo "$(cat /proc/sys/kernel/random/boot_id)-$(sed 's/.*) //' "/proc/$1/stat" | cut -d' ' -f20)"
  else
    LC_ALL=C ps -o lstart= -p "$1" | tr -s ' ' -
  fi 2>/dev/null
}
is_alive() {
  pid=; start=
  [ -f "$jobs/$1/process" ] && read -r pid start <"$jobs/$1/process"
  [ -n "$start" ] && [ "$(mark "$pid")" = "$start" ]
}
say() { echo "gitexp-host $*"; }
begin() {
  id=$1; folder=$2; shift 2
  mkdir -p "$jobs"
  mkdir "$jobs/$id" 2>/dev/null || { say begun "$id"; return; }
  (
    trap '' HUP
    cd "$folder" || exit 1
    prepared || exit 1
    if command -v setsid >/dev/null; then exec setsid env "$@"; else exec env "$@"; fi
  ) >"$jobs/$id/log" 2>&1 </dev/null &
  echo "$! $(mark $!)" >"$jobs/$id/process"
  say begun "$id"
}
look() {
  for id; do
    if is_alive "$id"; then say running "$id"; elif [ -d "$jobs/$id" ]; then say ended "$id"; fi
  done
}
end() {
  for id; do
    if is_alive "$id"; then kill -TERM "$pid" && say told "$id"; fi
  done
}
tell() {
  tail -c 20000 "$jobs/$1/log" 2>/dev/null
}
sweep() {
  (
    trap '' HUP
    for id; do
      seconds=0
      while is_alive "$id" && [ $seconds -lt 30 ]; do sleep 1; seconds=$((seconds + 1)); done
      is_alive "$id" || [ -s "$jobs/$id/log" ] || rm -rf "$jobs/$id"
    done
  ) >/dev/null 2>&1 </dev/null &
}
greet() {
  for gpu in $(nvidia-smi --query-gpu=index --format=csv,noheader 2>/dev/null); do say gpu "$gpu"; done
  find "$jobs" -mindepth 1 -maxdepth 1 -mtime +7 2>/dev/null | while read -r old; do
    is_alive "${old##*/}" || rm -rf "$old"
  done
}
"""


class HostAnswer(NamedTuple):
    """The answer of a host.

    Attributes:
        begun: the jobs begun by the host, now or before.
        running, ended: the jobs known to the host.
        told: the jobs told by the host to end.
        gpus: its GPUs.
    """

    begun: frozenset[str]
    running: frozenset[str]
    ended: frozenset[str]
    told: frozenset[str]
    gpus: tuple[str, ...]


def parsed(out: bytes) -> HostAnswer:
    """The answer of a script."""
    said: dict[str, list[str]] = {}
    for line in out.decode("utf-8", "replace").splitlines():
        word, _, rest = line.partition(" ")
        about, _, value = rest.partition(" ")
        if word == _ASK:
            said.setdefault(about, []).append(value.strip())
    return HostAnswer(
        begun=frozenset(said.get("begun", ())),
        running=frozenset(said.get("running", ())),
        ended=frozenset(said.get("ended", ())),
        told=frozenset(said.get("told", ())),
        gpus=tuple(said.get("gpu", ())),
    )


def greet() -> bytes:
    """Ask for the GPUs, and remove the folders of jobs that ended a week ago."""
    return _script(["greet"])


def begin(jobs: Mapping[str, Job], setup: str, variables: Mapping[str, Mapping[str, str]]) -> bytes:
    """Begin jobs by id; `setup` is a line of shell before each, `variables` are further ones for each."""
    lines = []
    for id, job in jobs.items():
        found = {ENGINE: "", **job.variables, **variables.get(id, {}), JOB: id}
        words = [f"{name}={value}" for name, value in found.items()]
        lines.append(_line("begin", id, job.folder or ".", *words, *job.words))
    return _script(lines, setup)


def look(ids: Collection[str], doomed: Collection[str] = ()) -> bytes:
    """Ask for the states of jobs, some of which are to be ended by SIGTERM."""
    return _script([_line("end", *doomed), _line("look", *ids)])


def sweep(ids: Collection[str]) -> bytes:
    """Have the folders of jobs without output removed, as soon as the jobs have ended."""
    return _script([_line("sweep", *ids)])


def tell(id: str) -> bytes:
    """Ask for the output of a job; the output is the whole answer."""
    return _script([_line("tell", id)])


def _line(*words: str) -> str:
    return " ".join(map(shlex.quote, words))


def _script(lines: Sequence[str], setup: str = "") -> bytes:
    prepared = f"prepared() {{\n{setup or ':'}\n}}"
    text = "\n".join([_PRELUDE, prepared, "main() {", ":", *lines, "}", "main"])
    return os.fsencode(text + "\n")
