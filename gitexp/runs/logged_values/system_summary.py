"""What a run took of its machine, in a few numbers for its record."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from gitexp.files.lines import series
from gitexp.regex import regex

_GPU = regex(r"gpu\.\d+\.(use|memory)")


def summary(lines: Iterable[bytes]) -> dict[str, float]:
    """The numbers for the record from the lines of `system.jsonl`; {} without any.

    Returns:
        cpu: the mean use in percent of one core.
        memory: the most bytes at a time.
        gpu: the mean use of the GPUs in percent.
        gpu_memory: the most bytes on all GPUs at a time.
    """
    means: dict[str, list[float]] = defaultdict(list)
    peaks: dict[str, float] = {}
    for line in lines:
        if (point := series.read_line(line)) is None:
            continue
        now: dict[str, list[float]] = defaultdict(list)
        for name, value in point.values.items():
            if gpu := _GPU.fullmatch(name):
                now["gpu" if gpu[1] == "use" else "gpu_memory"].append(value)
            elif name in ("cpu", "memory"):
                now[name].append(value)
        for name in ("cpu", "gpu"):
            if now[name]:
                means[name].append(sum(now[name]) / len(now[name]))
        for name in ("memory", "gpu_memory"):
            if now[name]:
                peaks[name] = max(peaks.get(name, 0.0), sum(now[name]))
    found = {name: round(sum(values) / len(values), 1) for name, values in means.items()}
    return {**found, **peaks}
