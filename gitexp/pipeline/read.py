"""`stages:` of a gitexp.yaml or a dvc.yaml, read into a pipeline. The vocabulary is that of DVC 3.

An entry that is not understood is named with its line: as an error if the pipeline would do something else
without the entry, as a note if the entry has no effect here.
"""

from __future__ import annotations

import posixpath
import string
from collections.abc import Iterator, Sequence

from gitexp.errors import ConfigError
from gitexp.files.dvc_yaml import DEFAULT_PARAMS, PLOT_FIELDS
from gitexp.files.nodes import Node
from gitexp.model import Value
from gitexp.objects.paths import fault, lies_in, lies_in_any
from gitexp.pipeline.expand import Definition, Expansion
from gitexp.pipeline.paths import inside, rule_in
from gitexp.pipeline.shell_lines import IN_ONE_SHELL, fault_of
from gitexp.pipeline.source import PipelineFile, content
from gitexp.pipeline.stage import Out, OutKind, ParamsDep, Pipeline, ReadFile, Stage
from gitexp.pipeline.template import Variables, plain_text
from gitexp.regex import regex

FIELDS = {
    "cmd": "What runs in the shell, until one fails: a text whose lines are commands, or a list of them.",
    "wdir": "The folder that it runs in, and that all paths of the stage are relative to.",
    "deps": "Files and folders that it reads.",
    "params": "Parameters that it reads: keys of params.yaml, `file: [keys]`, or `file:` for all of one.",
    "outs": "Files and folders that it writes.",
    "metrics": "Files of results that it writes; they stand in Git with the experiment.",
    "plots": "Files and folders of curves that it writes; they stand in Git with the experiment.",
    "frozen": "With true it is not run again, whatever has changed.",
    "always_changed": "With true it is never up to date.",
    "vars": "Variables for this stage alone.",
    "foreach": "A list or map: for each item one stage is made, as `do` says.",
    "do": "The fields of the stages that `foreach` makes, with ${item} and ${key}.",
    "matrix": "Lists by name: for each combination one stage is made, with ${item.name}.",
    "desc": "A description for people.",
    "meta": "Anything, for other programs.",
}
OUT_FIELDS = {
    "cache": "With false it stands in Git with the experiment, and not in the object store alone.",
    "persist": "With true it is not removed before the stage runs.",
}
_OUT_WORDS = ("desc", "type", "labels", "meta")  # for people and other programs
_OUT_DVC = ("remote", "push", "checkpoint")  # of DVC's own storage
_TOP = ("stages", "vars", "params", "metrics", "plots", "artifacts", "datasets")
_BAD_IN_NAMES = frozenset(string.punctuation) - {"_", "-", "."}
_CONTROL = regex(r"[\x00-\x1f\x7f]")
_LONGEST_NAME = 200
_LONGEST_PATH, _DEEPEST_PATH = 4096, 100  # characters, folders
_URL = regex(r"[a-zA-Z][a-zA-Z0-9+.-]+://")


def read(name: str, data: bytes, prefix: str, read_file: ReadFile, *, only_stages: bool = False) -> Pipeline:
    """The pipeline of a file.

    Args:
        name: path of the file, from the root.
        data: content of the file.
        prefix: folder of the file, from the root.
        read_file: reader for files of variables.
        only_stages: whether to read `stages` and `vars` alone; the caller reads the rest of the file.

    Raises ParseError and ConfigError, with the line.
    """
    return _PipelineReader(PipelineFile(name, data), prefix, read_file).pipeline(only_stages=only_stages)


