"""What a training script does, by its text, for it is never run: its params, and where its metrics go."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from gitexp.files import is_number
from gitexp.named_tuple import NamedTuple
from gitexp.project.config import USUAL_METRICS
from gitexp.regex import regex

_MOST = 1 << 20  # bytes of a script to look into
_NUMBER = r"([-+]?(?:[\d.]+(?:[eE][-+]?\d+)?|nan|inf))"
_NAME = regex(r"(?:^|[\s,;|(\[])([A-Za-z_][\w./-]*)\s*([:=])\s*$")
_COUNTERS = frozenset({"epoch", "step", "iter", "iteration", "batch", "lr", "seed", "time", "device"})
_MOST_PRINTED = 20
_OPTIONS = regex(r"\b(?:argparse|click|typer|fire|absl|tyro|simple_parsing|HfArgumentParser)\b")
_OPTION_MAKERS = frozenset({"add_argument", "option", "Option"})
_PRINTERS = frozenset({"print", "info", "debug", "warning", "log", "echo", "write", "secho"})
_PERCENT = regex(r"%(?:\(\w+\))?[-+ #0]*[\d.*]*[a-zA-Z]")
_BRACES = regex(r"\{[^{}]*\}")
_MLFLOW = regex(r"\bmlflow(?:\.\w+)?\.(?:log_metrics?|log_params?|autolog)\(")
_LIGHTNING = regex(r"^\s*(?:import|from)\s+(?:pytorch_lightning|lightning)\b", re.MULTILINE)
_OF_LIGHTNING = "lightning_logs"  # the folder of its loggers, unless they name another one
_HYDRA = regex(r"hydra\.main\(")


@dataclass(frozen=True, slots=True)
class Script:
    """The facts about a training script, from its text.

    Attributes:
        metrics: metrics files named in the script.
        printed: a regular expression by the name of each printed metric.
        takes_options: whether the script has command-line options.
        option: the first option with a number as its default, as `--lr 0.1`; "" for none.
        tools: the names of the programs for experiments in use, for people.
        param_patterns: patterns of params files that a program writes.
        hydra: the file of its Hydra config, relative to the script's folder; "" without Hydra.
    """

    metrics: tuple[str, ...] = ()
    printed: Mapping[str, str] = field(default_factory=dict)
    takes_options: bool = False
    hydra: str = ""
    option: str = ""
    tools: tuple[str, ...] = ()
    param_patterns: tuple[str, ...] = ()


def read(file: Path) -> Script:
    """The facts about a script; none for an unreadable script."""
    try:
        with file.open("rb") as stream:
            text = stream.read(_MOST).decode("utf-8", "replace")
    except OSError:
        return Script()
    if file.suffix != ".py":
        return Script(metrics=_metrics(text))
    calls = _calls(_parsed(text))
    metrics, params, tools = _metrics(text), tuple[str, ...](), list[str]()
    printed = dict[str, str]()
    if not metrics:
        printed = _printed(calls)
    if _LIGHTNING.search(text):
        for folder in _folders_of_lightning(calls):
            metrics += (f"{folder}/*/metrics.csv",)
            params += (f"{folder}/*/hparams.yaml",)
    if _MLFLOW.search(text):
        tools.append("MLflow")
    return Script(
        metrics,
        printed,
        _OPTIONS.search(text) is not None,
        _hydra_config(calls) if _HYDRA.search(text) else "",
        option=_option(calls),
        tools=tuple(tools),
        param_patterns=params,
    )


class _Call(NamedTuple):
    """A call in a script.

    Attributes:
        name: the last name of the called function: `print`, and `info` of `logger.info`.
        given: the arguments without a name.
        words: the arguments with a name.
    """

    name: str
    given: Sequence[ast.expr]
    words: Mapping[str | None, ast.expr]

    def text(self, name: str, at: int) -> str | None:
        """The text of an argument, by its name or by its place; None for no text."""
        if name in self.words:
            return _text_of(self.words[name])
        return _text_of(self.given[at]) if at < len(self.given) else None


def _calls(tree: ast.Module) -> list[_Call]:
    """All calls, in the order of the text."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    calls.sort(key=lambda call: (call.lineno, call.col_offset))
    found = []
    for call in calls:
        match call.func:
            case ast.Name(name) | ast.Attribute(attr=name):
                words = {word.arg: word.value for word in call.keywords}
                found.append(_Call(name, call.args, words))
    return found


