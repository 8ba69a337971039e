"""The stages of a definition (`foreach`, `matrix`), and the variables of each stage."""

from __future__ import annotations

import configparser
import contextlib
import math
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gitexp import files
from gitexp.files.dvc_yaml import DEFAULT_PARAMS, DVC_CONFIG, DVC_YAML, combined, keyed
from gitexp.files.nodes import Node, plain
from gitexp.model import Tree, Value
from gitexp.pipeline.paths import inside
from gitexp.pipeline.source import PipelineFile, content
from gitexp.pipeline.stage import ReadFile
from gitexp.pipeline.template import OptionStyle, TemplateError, Variables, fill, is_template, plain_text

MAX_STAGES = 1000  # of one pipeline, with those that foreach and matrix make
MAX_FILLED = 16 << 20  # characters of all texts with their variables put in: foreach and matrix multiply them
_EACH = 128  # characters that a text, or an entry of a list, counts at least


@dataclass(frozen=True, slots=True)
class Definition:
    """One stage to be.

    Attributes:
        group: name in the file.
        name: `group`, or `group@item` from a `foreach` or `matrix`.
        body: map with the fields of the stage.
        variables: values for templates in the fields.
        line: first line of the definition, from 1.
    """

    group: str
    name: str
    body: Node
    variables: Variables
    line: int


class Expansion:
    """Puts variables into the texts of one file, up to a limit for all texts together."""

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
        """The text of a node with its variables put in. Raises ConfigError."""
        try:
            value = fill(text, variables, nested=nested, in_command=in_command)
        except TemplateError as error:
            raise self._source.error(node, error.message, error.hint) from None
        if isinstance(value, str):
            self._count(node, len(value))
        else:
            self._count(node, 0)
        return value

    def items(self, node: Node | None, field: str) -> list[Node]:
        """The items of a list; an empty field has none. Raises ConfigError."""
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
        """The value of a node, with variables put into all texts and keys. Raises ConfigError."""
        inner = content(node)
        self._count(node, 0)
        if isinstance(inner, dict):
            tree = {}
            for key, child in inner.items():
                filled = plain_text(self.fill(child, variables, key))
                tree[filled] = self.value(child, variables)
            return tree
        if isinstance(inner, list):
            return [self.value(child, variables) for child in inner]
        if isinstance(inner, str):
            return self.fill(node, variables, inner, nested=True)
        return inner

    # -- variables ------------------------------------------------------------------------------------

    def variables(self, entries: Node | None) -> Variables:
        """The variables of params.yaml and of `vars` at the top. Raises ParseError and ConfigError."""
        name = posixpath.join(self._folder, DEFAULT_PARAMS)
        known = Variables(style=self._style()).merged(self._tree(name) or {}, name)
        return self.with_vars(known, entries, self._folder)

    def _style(self) -> OptionStyle:
        """The style from `parsing` in DVC's own config, for a dvc.yaml; a bad config counts as empty."""
        data = None
        if posixpath.basename(self._source.name) == DVC_YAML:
            data = self._read_file(posixpath.join(self._folder, DVC_CONFIG)) or self._read_file(DVC_CONFIG)
        config = configparser.RawConfigParser(strict=False)
        with contextlib.suppress(configparser.Error):
            config.read_string((data or b"").decode("utf-8", "replace"))
        negated = config.get("parsing", "bool", fallback="").strip(" \"'") == "boolean_optional"
        repeated = config.get("parsing", "list", fallback="").strip(" \"'") == "append"
        return OptionStyle(negated, repeated)

    @property
    def files(self) -> tuple[str, ...]:
        """The files of the variables."""
        return tuple(name for name, tree in self._trees.items() if tree is not None)

    def _tree(self, name: str) -> Tree | None:
        if name not in self._trees:
            data = self._read_file(name)
            self._trees[name] = None if data is None else files.parse(name, data)
        return self._trees[name]

    def with_vars(self, known: Variables, entries: Node | None, folder: str) -> Variables:
        """The known variables with more from a `vars:`, whose files are relative to a folder."""
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
        keys = [key for key in selected.split(",") if key] or list(tree)
        new = {}
        for key in keys:
            if key not in tree:
                raise self._source.error(entry, f"{name} has no '{key}' at its top")
            # A file may be named twice, and params.yaml is read in any case.
            if known.sources.get(key) != name or known.values[key] != tree[key]:
                new[key] = tree[key]
        return known.merged(new, name)

    # -- stages ---------------------------------------------------------------------------------------

    def definitions(self, stages: Mapping[str, Node], variables: Variables) -> Iterator[Definition]:
        """The stages of all definitions, in order. Raises ConfigError."""
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
        for key, item in dict(keyed(items, plain_text)).items():
            yield key, fields["do"], {"item": item}

    def _matrix(
        self, matrix: Node, node: Node, variables: Variables
    ) -> Iterator[tuple[str, Node, dict[str, Value]]]:
        axes = self.value(matrix, variables)
        if not isinstance(axes, dict) or not all(isinstance(values, list) for values in axes.values()):
            hint = "For example: matrix: {model: [cnn, xgb], seed: [1, 2]}"
            raise self._source.error(matrix, "'matrix' needs a list for each name", hint)
        count = math.prod(map(len, axes.values()))
        if count > MAX_STAGES:
            raise self._source.error(matrix, f"this makes {count:,} stages; {MAX_STAGES:,} are the most")
        for key, item in dict(combined(axes, plain_text)).items():
            yield key, node, {"key": key, "item": item}


def _has_template(value: Value) -> bool:
    if isinstance(value, dict):
        return _has_template([*value, *value.values()])
    if isinstance(value, list):
        return any(map(_has_template, value))
    return isinstance(value, str) and is_template(value)
