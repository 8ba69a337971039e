"""The names of the machine's values: gitexp's, and those of Weights & Biases."""

from __future__ import annotations

from gitexp.named_tuple import NamedTuple
from gitexp.regex import regex

_MIB = 1024.0 * 1024.0
_GPU = regex(r"gpu\.(?P<gpu>[^.]+)\.(?P<what>use|memory)")
_THEIR_GPU = regex(r"gpu\.(?P<gpu>[^.]+)\.(?P<what>gpu|memoryAllocatedBytes)")
_GPU_WORDS = {"use": "gpu", "memory": "memoryAllocatedBytes"}
_OUR_GPU_WORDS = {theirs: ours for ours, theirs in _GPU_WORDS.items()}


class MachineValue(NamedTuple):
    """A value of the machine: percent, or bytes for memory."""

    name: str
    value: float


def as_ours(name: str, value: float) -> MachineValue:
    """A value of wandb's under gitexp's name, if gitexp has one."""
    if name == "proc.memory.rssMB":
        return MachineValue("memory", value * _MIB)
    if name == "proc.cpu":
        return MachineValue("cpu", value)
    if match := _THEIR_GPU.fullmatch(name):
        return MachineValue(f"gpu.{match['gpu']}.{_OUR_GPU_WORDS[match['what']]}", value)
    return MachineValue(name, value)


def as_theirs(name: str, value: float) -> MachineValue:
    """A value of gitexp's under wandb's name, if wandb has one."""
    if name == "memory":
        return MachineValue("proc.memory.rssMB", value / _MIB)
    if name == "cpu":
        return MachineValue("proc.cpu", value)
    if match := _GPU.fullmatch(name):
        return MachineValue(f"gpu.{match['gpu']}.{_GPU_WORDS[match['what']]}", value)
    return MachineValue(name, value)