class _PipelineReader:
    def __init__(self, source: PipelineFile, prefix: str, read_file: ReadFile) -> None:
        self._source = source
        self._prefix = prefix
        self._expansion = Expansion(source, prefix, read_file)
        self._notes: dict[str, None] = {}

    def pipeline(self, *, only_stages: bool) -> Pipeline:
        top = content(self._source.root)
        for key, node in top.items():
            if not only_stages and key not in _TOP:
                raise self._source.unknown(node, key, list(_TOP), posixpath.basename(self._source.name))
        known = self._expansion.variables(top.get("vars"))
        stages = top.get("stages")
        if stages is not None and not isinstance(content(stages), dict | None):
            raise self._source.error(stages, "'stages' must be a mapping of names to stages")
        definitions = self._expansion.definitions((stages and content(stages)) or {}, known)
        made = tuple(map(self._stage, definitions))
        self._refuse_own_variables(made)
        if only_stages:
            return Pipeline(self._source.name, made, params=self._expansion.files, notes=tuple(self._notes))
        for key in ("artifacts", "datasets"):
            if key in top:
                self._note(top[key], f"'{key}' has no effect here")
        params = self._names(top.get("params"), "params", known)
        return Pipeline(
            self._source.name,
            made,
            tuple(dict.fromkeys((*self._expansion.files, *params))),
            tuple(self._names(top.get("metrics"), "metrics", known)),
            tuple(dict.fromkeys(self._plots(top.get("plots"), known))),
            tuple(self._notes),
        )

    def _refuse_own_variables(self, stages: Sequence[Stage]) -> None:
        """Raise ConfigError for a stage that writes a file of variables, from which the stages are made."""
        for stage in stages:
            for file in self._expansion.files:
                if lies_in_any(file, stage.out_paths):
                    raise ConfigError(
                        f"the stage '{stage.name}' writes '{file}', from which the stages have variables",
                        "What a stage writes can be a dep or a params file of another, not a variable.",
                        file=self._source.name,
                        line=stage.line,
                    )

    def _note(self, node: Node, message: str) -> None:
        self._notes[f"{self._source.name}:{self._source.line(node)}: {message}"] = None

    # -- stages ---------------------------------------------------------------------------------------

    def _stage(self, definition: Definition) -> Stage:
        body, name = definition.body, definition.name
        fields: dict[str, Node] = content(body)
        self._check_name(definition)
        for key, node in fields.items():
            if key not in FIELDS:
                raise self._source.unknown(node, key, list(FIELDS), f"the stage '{name}'")
        known, wdir = definition.variables, self._prefix
        if fields.get("wdir") is not None and content(fields["wdir"]) is not None:
            wdir = self._folder(fields["wdir"], self._text(fields["wdir"], "wdir", known))
        known = self._expansion.with_vars(known, fields.get("vars"), wdir)
        desc, meta = "", None
        if "desc" in fields:
            desc = self._text(fields["desc"], "desc", known)
        if "meta" in fields:
            meta = self._expansion.value(fields["meta"], known)
        return Stage(
            name=name,
            commands=self._commands(body, name, fields.get("cmd"), known),
            wdir=wdir,
            deps=tuple(dict.fromkeys(self._deps(fields.get("deps"), known, wdir))),
            params=self._params(fields.get("params"), known, wdir),
            outs=self._outs(fields, known, wdir),
            desc=desc,
            frozen=self._flag(fields.get("frozen"), "frozen"),
            always_changed=self._flag(fields.get("always_changed"), "always_changed"),
            meta=meta,
            line=definition.line,
        )

    def _check_name(self, definition: Definition) -> None:
        node, group, name = definition.body, definition.group, definition.name
        if not group or group[0] in "-. " or group[-1] == " " or _BAD_IN_NAMES.intersection(group):
            hint = "Letters, digits, dashes, dots and underscores do."
            raise self._source.error(node, f"'{group[:_LONGEST_NAME]}' is no name for a stage", hint)
        if len(name) > _LONGEST_NAME or _CONTROL.search(name):
            message = f"the name '{name[:_LONGEST_NAME]}' of a stage is too long, or has control characters"
            raise self._source.error(node, message, "Give foreach a map: its keys name the stages.")

    def _commands(self, body: Node, name: str, node: Node | None, known: Variables) -> tuple[str, ...]:
        """The commands of a stage: the lines of a text, or the entries of a list, as in DVC."""
        if node is None or content(node) is None:
            hint = "For example: cmd: python train.py"
            raise self._source.error(body, f"the stage '{name}' has no 'cmd'", hint)
        is_list = isinstance(content(node), list)
        entries = content(node) if is_list else [node]
        commands: list[str] = []
        for entry in entries:
            text = content(entry)
            if not isinstance(text, str):
                raise self._source.error(entry, "'cmd' must be a text or a list of texts")
            filled = plain_text(self._expansion.fill(entry, known, text, in_command=True))
            lines = [filled]
            if not is_list:  # at newlines only, as a shell does: splitlines() would split within names, too
                lines = filled.split("\n")
            lines = [line.strip(" \t\r") for line in lines]
            if not any(lines) or "\0" in filled:
                raise self._source.error(entry, f"the stage '{name}' has an empty command")
            commands += filter(None, lines)
        if not commands:
            raise self._source.error(node, f"the stage '{name}' has no command")
        if (why := fault_of(commands)) is not None:
            raise self._source.error(node, f"'cmd' of '{name}': {why}", IN_ONE_SHELL)
        return tuple(commands)

    # -- what it reads --------------------------------------------------------------------------------

    def _deps(self, node: Node | None, known: Variables, wdir: str) -> Iterator[str]:
        for item in self._expansion.items(node, "deps"):
            path = self._text(item, "deps", known)
            if path.startswith("ds://"):
                raise self._source.error(
                    item, "data sets (ds://) of DVC cannot be read", "Name a file or folder."
                )
            yield self._path(item, path, wdir)

    def _params(self, node: Node | None, known: Variables, wdir: str) -> tuple[ParamsDep, ...]:
        """The params by file. One entry for all of a file outweighs keys of the file."""
        found: dict[str, list[str]] = {}
        whole = set()
        for item in self._expansion.items(node, "params"):
            entry = content(item)
            if not isinstance(entry, dict):
                file = self._path(item, DEFAULT_PARAMS, wdir)
                found.setdefault(file, []).append(self._text(item, "params", known))
                continue
            for name, keys in entry.items():
                file = self._path(keys, plain_text(self._expansion.fill(keys, known, name)), wdir)
                listed = found.setdefault(file, [])
                if content(keys) in (None, {}, []):
                    whole.add(file)
                else:
                    items = self._expansion.items(keys, f"params of {name}")
                    listed += [self._text(key, "params", known) for key in items]
        deps = []
        for file, texts in found.items():
            deps.append(ParamsDep(file, None if file in whole else tuple(dict.fromkeys(texts))))
        return tuple(deps)

    # -- what it writes -------------------------------------------------------------------------------

    def _outs(self, fields: dict[str, Node], known: Variables, wdir: str) -> tuple[Out, ...]:
        found = []
        for field, kind in (("outs", OutKind.OUT), ("metrics", OutKind.METRIC), ("plots", OutKind.PLOT)):
            for item, name, settings in self._entries(fields.get(field), field):
                path = self._path(item, plain_text(self._expansion.fill(item, known, name)), wdir)
                self._check_out(item, path)
                flags = self._out_flags(item, settings, path, field)
                in_git = kind is not OutKind.OUT or flags.get("cache") is False
                found.append(Out(path, kind, in_git, flags.get("persist", False)))
        return tuple(dict.fromkeys(found))

    def _check_out(self, node: Node, path: str) -> None:
        """Raise ConfigError for a forbidden output: outputs are removed before the stage runs."""
        if (why := fault(path)) is not None:
            raise self._source.error(node, f"the output '{path}' {why}", "Give it another name.")
        what = None
        if rule_in(path) is not None:
            what = "is"
        elif lies_in(self._source.name, path):
            what = "contains"
        if what is not None:
            message = f"the output '{path}' {what} a file that gitexp or Git works by, and would be removed"
            raise self._source.error(node, message, "Let the stage write another file, or another folder.")

    def _entries(self, node: Node | None, field: str) -> Iterator[tuple[Node, str, list[Node]]]:
        """Each output of a list: its place, path and settings."""
        for item in self._expansion.items(node, field):
            entry = content(item)
            if isinstance(entry, dict):
                for name, settings in entry.items():
                    if field == "plots" and isinstance(content(settings), list):
                        yield settings, name, content(settings)
                    else:
                        yield settings, name, [settings]
            elif isinstance(entry, str):
                yield item, entry, []
            else:
                raise self._source.error(
                    item, f"an entry of '{field}' must be a path", f"For example: {field}: [data.csv]"
                )

    def _out_flags(self, item: Node, settings: list[Node], path: str, field: str) -> dict[str, bool]:
        flags: dict[str, bool] = {}
        known = [*OUT_FIELDS, *_OUT_WORDS, *_OUT_DVC]
        if field == "plots":
            known += PLOT_FIELDS
        for each in settings:
            said = content(each)
            if not isinstance(said, dict | None):
                raise self._source.error(
                    item, f"what is said of '{path}' must be a mapping", "For example: {persist: true}"
                )
            for key, node in (said or {}).items():
                if key not in known:
                    raise self._source.unknown(node, key, known, f"the output '{path}'")
                if key in _OUT_DVC:
                    self._note(node, f"'{key}' of an output is of DVC's storage, and has no effect here")
                elif key in OUT_FIELDS:
                    flags[key] = self._flag(node, key)
        return flags

    # -- what stands beside the stages ------------------------------------------------------------------

    def _names(self, node: Node | None, field: str, known: Variables) -> Iterator[str]:
        for item in self._expansion.items(node, field):
            yield self._path(item, self._text(item, field, known), self._prefix)

    def _plots(self, node: Node | None, known: Variables) -> Iterator[str]:
        """The files of the top-level plots: the files of `x` and `y`, or else the name of the plot."""
        for item in self._expansion.items(node, "plots"):
            if not isinstance(content(item), dict):
                yield self._path(item, self._text(item, "plots", known), self._prefix)
                continue
            for name, settings in content(item).items():
                for file in _files_of_axes(settings) or [name]:
                    filled = plain_text(self._expansion.fill(settings, known, file))
                    yield self._path(item, filled, self._prefix)

    # -- single values ----------------------------------------------------------------------------------

    def _text(self, node: Node, field: str, known: Variables) -> str:
        value: Value = content(node)
        if isinstance(value, dict | list) or value is None:
            raise self._source.error(node, f"'{field}' takes texts here")
        if isinstance(value, str):
            value = self._expansion.fill(node, known, value)
        return plain_text(value)

    def _flag(self, node: Node | None, field: str) -> bool:
        if node is None:
            return False
        value = content(node)
        if not isinstance(value, bool):
            raise self._source.error(node, f"'{field}' must be true or false")
        return value

    def _folder(self, node: Node, path: str) -> str:
        """The folder of a stage's commands; "" for the root."""
        if inside(self._prefix, path) == "":
            return ""
        return self._path(node, path, self._prefix)

    def _path(self, node: Node, path: str, folder: str) -> str:
        if _URL.match(path):
            hint = "A command can fetch it, and the file that it writes be an output."
            raise self._source.error(node, f"'{path}' is not a file here", hint)
        found = inside(folder, path) if path else None
        if found is None:
            hint = "Paths of stages stay inside the repository, and out of .git."
            raise self._source.error(node, f"'{path}' is not inside the repository", hint)
        if found == "":
            raise self._source.error(
                node, f"'{path}' is the whole repository", "Name files or folders in it."
            )
        if len(found) > _LONGEST_PATH or found.count("/") > _DEEPEST_PATH:
            raise self._source.error(node, f"too long, or too deep, for a path: '{path}'")
        return found


def _files_of_axes(settings: Node) -> list[str]:
    files: list[str] = []
    said = content(settings)
    if isinstance(said, dict):
        for axis in ("x", "y"):
            if axis in said and isinstance(content(said[axis]), dict):
                files += content(said[axis])
    return files
