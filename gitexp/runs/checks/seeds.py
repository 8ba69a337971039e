"""The seed among the params of a run: replicates are runs that differ in nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import PurePosixPath

from gitexp import errors, files
from gitexp.files import Override
from gitexp.files.command_words import arguments
from gitexp.files.keys import put, resolve
from gitexp.model import Files, Tree, Value
from gitexp.named_tuple import NamedTuple
from gitexp.project.config import Config
from gitexp.project.params import COMMAND
from gitexp.words import did_you_mean, shorten

NAMES = ("seed", "random_seed", "random_state")  # of seeds, in any case, or with a dash
_NEUTRAL = 0  # stands for every seed where runs are compared


class Seed(NamedTuple):
    """The seed among the params.

    Attributes:
        file: the params file, or `COMMAND` for an option of the command.
        key: the flat key.
        value: the value in the run.
        name: the key in the spelling of `-S`, with the file if another file has the key too.
    """

    file: str
    key: str
    value: Value
    name: str

    def is_meant(self, override: Override) -> bool:
        """Whether an override changes the seed."""
        if files.format_key(override.key) != self.key:
            return False
        file = override.file
        return file is None or self.file.endswith(file.replace("\\", "/").removeprefix("./"))


def candidates(params: Files, config: Config) -> list[Seed]:
    """The params that may be the seed; among several, only `seed:` in gitexp.yaml can decide.

    Without `seed:`, a param called like a seed. Of several the key with the fewest dots.
    """
    if config.seed:
        return _named(params, config)
    called = []
    for name, tree in params.items():
        for key, value in files.flatten(tree).items():
            if key.rpartition(".")[2].lower().replace("-", "_") in NAMES:
                called.append(_seed(params, name, key, value))
    least = min(map(_depth, called), default=0)
    return [seed for seed in called if _depth(seed) == least]


def seed_of(params: Files, config: Config) -> Seed | None:
    """The seed among the params of a run; None for none, and for several candidates."""
    found = candidates(params, config)
    return found[0] if len(found) == 1 else None


def required(params: Files, config: Config) -> Seed | None:
    """The seed among the params of a run; None for none.

    Raises UsageError if several params may be the seed, or if no param has the name under `seed:`.
    """
    found = candidates(params, config)
    if len(found) > 1:
        names = [seed.name for seed in found]
        raise errors.UsageError(
            f"Several params are called like a seed: {shorten(names)}.",
            f"Say in gitexp.yaml which one is the seed: seed: {names[0]}",
        )
    if config.seed and not found:
        known = list(files.flatten_files(params))
        raise errors.UsageError(
            f"gitexp.yaml says that the seed is {config.seed}, and no params file has it.",
            did_you_mean(config.seed, known, "Correct it, or leave it out: then --repeat simply repeats."),
        )
    return found[0] if found else None


def without_seed(seed: Seed, data: bytes, known: Tree | None = None) -> str:
    """A text for the content of the params file of a seed: the same whatever the seed.

    It covers the values of the file; of Python, all its code. `known` are all values of the file, if known
    already. Raises ParseError and OverrideError.
    """
    if seed.file.endswith(".py"):
        override = files.parse_override(f"{seed.key}={_NEUTRAL}")
        return files.apply_overrides({seed.file: data}, [override])[seed.file].decode("utf-8", "replace")
    tree = files.parse(seed.file, data) if known is None else known
    key = resolve(tree, files.parse_key(seed.key))
    return json.dumps(put(tree, key, _NEUTRAL), sort_keys=True, default=str)


def neutral(seed: Seed) -> Override:
    """The override with the value that stands for every seed."""
    return files.parse_override(f"{seed.key}={_NEUTRAL}")


def _named(params: Files, config: Config) -> list[Seed]:
    """The param that `seed:` names."""
    wanted = files.parse_override(f"{config.seed}=")
    key = files.format_key(wanted.key)
    found = []
    for name, tree in params.items():
        if wanted.file is None or name in _places(wanted.file, config):
            flat = files.flatten(tree)
            if key in flat:
                found.append(_seed(params, name, key, flat[key]))
    return found


def _places(file: str, config: Config) -> Iterable[str]:
    """The paths from the root that a file named in gitexp.yaml may have."""
    return (file, str(PurePosixPath(config.folder, file)))


def _seed(params: Files, file: str, key: str, value: Value) -> Seed:
    name = key
    if any(key in files.flatten(tree) for other, tree in params.items() if other != file):
        name = f"{file}:{key}"
    return Seed(file, key, value, name)


def _depth(seed: Seed) -> int:
    if seed.file == COMMAND and seed.key.startswith(f"{arguments.SECTION}."):
        return seed.key.count(".") - 1  # all options stand below it
    return seed.key.count(".")
