"""Executes a notebook: `python -m` with this module, and FILE [NAME=VALUE]…

It is the process of a run: what the cells print goes to its streams at once, an error of a cell ends it with
the status 1. The notebook with its outputs becomes an artifact of the run, also if it fails.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager, NoSuchKernel
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError

from gitexp import files
from gitexp.extras.integrations.notebook.location import VARIABLE
from gitexp.extras.tracking.run_log import RunLog
from gitexp.files import notebook
from gitexp.files.command_words.masked_arguments import masked
from gitexp.process.variables import RUN
from gitexp.project.tools.notebook_command import override_of
from gitexp.regex import regex

_OFTEN = 10.0  # seconds between two writings of the executed notebook
_TAG = "injected-parameters"  # as papermill has it
_COLOR = regex(r"\x1b\[[0-9;]*m")


def is_installed(name: str) -> bool:
    """Whether Jupyter has a kernel of this name."""
    try:
        KernelSpecManager().get_kernel_spec(name)
    except (NoSuchKernel, ValueError):
        return False
    return True


def main(arguments: Sequence[str]) -> int:
    """Execute a notebook; the exit status."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--kernel", default="")
    parser.add_argument("file", type=Path)
    parser.add_argument("words", nargs="*")
    asked = parser.parse_args(arguments)
    execution = NotebookExecution(asked.file, asked.words)
    with tempfile.TemporaryDirectory(prefix="gitexp-") as place:
        return execution.run(_manager(asked.python, asked.kernel, place))


def _manager(python: str, kernel: str, place: str) -> AsyncKernelManager:
    """The manager of the kernel, with sockets in a folder closed to other users."""
    manager = AsyncKernelManager(connection_file=f"{place}/kernel.json")
    if os.name == "posix":
        manager.transport, manager.ip = "ipc", f"{place}/kernel"
    if kernel:
        manager.kernel_name = kernel
        return manager
    argv = [python, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    manager._kernel_spec = KernelSpec(argv=argv, display_name="Python", language="python")
    return manager


class NotebookExecution:
    """One execution of a notebook."""

    def __init__(self, file: Path, words: Sequence[str]) -> None:
        self._file = file.resolve()
        self._notebook = nbformat.reads(self._file.read_text("utf-8"), as_version=4)
        self._words = list(words)
        self._injected: int | None = None
        folder = os.environ.get(RUN, "")
        self._log = RunLog(Path(folder, "logged")) if folder else None
        self._written = time.monotonic()
        for cell in self._notebook.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        if words:
            self._inject()

    def _inject(self) -> None:
        """Put a cell with the new parameters behind the cell of the parameters."""
        at = notebook.parameters_cell(self._notebook)
        assert at is not None  # the command was checked
        self._injected = at + 1
        cell = nbformat.v4.new_code_cell(self._source(self._words), metadata={"tags": [_TAG]})
        if self._notebook.nbformat_minor < 5:
            cell.pop("id", None)  # cells have none there
        self._notebook.cells.insert(self._injected, cell)

    def _source(self, words: Sequence[str]) -> str:
        """The code with the new parameters."""
        lines = ["# Parameters"]
        for word in words:
            override = override_of(word)
            value = override.value
            lines.append(f"{files.format_key(override.key)} = {value!r}")
        return "\n".join(lines)

    def run(self, manager: AsyncKernelManager) -> int:
        """Execute all cells; the exit status."""
        client = _Client(self._notebook, km=manager, timeout=None, record_timing=False)
        client.on_cell_start = lambda **_: client.require_quiet()
        client.on_cell_executed = lambda **_: self._keep_now_and_then()
        os.environ[VARIABLE] = str(self._file)
        os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")  # else the kernel prints about debuggers
        try:
            client.execute(cwd=str(self._file.parent), cleanup_kc=True)
        except (CellExecutionError, KeyboardInterrupt):
            status = 1  # its traceback has been shown
        except DeadKernelError:
            status = 1
            if not client.stopped_by:
                _show(sys.stderr, f"The kernel of {self._file.name} died.\n")
        else:
            status = 0
        self._keep()
        return 128 + client.stopped_by if client.stopped_by else status

    def _keep_now_and_then(self) -> None:
        if time.monotonic() - self._written > _OFTEN:
            self._keep()
            self._written = time.monotonic()

    def _keep(self) -> None:
        """Write the notebook with the results so far, without secrets among the parameters."""
        if self._log is None:
            return
        if self._injected is not None:
            stored = masked((self._file.name, *self._words)).command[1:]
            self._notebook.cells[self._injected].source = self._source(list(stored))
        text = json.dumps(self._notebook, indent=1, ensure_ascii=False) + "\n"
        data = text.encode("utf-8", "replace")
        self._log.put_file(f"notebook/{self._file.name}", lambda part: part.write(data))


class _Client(NotebookClient):
    """Shows what cells print and display while they run, and hands signals on to the kernel.

    Attributes:
        stopped_by: the first signal asking for the end; 0 for none.
    """

    stopped_by = 0

    async def async_start_new_kernel_client(self) -> Any:
        """Connect to the kernel; from here on signals are heard here, and not by nbclient."""
        with contextlib.suppress(NotImplementedError, RuntimeError):  # Windows
            loop = asyncio.get_running_loop()
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, self._on_signal, number)
        return await super().async_start_new_kernel_client()

    def _on_signal(self, number: int) -> None:
        """Stop the cell as the button does; the second time, the kernel."""
        assert self.km is not None
        is_first, self.stopped_by = not self.stopped_by, self.stopped_by or number
        work: Any = self.km.interrupt_kernel() if is_first else self.km.shutdown_kernel(now=True)
        self._asked = asyncio.ensure_future(work)

    def require_quiet(self) -> None:
        """Raise KeyboardInterrupt for a signal without effect on any cell."""
        if self.stopped_by:
            raise KeyboardInterrupt

    def process_message(self, msg: dict[str, Any], cell: Any, cell_index: int) -> Any:
        content = msg["content"]
        if msg["msg_type"] == "stream":
            _show(sys.stderr if content["name"] == "stderr" else sys.stdout, content["text"])
        elif msg["msg_type"] in ("display_data", "execute_result"):
            text = content["data"].get("text/plain", "")
            _show(sys.stdout, text + "\n" * (not text.endswith("\n")))
        elif msg["msg_type"] == "error":
            _show(sys.stderr, "\n".join(content["traceback"]) + "\n")
        return super().process_message(msg, cell, cell_index)


def _show(stream: Any, text: str) -> None:
    if not stream.isatty():
        text = _COLOR.sub("", text)
    with contextlib.suppress(OSError, ValueError):  # nobody reads it any more
        stream.write(text)
        stream.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
