"""Scripts on the Python of another environment, without the seconds that its packages take to import.

A process that has imported them forks one for each script (`warm_server`). All test processes of a session
share it. A forked process is one of its own in all that tests look at: its folder and environment, its
standard output, its death by SIGKILL, its exit status.
"""

from __future__ import annotations

import array
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

from benchmarks.peers import AIM, DVC, FRAMEWORKS, MLFLOW, TRACKERS, Peer
from tests.support import warm_server

if sys.platform != "win32":
    import fcntl

# What more than one script of an environment imports, by the environment.
_SQLITE_STORE = "mlflow.store.tracking.sqlalchemy_store"
_MODULES = {
    DVC.name: (
        *("dvc.cli.parser", "dvc.repo.init", "dvc.repo.index", "dvc.repo.status", "dvc.repo.reproduce"),
        *("dvc.parsing", "dvc.stage.cache", "dvc.utils.hydra", "dvc.utils.strictyaml", "dvc.repo.plots.diff"),
        *("dvc.repo.experiments.run", "dvc.repo.experiments.save", "dvc.repo.experiments.show"),
        *("dvc.repo.experiments.apply", "dvc.repo.experiments.executor.local", "dvc.render.match"),
        *("dvc.repo.experiments.queue.celery", "dvc.repo.experiments.queue.tempdir"),
        *("dvc_task.app.filesystem", "networkx", "pygit2", "pyparsing", "rich.traceback", "ruamel.yaml"),
        *("tomlkit", "click.testing", "gto.cli"),
    ),
    MLFLOW.name: (_SQLITE_STORE, "sklearn.linear_model", "sklearn.datasets"),
    TRACKERS.name: (_SQLITE_STORE,),
    AIM.name: ("aim", "gitexp.cli.main"),
    DVC.name: (
        *("dvc.cli.parser", "dvc.repo.init", "dvc.repo.index", "dvc.repo.status", "dvc.repo.reproduce"),
        *("dvc.parsing", "dvc.stage.cache", "dvc.utils.hydra", "dvc.utils.strictyaml"),
        *("dvc.repo.plots.diff", "dvc.render.match", "dvc.repo.experiments.apply"),
        *("dvc.repo.experiments.run", "dvc.repo.experiments.save", "dvc.repo.experiments.show"),
        *("dvc.repo.experiments.executor.local", "dvc.repo.experiments.queue.celery"),
        *("dvc.repo.experiments.queue.tempdir", "dvc_task.app.filesystem"),
        *("networkx", "pygit2", "pyparsing", "rich.traceback", "ruamel.yaml", "tomlkit"),
    ),
    FRAMEWORKS.name: ("torch", "sklearn.linear_model", "sklearn.model_selection"),
}
_WAITS = 300.0  # seconds; the first script waits for the imports
_STARTED: list[subprocess.Popen[bytes]] = []  # they end after the tests, see `warm_server.serve`


class WarmPython(NamedTuple):
    """An interpreter in whose processes some modules are imported already, on Linux.

    Attributes:
        python: the interpreter, in an environment of its own.
        modules: the names of the modules; a process is started anew if there are none.
    """

    python: Path
    modules: tuple[str, ...]

    @property
    def _forks(self) -> bool:
        return bool(self.modules) and sys.platform == "linux"

    def run(
        self, words: Sequence[str | Path], cwd: Path, env: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        """`python WORDS…`, with its output."""
        if not self._forks:
            program = [self.python, *words]
            return subprocess.run(program, cwd=cwd, env=env, capture_output=True, text=True, check=False)
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            with self._begun(words, cwd, env, (out, err)) as connection:
                status = connection.recv(64)
            out.seek(0)
            err.seek(0)
            said, told = out.read().decode(), err.read().decode()
        assert status, f"no answer from {self.python} for {words}: {said}{told}"
        return subprocess.CompletedProcess(words, int(status), said, told)

    @contextmanager
    def running(
        self, words: Sequence[str | Path], cwd: Path, env: Mapping[str, str], log: Path
    ) -> Iterator[None]:
        """`python WORDS…` for as long as the block takes, with its output in `log`."""
        with log.open("wb") as written:
            if not self._forks:
                program = [self.python, *words]
                with subprocess.Popen(program, cwd=cwd, env=env, stdout=written, stderr=written) as process:
                    yield
                    process.terminate()
                return
            with self._begun(words, cwd, env, (written, written)) as connection:
                yield
                connection.shutdown(socket.SHUT_WR)  # which ends the process
                connection.recv(64)

    @contextmanager
    def _begun(
        self,
        words: Sequence[str | Path],
        cwd: Path,
        env: Mapping[str, str],
        files: tuple[IO[bytes], IO[bytes]],
    ) -> Iterator[socket.socket]:
        """The connection to a process that has been forked. It gives the exit status."""
        order = {"words": [str(word) for word in words], "cwd": str(cwd), "env": dict(env)}
        request = json.dumps(order).encode()
        fds = array.array("i", [file.fileno() for file in files])
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_WAITS)
            connection.connect(str(self._server()))
            size = len(request).to_bytes(8, "big")
            connection.sendmsg([size], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
            connection.sendall(request)
            yield connection

    def _server(self) -> Path:
        """The socket of the session's server, which is started if there is none."""
        tests = os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()
        session = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(tests))
        folder = Path(tempfile.gettempdir()) / f"gitexp-warm-{session}"
        folder.mkdir(exist_ok=True)
        address = folder / f"{self.python.parent.parent.name}.socket"
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not address.exists():
                with socket.socket(socket.AF_UNIX) as listening:
                    listening.bind(str(address))
                    listening.listen(64)
                    self._start(listening.fileno(), tests, folder)
        return address

    def _start(self, descriptor: int, tests: int, folder: Path) -> None:
        program = [self.python, warm_server.__file__, str(descriptor), str(tests), folder, *self.modules]
        env = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # a fork has one thread
        settings: dict[str, Any] = {"pass_fds": [descriptor], "start_new_session": True}
        with (folder / f"{self.python.parent.parent.name}.log").open("wb") as log:
            settings |= {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log}
            _STARTED.append(subprocess.Popen(program, env=env, **settings))


def warm_gitexp() -> WarmPython:
    """The Python of the tests, with what a script imports that logs by itself."""
    tracking = "gitexp.extras.tracking"
    return WarmPython(
        Path(sys.executable), ("gitexp.runs.run", f"{tracking}.api", f"{tracking}.own_run", f"{tracking}.run")
    )


def warm(peer: Peer, python: Path) -> WarmPython:
    """The Python of an environment, which may be elsewhere."""
    return WarmPython(python, _MODULES.get(peer.name, ()))
