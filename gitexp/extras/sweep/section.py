"""The `sweep:` section of gitexp.yaml: one sweep, or several by name; no input or output."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gitexp.errors import ConfigError, GitexpError
from gitexp.extras.sweep.definition import (
    ALONE,
    PRUNERS,
    Method,
    SweepDefinition,
    checked,
    method_of,
    with_directions,
)
from gitexp.extras.sweep.spaces.space import Space, of_overrides
from gitexp.files import as_list
from gitexp.files.formats.yaml_write import flow_text
from gitexp.files.scalars import is_text
from gitexp.process import limits
from gitexp.project.config_keys import A_SWEEP
from gitexp.project.sections.directions import MAX, MIN
from gitexp.regex import regex
from gitexp.words import did_you_mean

KEYS: Mapping[str, str] = {
    "parameters": "The params and their values: 0.1,0.01, a list, or bounds such as log_uniform(1e-5,1e-1).",
    "method": "How the next trial is chosen: grid, random, sobol, tpe, gp, cmaes or nsga2.",
    "trials": "The number of trials in all; of a grid it may be left out.",
    "objective": "The metric to make better, or a list of them.",
    "direction": "min or max, or a list of them; else as metrics: says, or the name of the metric.",
    "seed": "Another seed draws other points.",
    "repeat": "So many runs of each trial, each with another seed; the mean counts.",
    "timeout": "The longest time of a run, such as 30m; then it is ended.",
    "max_memory": "The most memory of a run, such as 8 GB.",
    "pruner": "Ends trials early by their curves: median, percentile, halving or hyperband.",
    "max_failed": "After so many failed trials no more are begun.",
}
NAME = regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")  # of a sweep: files are called so


def definitions(
    section: Mapping[str, Any], directions: Mapping[str, str], file: str
) -> dict[str, SweepDefinition]:
    """The sweeps of a section by name; raises ConfigError."""
    if "parameters" in section:
        return {ALONE: _definition(ALONE, section, directions, file, f"{ALONE}: ")}
    found = {}
    for name, part in section.items():
        if name in KEYS and not isinstance(part, dict):
            raise ConfigError(f"'sweep' has no parameters, only '{name}'", A_SWEEP, file=file)
        if not NAME.fullmatch(str(name)) or str(name) in ("list", "show", "best", "stop"):
            raise ConfigError(
                f"a sweep cannot be called '{name}'",
                "Use letters, digits, '.', '_' and '-'; list, show, best and stop are commands.",
                file=file,
            )
        found[str(name)] = _definition(str(name), part, directions, file, f"sweep {name}: ")
    return found


def _definition(
    name: str, part: Any, directions: Mapping[str, str], file: str, where: str
) -> SweepDefinition:
    if not isinstance(part, dict):
        raise ConfigError(f"{where}it must be a mapping", A_SWEEP, file=file)
    for key in part:
        if key not in KEYS:
            raise ConfigError(
                f"{where}there is no key '{key}'",
                did_you_mean(str(key), KEYS, f"The keys are: {', '.join(KEYS)}."),
                file=file,
            )
    try:
        objectives = _objectives(part, directions)
        return checked(
            SweepDefinition(
                id=name,
                name=name,
                space=_space(part.get("parameters")),
                method=_method(part),
                trials=_count(part, "trials"),
                objectives=objectives,
                seed=f"{name} {part['seed']}" if "seed" in part else name,
                pruner=_pruner(part),
                repeat=_count(part, "repeat"),
                max_failed=_count(part, "max_failed"),
                limits=limits.parse(_text(part, "timeout"), _text(part, "max_memory")),
            )
        )
    except ConfigError as error:
        raise ConfigError(f"{where}{error.message}", error.hint or "", file=file) from error
    except GitexpError as error:
        raise ConfigError(f"{where}{_as_part(error.message)}", error.hint or "", file=file) from error


def _space(parameters: Any) -> Space:
    if not isinstance(parameters, dict) or not parameters:
        raise ConfigError("'parameters' must give each param its values", A_SWEEP)
    return of_overrides(f"{key}={_typed(value)}" for key, value in parameters.items())


def _typed(value: Any) -> str:
    """The values of a param as they would stand behind `-S key=`; a list has one value an item."""
    if isinstance(value, list):
        return f"choice({','.join(flow_text(item, flow=True) for item in value)})"
    return value if isinstance(value, str) else flow_text(value)


def _method(part: Mapping[str, Any]) -> Method:
    if "method" not in part:
        raise ConfigError("it has no method", f"Give one of: {', '.join(map(str, Method))}.")
    return method_of(part["method"])


def _objectives(part: Mapping[str, Any], directions: Mapping[str, str]) -> dict[str, str]:
    """`min` or `max` by metric."""
    metrics = as_list(part.get("objective", []))
    given = as_list(part.get("direction", []))
    if not all(map(is_text, metrics)):
        raise ConfigError(
            "'objective' must be the name of a metric, or a list", "For example: objective: acc"
        )
    if any(item not in (MIN, MAX) for item in given) or len(given) not in (0, len(metrics)):
        raise ConfigError(
            f"'direction' must be {MIN} or {MAX} for each objective", "For example: direction: max"
        )
    return with_directions(metrics, given, directions)


def _count(part: Mapping[str, Any], key: str) -> int | None:
    value = part.get(key)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ConfigError(f"'{key}' must be a number from 1 up", f"For example: {key}: 50")
    return value


def _pruner(part: Mapping[str, Any]) -> str:
    pruner = part.get("pruner", "")
    if pruner not in ("", *PRUNERS):
        raise ConfigError(f"there is no pruner '{pruner}'", f"There are: {', '.join(PRUNERS)}.")
    return str(pruner)


def _text(part: Mapping[str, Any], key: str) -> str:
    value = part.get(key, "")
    if not isinstance(value, (str, int, float)) or isinstance(value, bool):
        raise ConfigError(f"'{key}' must be a text or a number", "For example: timeout: 30m")
    return str(value)


def _as_part(sentence: str) -> str:
    """A sentence as a part of another."""
    return sentence[:1].lower() + sentence[1:].rstrip(".")
