"""The GPUs that a run may use, as the library of NVIDIA's driver tells. The one user of pynvml."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from typing import Any

import pynvml

_ALL = "CUDA_VISIBLE_DEVICES"  # the GPUs that the processes of the run may use


class Gpus:
    """The GPUs; none without a driver of NVIDIA's."""

    def __init__(self) -> None:
        self._handles: dict[int, Any] = {}
        try:
            pynvml.nvmlInit()
            for index in range(pynvml.nvmlDeviceGetCount()):
                handle = pynvml.nvmlDeviceGetHandleByIndex(index)
                if _is_for_run(index, _text(pynvml.nvmlDeviceGetUUID(handle))):
                    self._handles[index] = handle
        except pynvml.NVMLError:  # no driver, or one that does not answer
            self._handles = {}

    def sample(self) -> dict[str, float]:
        """The present numbers of each GPU. A number that a GPU does not tell is missing.

        `gpu.N.use` is in percent, `gpu.N.memory` in bytes, `gpu.N.memory_percent` in percent, `gpu.N.power`
        in watts, `gpu.N.temperature` in degrees Celsius.
        """
        found: dict[str, float] = {}
        for index, handle in self._handles.items():
            for name, read in _NUMBERS.items():
                with contextlib.suppress(pynvml.NVMLError, ZeroDivisionError):
                    found[f"gpu.{index}.{name}"] = read(handle)
        return found


def _memory_percent(handle: Any) -> float:
    memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
    return round(100 * float(memory.used) / float(memory.total), 1)


def _temperature(handle: Any) -> float:
    return float(pynvml.nvmlDeviceGetTemperature(handle, pynvml.NVML_TEMPERATURE_GPU))


_NUMBERS: dict[str, Callable[[Any], float]] = {
    "use": lambda handle: float(pynvml.nvmlDeviceGetUtilizationRates(handle).gpu),
    "memory": lambda handle: float(pynvml.nvmlDeviceGetMemoryInfo(handle).used),
    "memory_percent": _memory_percent,
    "power": lambda handle: round(pynvml.nvmlDeviceGetPowerUsage(handle) / 1000, 1),
    "temperature": _temperature,
}


def _is_for_run(index: int, uuid: str) -> bool:
    """Whether the environment lets the run use a GPU: by its number, or the beginning of its UUID."""
    told = os.environ.get(_ALL)
    if told is None:
        return True
    for each in told.split(","):
        word = each.strip()
        if word == str(index) or (word.startswith(("GPU-", "MIG-")) and uuid.startswith(word)):
            return True
    return False


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
