"""What a worker of Dask does for jobs. It is sent there as text, so the worker needs neither gitexp nor the
same Python; it uses the standard library alone.

A task of Dask is `run`. It starts a process that watches over the job, in a session of its own, and waits.
The watching process, this text once more, starts the job. It ends the job when the worker says so, or dies:
its standard input tells both. So a job ends although Dask goes on with a task that was cancelled, and no job
outlives its worker unseen.
"""

from __future__ import annotations

import collections
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import time
import types
from collections.abc import Collection
from typing import IO, Any

if sys.platform != "win32":
    import fcntl

_MOST_SAID = 1 << 16  # bytes of the output of a job that are told
_MOST_ENDED = 64  # jobs whose output is kept when they have ended
_INTERVAL = 0.1  # seconds between two looks
_PATIENCE = 60.0  # seconds for what a job has left behind to end
_NAME = "_gitexp_jobs"  # of what all tasks in this process share


def run(order: str, text: str, worker: Any) -> None:
    """Run a job to its end; `order` is written by `DaskEngine`, and `text` is this module's."""
    about, shared = json.loads(order), _shared()
    with shared.lock:
        if about["id"] in shared.dropped:
            return
        said = tempfile.TemporaryFile()  # noqa: SIM115  # `forget` closes it
        process = subprocess.Popen(
            [sys.executable, "-I", "-c", text],
            stdin=subprocess.PIPE,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
        shared.at_work[about["id"]] = process
        shared.said[about["id"]] = said
    _tell(process, order)
    worker.log_event(about["topic"], {"id": about["id"], "worker": worker.address})
    while process.poll() is None and about["id"] not in shared.let_go:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(5 * _INTERVAL)
    with shared.lock:
        process.returncode = process.returncode or 0  # one that was let go is waited for by nobody
        with contextlib.suppress(OSError):
            process.stdin.close()  # type: ignore[union-attr]  # it is a pipe
        del shared.at_work[about["id"]]
        while len(shared.said) - len(shared.at_work) > _MOST_ENDED:
            shared.said.popitem(last=False)[1].close()


def at_work() -> list[str]:
    """The ids of the jobs at work here."""
    return list(_shared().at_work)


def end(ids: Collection[str]) -> None:
    """End some jobs by SIGTERM; those that were not begun are not to begin."""
    shared = _shared()
    with shared.lock:
        shared.dropped.update(ids)
        for id in ids:
            if id in shared.at_work:
                _tell(shared.at_work[id], "end")


def let_go(ids: Collection[str]) -> None:
    """Wait for some jobs no longer, and forget what they have said; they go on."""
    shared = _shared()
    shared.let_go.update(ids)
    with shared.lock:
        for id in ids:
            if id in shared.said:
                shared.said.pop(id).close()


def said(id: str) -> str:
    """The end of what a job has printed; "" if that is not known here."""
    file = _shared().said.get(id)
    if file is None:
        return ""
    size = os.fstat(file.fileno()).st_size
    return os.pread(file.fileno(), _MOST_SAID, max(size - _MOST_SAID, 0)).decode("utf-8", "replace")


def _shared() -> Any:
    """What the tasks of this process share, whichever text has made it."""
    made = types.ModuleType(_NAME)
    vars(made).update(lock=threading.Lock(), at_work={}, dropped=set(), let_go=set())
    vars(made).update(said=collections.OrderedDict())
    return sys.modules.setdefault(_NAME, made)


def _tell(process: subprocess.Popen[bytes], line: str) -> None:
    with contextlib.suppress(OSError):  # it has ended meanwhile
        assert process.stdin is not None  # it is a pipe
        process.stdin.write(line.encode() + b"\n")
        process.stdin.flush()


# -- the process that watches over a job ----------------------------------------------------------


def watch() -> None:
    """Start the job that standard input names, and end it when standard input says so, or ends."""
    told = open(0, "rb", buffering=0, closefd=False)  # noqa: SIM115  # a buffer would be locked at the end
    about = json.loads(told.readline())
    to_end = threading.Event()
    listening = (told, to_end, about["ends_with_worker"])
    threading.Thread(target=_listen, args=listening, daemon=True).start()
    environment = {**os.environ, **about["variables"]}
    held = _gpus(about["gpus"], environment, to_end) if about["gpus"] else []
    if to_end.is_set():
        return
    job = subprocess.Popen(
        about["words"],
        cwd=about["folder"] or pathlib.Path.home(),
        stdin=subprocess.DEVNULL,
        env=environment,
        start_new_session=True,
    )
    was_told = False
    while job.poll() is None:
        if to_end.is_set() and not was_told:
            was_told = True
            job.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            job.wait(_INTERVAL)
    if was_told:
        _end_rest(job.pid)
    for file in held:
        file.close()


def _listen(told: IO[bytes], to_end: threading.Event, ends_with_worker: bool) -> None:
    if told.readline() or ends_with_worker:
        to_end.set()


def _end_rest(leader: int) -> None:
    """End what is left of a job's group: a shell may have ended before what it has started."""
    until, number = time.monotonic() + _PATIENCE, signal.SIGTERM.value
    with contextlib.suppress(ProcessLookupError, PermissionError):
        while time.monotonic() < until:
            os.killpg(leader, number)
            number = 0  # from now on, only whether there is somebody
            time.sleep(_INTERVAL)


def _gpus(count: int, environment: dict[str, str], to_end: threading.Event) -> list[Any]:
    """Locks on some GPUs that no other job of this machine has; the environment names them."""
    devices = _devices(environment)
    if len(devices) < count:
        raise SystemExit(f"error: this machine has {len(devices)} GPUs for jobs, and the job needs {count}")
    folder = pathlib.Path(tempfile.gettempdir(), f"gitexp-gpus-{os.getuid()}")
    folder.mkdir(mode=0o700, exist_ok=True)
    held: dict[str, Any] = {}
    while len(held) < count and not to_end.is_set():
        for device in devices:
            if device in held or len(held) == count:
                continue
            file = (folder / device.replace("/", "-")).open("w")  # the lock goes with it
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                held[device] = file
            except OSError:
                file.close()
        if len(held) < count:
            for file in held.values():  # two jobs that have one each would wait for each other
                file.close()
            held.clear()
            time.sleep(_INTERVAL)
    environment["CUDA_VISIBLE_DEVICES"] = ",".join(held)
    return list(held.values())


def _devices(environment: dict[str, str]) -> list[str]:
    """The GPUs that a job may have."""
    if "CUDA_VISIBLE_DEVICES" in environment:
        return [name.strip() for name in environment["CUDA_VISIBLE_DEVICES"].split(",") if name.strip()]
    with contextlib.suppress(OSError):
        found = [path.name.removeprefix("nvidia") for path in pathlib.Path("/dev").glob("nvidia*")]
        return sorted((name for name in found if name.isdigit()), key=int)
    return []


if __name__ == "__main__":
    watch()
