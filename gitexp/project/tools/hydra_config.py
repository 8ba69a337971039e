"""The key `hydra` of gitexp.yaml: which configuration is composed before a run, into which params file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import Any

from gitexp.errors import ConfigError
from gitexp.files.scalars import as_list, is_text
from gitexp.named_tuple import NamedTuple
from gitexp.pipeline.paths import inside
from gitexp.words import did_you_mean

_EXAMPLE = "For example: hydra: {config_dir: conf, config_name: config}"
_KEYS = ("config_dir", "config_name", "params_file", "imports")
_ENDINGS = (".yaml", ".yml")
_Complain = Callable[[str, str, str], ConfigError]  # key, message, hint


class HydraConfig(NamedTuple):
    """A configuration of Hydra, composed before each run.

    Attributes:
        config_dir: the folder of the configuration, relative to the root.
        config_name: the name of the primary configuration in it.
        params_file: the file for what was composed, relative to the root.
        imports: modules that register structured configs and resolvers.
    """

    config_dir: str
    config_name: str = "config"
    params_file: str = "params.yaml"
    imports: tuple[str, ...] = ()

    @property
    def source(self) -> str:
        """The path of the primary configuration."""
        return f"{self.config_dir}/{self.config_name.removesuffix('.yaml')}.yaml"


def read_hydra(value: Any, prefix: str, complain: _Complain) -> HydraConfig:
    """The settings under `hydra:`, of a project in the folder `prefix`. Raises ConfigError."""
    if not isinstance(value, dict):
        raise complain("hydra", "'hydra' must be a map", _EXAMPLE)
    for key in value:
        if key not in _KEYS:
            raise complain(
                "hydra",
                f"'hydra' has no '{key}'",
                did_you_mean(str(key), _KEYS, f"It has: {', '.join(_KEYS)}."),
            )
    name = value.get("config_name", "config")
    if not is_text(name) or not name.strip():
        raise complain("hydra", "'config_name' must be the name of a configuration", _EXAMPLE)
    imports = as_list(value.get("imports", []))
    if not all(map(is_text, imports)):
        raise complain("hydra", "'imports' must be a list of modules", "For example: imports: [mine.configs]")
    config_dir = _path(value, "config_dir", "", prefix, complain)
    params_file = _path(value, "params_file", "params.yaml", prefix, complain)
    if PurePosixPath(params_file).suffix not in _ENDINGS:
        raise complain("hydra", f"'params_file' must end in {' or '.join(_ENDINGS)}", _EXAMPLE)
    return HydraConfig(config_dir, name.strip(), params_file, tuple(imports))


def _path(value: Mapping[str, Any], key: str, usual: str, prefix: str, complain: _Complain) -> str:
    given = value.get(key, usual)
    path = inside(prefix, given) if is_text(given) and given else None
    if not path:
        raise complain("hydra", f"'{key}' must be a path in the repository", _EXAMPLE)
    return path
