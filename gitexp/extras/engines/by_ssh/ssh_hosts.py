"""The hosts of an ssh engine, as gitexp.yaml describes them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from gitexp import errors
from gitexp.extras.engines.engine import EngineSettings
from gitexp.named_tuple import NamedTuple
from gitexp.regex import regex
from gitexp.words import did_you_mean

OPTIONS: Mapping[str, str] = {
    "hosts": "The hosts: names as ssh knows them, or maps with host: and options of the host.",
    "setup": "Lines of shell before each job, such as . ~/env/bin/activate",
}
OF_HOST: Mapping[str, str] = {
    "host": "The name as ssh knows it, such as ada, or user@ada.",
    "jobs": "Jobs at a time there; by default as many as it has GPUs, or 1.",
    "gpus": "The GPUs for jobs, such as [0, 1]; by default all that nvidia-smi names.",
    "python": "The interpreter with gitexp there.",
    "setup": "Lines of shell before each job there.",
}
_EXAMPLE = "For example: hosts: [ada, {host: bob, jobs: 2, python: /opt/ml/bin/python}]"
_ADDRESS = regex(r"[A-Za-z0-9_\[][A-Za-z0-9_.:@%\[\]-]*")  # a "-" in front would be an option of ssh


class Host(NamedTuple):
    """A host.

    Attributes:
        address: its name as ssh knows it.
        jobs: jobs at a time; 0: one for each GPU.
        gpus: its GPUs, as CUDA_VISIBLE_DEVICES names them; () if they are not known.
        python: the interpreter there; "" for that of the job.
        usual: the interpreter of jobs, as their words have it.
        setup: lines of shell before each job.
    """

    address: str
    jobs: int = 0
    gpus: Sequence[str] = ()
    python: str = ""
    usual: str = ""
    setup: str = ""

    @property
    def slots(self) -> int:
        """Jobs at a time."""
        return self.jobs or len(self.gpus) or 1

    def gpus_of(self, slot: int) -> str:
        """The GPUs of a slot in the form of CUDA_VISIBLE_DEVICES; "" for a host without any."""
        if not self.gpus:
            return ""
        share = self.gpus[slot :: self.slots] if slot < self.slots else ()
        return ",".join(share or [self.gpus[slot % len(self.gpus)]])

    def words(self, words: Sequence[str]) -> Sequence[str]:
        """The words of a job with the interpreter of this host."""
        if self.python and words[0] == self.usual:
            return [self.python, *words[1:]]
        return words


def hosts_of(settings: EngineSettings) -> list[Host]:
    """The hosts of an engine. Raises UsageError for what cannot be one."""
    listed = settings.options.get("hosts")
    if not isinstance(listed, list) or not listed:
        raise _wrong(settings, "it has no list of hosts")
    setup = _text(settings, settings.options, "setup")
    found = []
    for item in listed:
        described = item if isinstance(item, dict) else {"host": item}
        host = _host(settings, described)
        python = host.python or settings.python
        lines = [_path_with(python), setup, host.setup]
        found.append(host._replace(setup="\n".join(filter(None, lines)), usual=settings.python or "python3"))
    addresses = [host.address for host in found]
    for address in addresses:
        if addresses.count(address) > 1:
            raise _wrong(settings, f"the host {address} stands there twice", "jobs: says how many at a time.")
    return found


def _host(settings: EngineSettings, described: Mapping[Any, Any]) -> Host:
    for key in described:
        if key not in OF_HOST:
            hint = did_you_mean(str(key), [*OF_HOST], f"The options of a host are: {', '.join(OF_HOST)}.")
            raise _wrong(settings, f"a host has no option '{key}'", hint)
    address = described.get("host")
    if not isinstance(address, str) or not _ADDRESS.fullmatch(address):
        raise _wrong(settings, f"'{address}' cannot be the name of a host")
    jobs, gpus = described.get("jobs", 0), described.get("gpus", [])
    if not isinstance(jobs, int) or isinstance(jobs, bool) or jobs < 0:
        raise _wrong(settings, f"jobs of {address} must be a number")
    if not isinstance(gpus, list) or not all(re.fullmatch(r"[\w-]+", str(gpu)) for gpu in gpus):
        raise _wrong(settings, f"gpus of {address} must be a list, such as [0, 1]")
    python, setup = _text(settings, described, "python"), _text(settings, described, "setup")
    return Host(address, jobs, tuple(map(str, gpus)), python, setup=setup)


def _text(settings: EngineSettings, options: Mapping[Any, Any], key: str) -> str:
    value = options.get(key, "")
    if not isinstance(value, str):
        raise _wrong(settings, f"'{key}' must be a text")
    return value


def _path_with(python: str) -> str:
    """A line of shell that has the programs beside an interpreter found first, as in its environment."""
    folder = PurePosixPath(python).parent
    if not folder.is_absolute():
        return ""
    return f'PATH={shlex.quote(str(folder))}:"$PATH"; export PATH'


def _wrong(settings: EngineSettings, what: str, hint: str = _EXAMPLE) -> errors.UsageError:
    return errors.UsageError(f"The engine '{settings.name}' is not described well: {what}.", hint)
