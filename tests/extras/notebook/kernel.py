"""A real Jupyter kernel, and the person who executes cells in it."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

TIMEOUT = 60


class Shown(NamedTuple):
    """What a cell has shown.

    Attributes:
        status: "ok" or "error".
        text: its streams, and its traceback.
        html: what it has displayed as HTML.
    """

    status: str
    text: str
    html: str


class Kernel:
    """A kernel in a folder; a context manager."""

    def __init__(self, folder: Path, notebook: Path | None = None) -> None:
        self._place = TemporaryDirectory(prefix="k-")  # the names of sockets must be short
        place = self._place.name
        self._manager = KernelManager(
            transport="ipc", ip=f"{place}/kernel", connection_file=f"{place}/kernel.json"
        )
        self._manager.kernel_spec.argv[0] = sys.executable
        environment = dict(os.environ)
        if notebook is not None:
            environment["JPY_SESSION_NAME"] = str(notebook)  # as Jupyter Server does
        self._manager.start_kernel(cwd=str(folder), env=environment)
        self._client = self._connected()

    def _connected(self) -> BlockingKernelClient:
        client = self._manager.client()
        client.start_channels()
        client.wait_for_ready(TIMEOUT)
        return client

    def __enter__(self) -> Kernel:
        return self

    def __exit__(self, *error: object) -> None:
        self._client.stop_channels()
        self._manager.shutdown_kernel()
        self._place.cleanup()

    def restart(self) -> None:
        """Does what the button does."""
        self._client.stop_channels()
        self._manager.restart_kernel()
        self._client = self._connected()

    def kill(self) -> None:
        self._manager.signal_kernel(9)
        while self._manager.is_alive():
            time.sleep(0.02)

    def run(self, code: str, *, interrupt_at: str = "") -> Shown:
        """Executes a cell. `interrupt_at`: presses the stop button once the cell has printed that."""
        parts: list[str] = []
        html: list[str] = []

        def hear(message: Mapping[str, Any]) -> None:
            content = message["content"]
            if message["msg_type"] == "stream":
                parts.append(content["text"])
                if interrupt_at and interrupt_at in content["text"]:
                    self._manager.interrupt_kernel()
            elif message["msg_type"] == "error":
                parts.append("\n".join(content["traceback"]))
            elif "data" in content:
                html.append(content["data"].get("text/html", ""))
                parts.append(content["data"].get("text/plain", ""))

        reply = self._client.execute_interactive(code, output_hook=hear, timeout=TIMEOUT)
        return Shown(reply["content"]["status"], "".join(parts), "".join(html))


def as_notebook(cells: Sequence[str], parameters: int | None = None, outputs: Sequence[Any] = ()) -> str:
    """The text of a notebook with these cells, the first one with outputs."""
    made = []
    for number, text in enumerate(cells):
        cell = {
            "cell_type": "code",
            "execution_count": 7 if outputs else None,
            "id": f"cell-{number}",
            "metadata": {"tags": ["parameters"]} if number == parameters else {},
            "outputs": list(outputs) if number == 0 else [],
            "source": text.splitlines(keepends=True),
        }
        made.append(cell)
    document = {
        "cells": made,
        "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(document, indent=1) + "\n"
