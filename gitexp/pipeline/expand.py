"""Which stages one definition makes (`foreach`, `matrix`), and what variables hold in each."""

from __future__ import annotations

import configparser
import contextlib
import itertools
import math
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gitexp import files
from gitexp.files.dvc_yaml import DEFAULT_PARAMS, DVC_CONFIG, DVC_YAML
from gitexp.files.nodes import Node
from gitexp.model import Tree, Value
from gitexp.pipeline.paths import inside
from gitexp.pipeline.source import PipelineFile, content, plain
from gitexp.pipeline.stage import ReadFile
from gitexp.pipeline.template import OptionStyle, TemplateError, Variables, fill, is_template, plain_text

MAX_STAGES = 1000  # of one pipeline, with those that foreach and matrix make
MAX_FILLED = 16 << 20  # characters of all texts with their variables put in: foreach and matrix multiply them
_EACH = 128  # what a text, or an entry of a list, counts at least


@dataclass(frozen=True, slots=True)
class Definition:
    """One stage to be: `body` is what its fields stand in, `line` where the definition begins.

    `group` is the name in the file, to which `foreach` and `matrix` add `@` and what is theirs.
    """

    group: str
    name: str
    body: Node
    variables: Variables
    line: int


class Expansion:
    """Puts variables into the texts of one source, and sees to it that they do not grow without end."""

    def __init__(self, source: PipelineFile, folder: str, read_file: ReadFile) -> None:
        self._source = source
        self._folder = folder
        self._read_file = read_file
        self._left = MAX_FILLED
        self._trees: dict[str, Tree | None] = {}  # by file, in the order of their reading

    # -- texts ----------------------------------------------------------------------------------------

    def fill(
        self, node: Node, variables: Variables, text: str, *, nested: bool = False, in_command: bool = False
    ) -> Value:
        """Return what a text says that stands at a node. Raises ConfigError."""
        try:
            value = fill(text, variables, nested=nested, in_command=in_command)
        except TemplateError as error:
            raise self._source.error(node, error.message, error.hint) from None
        self._count(node, len(value) if isinstance(value, str) else 0)
        return value

    def items(self, node: Node | None, field: str) -> list[Node]:
        """Return the items of a list; a field that is left empty has none. Raises ConfigError."""
        if node is None or content(node) is None:
            return []
        items = content(node)
        if not isinstance(items, list):
            raise self._source.error(node, f"'{field}' must be a list", f"For example: {field}: [a, b]")
        self._count(node, _EACH * len(items))
        return items

    def _count(self, node: Node, size: int) -> None:
        self._left -= max(size, _EACH)
        if self._left < 0:
            hint = "Look for a foreach or matrix that makes more than was meant."
            message = f"the pipeline has more than {MAX_FILLED >> 20} MiB of text with its variables put in"
            raise self._source.error(node, message, hint)

    def value(self, node: Node, variables: Variables) -> Value:
        """Return what a node says, with variables put into all texts and keys in it. Raises ConfigError."""
        inner = content(node)
        self._count(node, 0)
        if isinstance(inner, dict):
            return {
                plain_text(self.fill(child, variables, key)): self.value(child, variables)
                for key, child in inner.items()
            }
        if isinstance(inner, list):
            return [self.value(child, variables) for child in inner]
        return self.fill(node, variables, inner, nested=True) if isinstance(inner, str) else inner

    # -- variables ------------------------------------------------------------------------------------

    def variables(self, entries: Node | None) -> Variables:
        """Return those of params.yaml and of the `vars` at the top. Raises ParseError and ConfigError."""
        name = posixpath.join(self._folder, DEFAULT_PARAMS)
        known = Variables(style=self._style()).merged(self._tree(name) or {}, name)
        return self.with_vars(known, entries, self._folder)

    def _style(self) -> OptionStyle:
        """Return what `parsing` in DVC's own config says, for a dvc.yaml; nothing, if it cannot be read."""
        data = None
        if posixpath.basename(self._source.name) == DVC_YAML:
            data = self._read_file(posixpath.join(self._folder, DVC_CONFIG)) or self._read_file(DVC_CONFIG)
        config = configparser.RawConfigParser(strict=False)
        with contextlib.suppress(configparser.Error):
            config.read_string((data or b"").decode("utf-8", "replace"))
        said = {key: config.get("parsing", key, fallback="").strip(" \"'") for key in ("bool", "list")}
        return OptionStyle(said["bool"] == "boolean_optional", said["list"] == "append")

    @property
    def files(self) -> tuple[str, ...]:
        """The files that variables came from."""
        return tuple(name for name, tree in self._trees.items() if tree is not None)

    def _tree(self, name: str) -> Tree | None:
        if name not in self._trees:
            data = self._read_file(name)
            self._trees[name] = None if data is None else files.parse(name, data)
        return self._trees[name]

    def with_vars(self, known: Variables, entries: Node | None, folder: str) -> Variables:
        """Return variables with those of a `vars:`, whose files are relative to a folder."""
        for entry in self.items(entries, "vars"):
            said = content(entry)
            try:
                if isinstance(said, str) and not is_template(said):
                    known = self._with_file(known, entry, said, folder)
                elif isinstance(said, dict) and not _has_template(plain(entry)):
                    self._count(entry, _EACH * (entry.alias_of or entry).leaves)
                    known = known.merged(plain(entry), f"vars in line {self._source.line(entry)}")
                else:
                    hint = "For example: vars: [{size: 3}, model.json, 'more.yaml:lr,seed']"
                    raise self._source.error(entry, "'vars' takes maps and files, without ${…} in them", hint)
            except TemplateError as error:
                raise self._source.error(entry, error.message, error.hint) from None
        return known

    def _with_file(self, known: Variables, entry: Node, said: str, folder: str) -> Variables:
        path, _, selected = said.partition(":")
        name = inside(folder, path)
        if name is None:
            raise self._source.error(entry, f"'{path}' is not inside the repository")
        tree = self._tree(name)
        if tree is None:
            hint = f"It is looked for as {name}."
            raise self._source.error(entry, f"the file of variables '{path}' is not there", hint)
        self._count(entry, _EACH * len(tree))
        if keys := [key for key in selected.split(",") if key]:
            missing = [key for key in keys if key not in tree]
            if missing:
                raise self._source.error(entry, f"{name} has no '{missing[0]}' at its top")
            tree = {key: tree[key] for key in keys}
        # A file may be named twice, and params.yaml besides being read by itself.
        again = {key for key in tree if known.sources.get(key) == name and known.values[key] == tree[key]}
        return known.merged({key: tree[key] for key in tree if key not in again}, name)

    # -- stages ---------------------------------------------------------------------------------------

    def definitions(self, stages: Mapping[str, Node], variables: Variables) -> Iterator[Definition]:
        """Yield the stages that the definitions make, in their order. Raises ConfigError."""
        count = 0
        for name, node in stages.items():
            if not isinstance(content(node), dict):
                raise self._source.error(
                    node, f"the stage '{name}' must be a mapping of fields", "It needs a 'cmd'."
                )
            for key, body, own in self._made(name, node, variables):
                count += 1
                if count > MAX_STAGES:
                    raise self._source.error(
                        node, f"there are more than {MAX_STAGES:,} stages, with '{name}'"
                    )
                full = name if key is None else f"{name}@{key}"
                yield Definition(name, full, body, variables.within(**own), self._source.line(node))

    def _made(
        self, name: str, node: Node, variables: Variables
    ) -> Iterator[tuple[str | None, Node, dict[str, Value]]]:
        fields: dict[str, Node] = content(node)
        if "foreach" in fields or "do" in fields:
            yield from self._foreach(name, node, fields, variables)
        elif "matrix" in fields:
            yield from self._matrix(fields["matrix"], node, variables)
        else:
            yield None, node, {}

    def _foreach(
        self, name: str, node: Node, fields: dict[str, Node], variables: Variables
    ) -> Iterator[tuple[str, Node, dict[str, Value]]]:
        for key, child in fields.items():
            if key not in ("foreach", "do"):
                hint = "All fields of the stages it makes go below 'do'."
                raise self._source.error(child, f"'{key}' cannot stand beside 'foreach'", hint)
        for key in ("foreach", "do"):
            if key not in fields:
                raise self._source.error(
                    node, f"the stage '{name}' has no '{key}'", "'foreach' and 'do' go together."
                )
        template = content(fields["do"])
        if not isinstance(template, dict):
            raise self._source.error(fields["do"], "'do' must be a mapping of a stage's fields")
        for key in ("foreach", "do", "matrix"):
            if key in template:
                raise self._source.error(template[key], f"'{key}' cannot stand in a 'do'")
        items = self.value(fields["foreach"], variables)
        if isinstance(items, dict):
            for key, item in items.items():
                yield key, fields["do"], {"key": key, "item": item}
            return
        if not isinstance(items, list):
            hint = "For example: foreach: [small, large]"
            raise self._source.error(fields["foreach"], "'foreach' needs a list or a map", hint)
        # DVC names the stages by the items of a list, or by their numbers if one is not plain.
        numbered = any(isinstance(item, dict | list) for item in items)
        named = {str(at) if numbered else plain_text(item): item for at, item in enumerate(items)}
        for key, item in named.items():
            yield key, fields["do"], {"item": item}

    def _matrix(
        self, matrix: Node, node: Node, variables: Variables
    ) -> Iterator[tuple[str, Node, dict[str, Value]]]:
        axes = self.value(matrix, variables)
        if not isinstance(axes, dict) or not all(isinstance(values, list) for values in axes.values()):
            hint = "For example: matrix: {model: [cnn, xgb], seed: [1, 2]}"
            raise self._source.error(matrix, "'matrix' needs a list for each name", hint)
        count = math.prod(len(values) for values in axes.values())
        if count > MAX_STAGES:
            raise self._source.error(matrix, f"this makes {count:,} stages; {MAX_STAGES:,} are the most")
        named = [[(_name_of(axis, at, value), value) for at, value in enumerate(axes[axis])] for axis in axes]
        made: dict[str, dict[str, Any]] = {}
        for chosen in itertools.product(*named):
            item = dict(zip(axes, (value for _, value in chosen), strict=True))
            made["-".join(name for name, _ in chosen)] = item
        for key, item in made.items():
            yield key, node, {"key": key, "item": item}


def _name_of(axis: str, at: int, value: Value) -> str:
    return f"{axis}{at}" if isinstance(value, dict | list) else plain_text(value)


def _has_template(value: Value) -> bool:
    if isinstance(value, dict):
        return any(_has_template(child) for pair in value.items() for child in pair)
    if isinstance(value, list):
        return any(map(_has_template, value))
    return isinstance(value, str) and is_template(value)
