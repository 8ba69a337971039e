"""The GPUs by the names from nvidia-smi: asked beside the run, for nvidia-smi may take a second."""

from __future__ import annotations

import contextlib
import shutil
import subprocess

from gitexp.process.signals import OWN_GROUP

_SLOWEST = 5.0  # seconds


class GpuProbe:
    """nvidia-smi at work, if installed. Never raises; ask for its `result`."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        if (program := shutil.which("nvidia-smi")) is None:
            return
        with contextlib.suppress(OSError):
            self._process = subprocess.Popen(
                [program, "--query-gpu=name", "--format=csv,noheader"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                process_group=OWN_GROUP,
            )

    def result(self) -> tuple[str, ...]:
        """The names; none without an answer within 5 seconds."""
        if self._process is None:
            return ()
        try:
            answer, _ = self._process.communicate(timeout=_SLOWEST)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
            return ()
        if self._process.returncode != 0:
            return ()
        names = (line.strip() for line in answer.decode("utf-8", "replace").splitlines())
        return tuple(name for name in names if name and name.isprintable())
