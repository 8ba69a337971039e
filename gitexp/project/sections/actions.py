"""Actions that gitexp.yaml asks for: a command, a webhook, a word on the desktop."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from gitexp.named_tuple import NamedTuple
from gitexp.regex import regex

NOTE, STOP, COMMAND, WEBHOOK, DESKTOP = ACTIONS = ("note", "stop", "command", "webhook", "desktop")

_VARIABLE = regex(r"\$[A-Za-z_]\w*")
_HTTPS = regex(r"https://[^\s/@]+(?:/\S*)?")


class Action(NamedTuple):
    """What is done.

    Attributes:
        kind: one of `ACTIONS`.
        target: the shell line of a command; the URL of a webhook, or `$NAME` for a variable that has it.
        private: whether a webhook may be at a private address.
    """

    kind: str
    target: str = ""
    private: bool = False

    @property
    def unset(self) -> str:
        """The variable that has the URL of the webhook, if it is not set; "" else."""
        name = self.target.removeprefix("$")
        if self.kind == WEBHOOK and name != self.target and not os.environ.get(name):
            return name
        return ""


def read_action(item: Any, owner: str, plain: tuple[str, ...]) -> Action | str:
    """The action, or why it is none. `owner` has it, such as `an alert`; `plain`: kinds without a target."""
    if isinstance(item, str) and item in plain:
        return Action(item)
    if not isinstance(item, Mapping):
        return f"'{item}' is nothing that {owner} can do"
    if isinstance(item.get(COMMAND), str) and len(item) == 1 and item[COMMAND].strip():
        return Action(COMMAND, item[COMMAND].strip())
    target = item.get(WEBHOOK)
    if not isinstance(target, str) or item.keys() - {WEBHOOK, "private"}:
        kinds = ", ".join((*plain, "a map with 'command' or 'webhook'"))
        return f"what {owner} does is {kinds}"
    if not _VARIABLE.fullmatch(target) and not _HTTPS.fullmatch(target):
        return f"the webhook of {owner} is no https:// address, nor a variable such as $HOOK"
    if not isinstance(item.get("private", False), bool):
        return "'private' of a webhook is true or false"
    return Action(WEBHOOK, target, item.get("private", False))