def _option(calls: Iterable[_Call]) -> str:
    """The first option of argparse or click with a number as its default, and the default: `--lr 0.1`."""
    for call in calls:
        default = call.words.get("default")
        if call.name not in _OPTION_MAKERS or not isinstance(default, ast.Constant):
            continue
        value = default.value
        for name in map(_text_of, call.given):
            if name and name.startswith("--") and isinstance(value, int | float) and is_number(value):
                return f"{name} {value}"
    return ""


def _folders_of_lightning(calls: Sequence[_Call]) -> list[str]:
    """The folders where Lightning's loggers make one folder for each run; none without a Trainer."""
    folders = dict[str, None]()
    for call in calls:
        if call.name == "CSVLogger":
            top, below = call.text("save_dir", 0) or ".", call.text("name", 1) or _OF_LIGHTNING
            folders[Path(top, below).as_posix()] = None
    if not folders and any(call.name == "Trainer" for call in calls):
        folders[_OF_LIGHTNING] = None
    return list(folders)


def _parsed(text: str) -> ast.Module:
    """The tree of a script; an empty one for a text that is no Python."""
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module([], [])


def _metrics(text: str) -> tuple[str, ...]:
    """The usual metrics files that a script names."""
    named = [name for name in USUAL_METRICS if name in text]
    if "dvclive" in text and "dvclive/metrics.json" not in named:
        if "metrics.json" in named:  # the end of dvclive's own name for it
            named.remove("metrics.json")
        named.append("dvclive/metrics.json")
    return tuple(named)


def _printed(calls: Iterable[_Call]) -> dict[str, str]:
    """The patterns of the metrics printed or logged in the form `name: value` or `name=value`."""
    found: dict[str, str] = {}
    for call in calls:
        if call.name not in _PRINTERS:
            continue
        for name, sign in _names(call):
            if name.lower() not in _COUNTERS and len(found) < _MOST_PRINTED:
                found.setdefault(name, rf"(?<![\w.]){re.escape(name)}\s*{sign}\s*{_NUMBER}")
    return found


def _names(call: _Call) -> Iterator[tuple[str, str]]:
    """The names before values in the output of a call, each with `:` or `=`."""
    for text, behind in pairwise(_output(call)):
        if text is not None and behind is None and (match := _NAME.search(text)) is not None:
            yield match[1], match[2]


def _output(call: _Call) -> list[str | None]:
    """The texts in the output of a call in order, and None for each value."""
    form = call.text("msg", 0)
    if form is not None and call.name != "print" and len(call.given) > 1:
        return _pieces(_PERCENT, form)  # logger.info("loss: %f", loss)
    parts: list[str | None] = []
    for argument in call.given:
        parts += _parts(argument)
    return parts


def _parts(node: ast.expr) -> list[str | None]:
    """The texts of an expression in order, and None for each value."""
    added: list[str | None] = []
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        added[:0] = [_text_of(node.right)]  # of a long sum the left side has all but the last
        node = node.left
    match node:
        case ast.JoinedStr(values=values):
            return [*map(_text_of, values), *added]
        case ast.BinOp(left=ast.Constant(value=str(text)), op=ast.Mod()):
            return [*_pieces(_PERCENT, text), *added]
        case ast.Call(func=ast.Attribute(value=ast.Constant(value=str(text)), attr="format")):
            return [*_pieces(_BRACES, text), *added]
    return [_text_of(node), *added]


def _pieces(form: re.Pattern[str], text: str) -> list[str | None]:
    """The texts around the values of a format, and None for each value."""
    parts: list[str | None] = []
    for at, piece in enumerate(form.split(text)):
        if at:
            parts.append(None)
        parts.append(piece)
    return parts


def _text_of(node: ast.AST) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return None


def _hydra_config(calls: Iterable[_Call]) -> str:
    """The config file that `hydra.main` names."""
    for call in calls:
        name = call.text("config_name", 1)
        if call.name == "main" and name:
            folder = call.text("config_path", 0) or "."
            return (Path(folder) / f"{name.removesuffix('.yaml')}.yaml").as_posix()
    return ""
