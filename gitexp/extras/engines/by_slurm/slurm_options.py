"""The options of the engine `slurm`, checked and made words of sbatch."""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gitexp import errors
from gitexp.extras.engines.engine import EngineSettings
from gitexp.extras.engines.settings import require_options
from gitexp.named_tuple import NamedTuple
from gitexp.regex import regex
from gitexp.times import parse_duration
from gitexp.words import shorten

OPTIONS: Mapping[str, str] = {
    "partition": "The partition, or several with commas between.",
    "account": "The account that the time is charged to.",
    "qos": "The quality of service.",
    "time": "The time limit of a job, as Slurm writes it, '1-12:00:00', or like '36 h'.",
    "gpus": "The GPUs of a job: 1, or a100:2.",
    "cpus": "The CPUs of a job.",
    "memory": "The memory of a job: 16G.",
    "constraint": "The features that a node must have.",
    "directives": "Other options of sbatch, as a list: ['--exclude=n7', '--mail-type=FAIL'].",
    "setup": "Lines of bash before the run, as a list: ['module load cuda'].",
    "signal": "Seconds before the time limit at which a run is ended and stored. Default: 120; 0: never.",
    "interval": "Seconds between two questions to Slurm, at least. Default: 15.",
    "array": "Runs in one array, at most. Default: 1000, which MaxArraySize usually allows.",
}
_AS_THEY_ARE = ("partition", "account", "qos", "constraint")
_NUMBERS = {"signal": 120.0, "interval": 15.0, "array": 1000.0}
_OURS = frozenset(
    {
        *("--array", "-a", "--output", "-o", "--error", "-e", "--open-mode", "--parsable", "--wrap"),
        *("--wait", "-W", "--test-only", "--requeue", "--no-requeue", "--signal", "--chdir", "-D"),
    }
)
_TIME = regex(r"(?:(?P<days>\d+)-)?(?P<clock>\d+(?::\d+){0,2})")
_GPUS = regex(r"(?:[A-Za-z0-9_.-]+:)?[1-9]\d*")
_MEMORY = regex(r"(\d+)\s*([KMGT])?(?:i?B)?")


class SlurmOptions(NamedTuple):
    """The options.

    Attributes:
        words: options of sbatch.
        setup: lines of bash before the run.
        interval: seconds between two questions, at least.
        array: runs in one array, at most.
        partition: the partition, for people; "" for the default one.
    """

    words: Sequence[str]
    setup: str
    interval: float
    array: int
    partition: str


def read(settings: EngineSettings) -> SlurmOptions:
    """The options of an engine. Raises UsageError."""
    require_options(settings, OPTIONS)
    given = settings.options
    words = []
    for key in _AS_THEY_ARE:
        if key in given:
            words.append(f"--{key}={_text(settings, key)}")
    for key, of_sbatch in _WORDS.items():
        if key in given:
            words.append(of_sbatch(settings))
    numbers = {}
    for key, usual in _NUMBERS.items():
        numbers[key] = _number(settings, key, usual)
    if numbers["array"] < 1:
        raise _wrong(settings, "array", "a number of runs", "1000")
    if before := _before_end(given, numbers["signal"]):
        words.append(f"--signal=B:USR1@{before}")
    return SlurmOptions(
        words=[*words, *_directives(settings)],
        setup="\n".join(_lines(settings, "setup")),
        interval=numbers["interval"],
        array=int(numbers["array"]),
        partition=str(given.get("partition", "")),
    )


def _before_end(given: Mapping[str, Any], wanted: float) -> int:
    """Seconds before the time limit for the signal: of a short limit, a quarter."""
    seconds = _seconds(str(given["time"])) if "time" in given else None
    if seconds is not None:
        wanted = min(wanted, seconds / 4)
    return math.floor(wanted)


def _time(settings: EngineSettings) -> str:
    seconds = _seconds(str(settings.options["time"]))
    if not seconds:
        raise _wrong(settings, "time", "a time limit", "2:00:00")
    minutes, rest = divmod(math.ceil(seconds), 60)
    return f"--time={minutes}:{rest:02}"


def _seconds(text: str) -> float | None:
    """The seconds of a time as Slurm writes it, or of a duration; None for another text."""
    found = _TIME.fullmatch(text.strip())
    if found is None:
        return parse_duration(text)
    parts = [int(part) for part in found["clock"].split(":")]
    if found["days"] is not None:  # days-hours, days-hours:minutes, days-hours:minutes:seconds
        hours, minutes, seconds = (*parts, 0, 0)[:3]
        return float(((int(found["days"]) * 24 + hours) * 60 + minutes) * 60 + seconds)
    if len(parts) == 3:  # hours:minutes:seconds
        return float((parts[0] * 60 + parts[1]) * 60 + parts[2])
    return float(parts[0] * 60 + sum(parts[1:]))  # minutes, minutes:seconds


def _gpus(settings: EngineSettings) -> str:
    value = str(settings.options["gpus"])
    if not _GPUS.fullmatch(value):
        raise _wrong(settings, "gpus", "a number of GPUs, or a kind and a number", "a100:2")
    return f"--gres=gpu:{value}"


def _cpus(settings: EngineSettings) -> str:
    value = settings.options["cpus"]
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise _wrong(settings, "cpus", "a number of CPUs", "4")
    return f"--cpus-per-task={value}"


def _memory(settings: EngineSettings) -> str:
    found = _MEMORY.fullmatch(str(settings.options["memory"]).strip().upper().replace("IB", "B"))
    if found is None:
        raise _wrong(settings, "memory", "a size", "16G")
    return f"--mem={found[1]}{found[2] or 'M'}"


_WORDS: Mapping[str, Callable[[EngineSettings], str]] = {
    "time": _time,
    "gpus": _gpus,
    "cpus": _cpus,
    "memory": _memory,
}


def _directives(settings: EngineSettings) -> list[str]:
    """Other options of sbatch; each may be pasted from a batch script."""
    found = []
    for line in _lines(settings, "directives"):
        text = line.strip().removeprefix("#SBATCH").strip()
        try:
            words = shlex.split(text)
        except ValueError:
            words = []
        if not words or not words[0].startswith("-") or not text.isprintable():
            raise _wrong(settings, "directives", "a list of options of sbatch", "['--exclude=n7']")
        own = [word for word in words if word.partition("=")[0] in _OURS]
        if own:
            raise errors.UsageError(
                f"engine {settings.name}: gitexp itself sets {shorten(own)}.", "Leave it out of directives."
            )
        found += words
    return found


def _lines(settings: EngineSettings, key: str) -> list[str]:
    value = settings.options.get(key, [])
    lines = [value] if isinstance(value, str) else value
    if not isinstance(lines, list) or not all(isinstance(line, str) and "\0" not in line for line in lines):
        raise _wrong(settings, key, "a list of texts", f"{key}: ['…']")
    return lines


def _text(settings: EngineSettings, key: str) -> str:
    value = settings.options[key]
    text = str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
    if not text or not text.isprintable():
        raise _wrong(settings, key, "a text of one line", f"{key}: name")
    return text


def _number(settings: EngineSettings, key: str, usual: float) -> float:
    value = settings.options.get(key, usual)
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 <= value < 1e9:
        raise _wrong(settings, key, "a number", f"{usual:g}")
    return float(value)


def _wrong(settings: EngineSettings, key: str, wanted: str, example: str) -> errors.UsageError:
    return errors.UsageError(f"engine {settings.name}: '{key}' must be {wanted}.", f"For example: {example}")
