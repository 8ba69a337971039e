"""What a training script does, by its text, for it is never run: its params, and where its metrics go."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from gitexp.project.config import USUAL_METRICS

_MOST = 1 << 20  # bytes of a script to look into
_NUMBER = r"([-+]?(?:[\d.]+(?:[eE][-+]?\d+)?|nan|inf))"
_NAME = re.compile(r"(?:^|[\s,;|(\[])([A-Za-z_][\w./-]*)\s*([:=])\s*$")
_COUNTERS = frozenset({"epoch", "step", "iter", "iteration", "batch", "lr", "seed", "time", "device"})
_MOST_PRINTED = 20
_OPTIONS = re.compile(r"\b(?:argparse|click|typer|fire|absl|tyro|simple_parsing|HfArgumentParser)\b")
_HYDRA = re.compile(r"hydra\.main\(")


@dataclass(frozen=True, slots=True)
class Script:
    """The facts about a training script, from its text.

    Attributes:
        metrics: metrics files named in the script.
        printed: a regular expression by the name of each printed metric.
        takes_options: whether the script has command-line options.
        hydra: the file of its Hydra config, relative to the script's folder; "" without Hydra.
    """

    metrics: tuple[str, ...] = ()
    printed: Mapping[str, str] = field(default_factory=dict)
    takes_options: bool = False
    hydra: str = ""


def read(file: Path) -> Script:
    """The facts about a script; none for an unreadable script."""
    try:
        with file.open("rb") as stream:
            text = stream.read(_MOST).decode("utf-8", "replace")
    except OSError:
        return Script()
    if file.suffix != ".py":
        return Script(metrics=_metrics(text))
    tree = _parsed(text)
    hydra = ""
    if _HYDRA.search(text) and tree is not None:
        hydra = _hydra_config(tree)
    metrics = _metrics(text)
    printed = dict[str, str]()
    if tree is not None and not metrics:
        printed = _printed(tree)
    return Script(metrics, printed, _OPTIONS.search(text) is not None, hydra)


def _parsed(text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _metrics(text: str) -> tuple[str, ...]:
    """The usual metrics files that a script names."""
    named = [name for name in USUAL_METRICS if name in text]
    if "dvclive" in text and "dvclive/metrics.json" not in named:
        if "metrics.json" in named:  # the end of dvclive's own name for it
            named.remove("metrics.json")
        named.append("dvclive/metrics.json")
    return tuple(named)


def _printed(tree: ast.Module) -> dict[str, str]:
    """The patterns of the metrics printed in the form `name: value` or `name=value`."""
    found: dict[str, str] = {}
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    for call in sorted(calls, key=lambda call: (call.lineno, call.col_offset)):
        if isinstance(call.func, ast.Name) and call.func.id == "print":
            for name, sign in _names(call):
                if name.lower() not in _COUNTERS and len(found) < _MOST_PRINTED:
                    found.setdefault(name, rf"(?<![\w.]){re.escape(name)}\s*{sign}\s*{_NUMBER}")
    return found


def _names(call: ast.Call) -> Iterator[tuple[str, str]]:
    """The names before values in the output of a call, each with `:` or `=`."""
    parts: list[str | None] = []  # None for a value
    for argument in call.args:
        if isinstance(argument, ast.JoinedStr):
            for value in argument.values:
                parts.append(_text_of(value))
        else:
            parts.append(_text_of(argument))
    for text, behind in pairwise(parts):
        if text is not None and behind is None and (match := _NAME.search(text)) is not None:
            yield match[1], match[2]


def _text_of(node: ast.AST) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return None


def _hydra_config(tree: ast.Module) -> str:
    """The config file that `hydra.main` names."""
    for node in ast.walk(tree):
        if (
            not isinstance(node, ast.Call)
            or not isinstance(node.func, ast.Attribute)
            or node.func.attr != "main"
        ):
            continue
        words = {word.arg: _text_of(word.value) for word in node.keywords}
        name = words.get("config_name")
        if name:
            folder = words.get("config_path") or "."
            return (Path(folder) / f"{name.removesuffix('.yaml')}.yaml").as_posix()
    return ""
