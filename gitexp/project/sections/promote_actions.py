"""`on_promote:` of gitexp.yaml: what is done when another version of a model comes into a stage.

on_promote:
  prod: [{command: ./deploy.sh}, {webhook: $DEPLOY}]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gitexp import errors
from gitexp.files import as_list
from gitexp.project.sections.actions import Action, read_action
from gitexp.repo import model_tags

_EXAMPLE = "For example: on_promote: {prod: [{command: ./deploy.sh}, {webhook: $DEPLOY}]}"
_Complain = Callable[[str, str, str], errors.ConfigError]  # key, message, hint


def read(value: Any, complain: _Complain) -> Mapping[str, tuple[Action, ...]]:
    """The actions by stage. Raises ConfigError."""
    if not isinstance(value, Mapping):
        raise complain("on_promote", "'on_promote' must be a map of stages to actions", _EXAMPLE)
    found = {}
    for stage, items in value.items():
        if not isinstance(stage, str) or not model_tags.is_stage(stage):
            raise complain("on_promote", f"'{stage}' cannot be the name of a stage", _EXAMPLE)
        actions = []
        for item in as_list(items):
            action = read_action(item, "a promotion", ())
            if isinstance(action, str):
                raise complain("on_promote", action, _EXAMPLE)
            actions.append(action)
        found[stage] = tuple(actions)
    return found
