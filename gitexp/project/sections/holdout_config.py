"""`holdout:` of gitexp.yaml: an evaluation that gitexp runs itself, in the code of a commit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gitexp import errors
from gitexp.files.scalars import is_text
from gitexp.named_tuple import NamedTuple
from gitexp.times import parse_duration

TIMEOUT = 1800.0  # seconds, if the config has no other
_KEYS = ("cmd", "from", "timeout")
_EXAMPLE = "For example: holdout: {cmd: python evaluate.py, from: main, timeout: 10 min}"
_Complain = Callable[[str, str, str], errors.ConfigError]  # key, message, hint


class HoldoutConfig(NamedTuple):
    """The evaluation.

    Attributes:
        command: a line for the shell, or a list of arguments.
        revision: the commit whose code runs; "" for the baseline of the experiment.
        timeout: seconds.
    """

    command: str | tuple[str, ...]
    revision: str = ""
    timeout: float = TIMEOUT


def read_holdout(value: Any, complain: _Complain) -> HoldoutConfig:
    """The evaluation of the section `holdout`; raises ConfigError."""
    if not isinstance(value, dict) or not value:
        raise complain("holdout", "'holdout' must be a mapping with a cmd", _EXAMPLE)
    for key in value:
        if key not in _KEYS:
            raise complain("holdout", f"'holdout' has no key '{key}'", f"The keys are: {', '.join(_KEYS)}.")
    timeout = TIMEOUT
    if value.get("timeout") is not None:
        seconds = parse_duration(str(value["timeout"]))
        if not seconds or isinstance(value["timeout"], bool):
            raise complain("holdout", "'timeout' of 'holdout' must be a duration", _EXAMPLE)
        timeout = seconds
    revision = value.get("from") or ""
    if not is_text(revision):
        raise complain("holdout", "'from' of 'holdout' must be a branch, a tag or a commit", _EXAMPLE)
    return HoldoutConfig(_command(value.get("cmd"), complain), str(revision).strip(), timeout)


def _command(value: Any, complain: _Complain) -> str | tuple[str, ...]:
    if isinstance(value, str) and value.strip() and "\0" not in value:
        return value.strip()
    if isinstance(value, list) and value and all(is_text(word) and "\0" not in str(word) for word in value):
        return tuple(map(str, value))
    raise complain("holdout", "'cmd' of 'holdout' must be a string or a list", _EXAMPLE)
