"""Commands that are notebooks: `train.ipynb`, and behind it values for parameters: `lr=0.1`.

The cell with the tag `parameters` counts as a params file of Python: `-S` is read, checked and applied as
there. But the notebook stays as it is. What differs from the cell becomes words of the command, and a cell
behind the cell of the parameters sets it when the notebook runs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from gitexp import errors, files
from gitexp.files import notebook
from gitexp.files.command_words import arguments
from gitexp.files.command_words.masked_arguments import MASK, masked, masked_values
from gitexp.files.command_words.overrides import Op, Override, parse_override, parse_value, split_override
from gitexp.files.scalars import same
from gitexp.model import MISSING, Tree, Value
from gitexp.named_tuple import NamedTuple

CommandLine = str | tuple[str, ...]

_HOW = (
    "Add it to the cell with the parameters. In JupyterLab: Property Inspector, Cell Tags; "
    "in VS Code: Add Cell Tag, in the menu of the cell."
)


class NotebookCommand(NamedTuple):
    """A command that is a notebook.

    Attributes:
        line: the command.
        file: the notebook.
        name: its path from the root.
        code: the notebook without outputs.
        cell: the text of the cell with the parameters; None if no cell has the tag.
    """

    line: CommandLine
    file: Path
    name: str
    code: bytes
    cell: bytes | None

    @property
    def words(self) -> tuple[str, ...]:
        """The words behind the notebook."""
        return tuple(arguments.split(self.line) or ())[1:]

    @property
    def params_file(self) -> str:
        """What stands for the params file."""
        return f"{self.name}/{notebook.PARAMETERS}.py"

    def contents(self) -> dict[str, bytes]:
        """The text of the parameters with the values of the command, by the name of their file."""
        overrides = list(map(override_of, self.words))
        if self.cell is None:
            if overrides:
                raise self.without_parameters(overrides[0].text.lstrip("+"))
            return {}
        before = {self.params_file: self.cell}
        return {**before, **files.apply_overrides(before, overrides)}

    def without_parameters(self, text: str) -> errors.GitexpError:
        """The error for a value, where no cell is tagged."""
        return errors.GitexpError(
            f"`{text}` cannot be set: no cell of {self.name} has the tag {notebook.PARAMETERS}.",
            _HOW,
            code="unknown-param",
        )

    def is_meant(self, override: Override, root: Path, folder: Path, command: str) -> bool:
        """Whether an override names the notebook as its file; `command` stands for the command."""
        if override.file is None:
            return False
        if override.file in (command, self.params_file):
            return True
        return self.file in ((folder / override.file).resolve(), (root / override.file).resolve())

    def line_for(self, options: Sequence[Override], contents: Mapping[str, bytes]) -> CommandLine:
        """The command whose parameters have these contents: a word for each that differs from the cell.

        Raises OverrideError for `options`, which no notebook has, and for a parameter that is gone.
        """
        if options:
            raise errors.OverrideError(
                f"`{options[0].text}` names an option, and a notebook has parameters.", "Write -S lr=0.1"
            )
        if self.cell is None:
            return self.line
        before = files.parse_leniently(self.params_file, self.cell)
        after = files.parse_leniently(self.params_file, contents[self.params_file])
        if gone := [name for name in before if name not in after]:
            raise errors.OverrideError(
                f"`{gone[0]}` cannot be removed: {self.name} sets it.", "Give it another value."
            )
        words = []
        for name, value in after.items():
            if not same(before.get(name, MISSING), value):
                words.append(_word(name, value))
        return _like(self.line, [_first(self.line), *sorted(words)])

    def params(self, line: CommandLine, contents: Mapping[str, bytes]) -> Tree:
        """All parameters with their values, for the record; without secrets."""
        if self.cell is None:
            return {}
        found, _ = masked_values(files.parse_params(self.params_file, contents[self.params_file]).tree)
        for word in arguments.split(masked(line).command) or ():
            name = split_override(word)[0]
            if MASK in word and name in found:
                found = {**found, name: MASK}
        return found


def find(command: CommandLine, folder: Path, root: Path) -> NotebookCommand | None:
    """The notebook that a command in a folder is; None for any other command.

    Raises command-not-found for one that is not there, UsageError for one outside of the repository or with
    words that give no value, and ParseError.
    """
    if not is_notebook(command):
        return None
    file = (folder / _first(command)).resolve()
    if not file.is_file():
        raise errors.GitexpError(
            f"There is no notebook {_first(command)} in {folder}.",
            "Check the path.",
            code="command-not-found",
        )
    if not file.is_relative_to(root.resolve()):
        raise errors.UsageError(
            f"{_first(command)} is not in the repository: its code would not be stored.",
            f"Copy it to {root}.",
        )
    name = file.relative_to(root.resolve()).as_posix()
    data = _read(file, name)
    parsed = notebook.read(name, data)
    number = notebook.parameters_cell(parsed)
    cell = None
    if number is not None:
        cell = notebook.source_of(parsed["cells"][number]).encode("utf-8", "replace")
    return NotebookCommand(command, file, name, notebook.without_outputs(name, data), cell)


def _read(file: Path, name: str) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise errors.FileError(f"cannot be read: {error.strerror}", file=name) from error


def is_notebook(command: CommandLine) -> bool:
    """Whether a command is a notebook, by its first word."""
    return bool(command) and _first(command).endswith(notebook.ENDING)


def typed(words: tuple[str, ...]) -> tuple[tuple[str, ...], list[str]]:
    """The notebook alone, and the overrides behind it: `-S lr=0.1`, `--set lr=0.1`, or `lr=0.1`.

    Raises UsageError for any other word: a notebook takes none.
    """
    texts, rest = [], list(words[1:])
    while rest:
        word = rest.pop(0)
        if word in ("-S", "--set") and rest:
            word = rest.pop(0)
        elif word.startswith("--set="):
            word = word.removeprefix("--set=")
        elif word.startswith("-S"):
            word = word.removeprefix("-S")
        if word.startswith("-") or "=" not in word:
            raise errors.UsageError(
                f"{word} stands behind a notebook, which takes parameters alone.",
                f"Options of gitexp's stand before it: gitexp run -n NAME -- {words[0]} lr=0.1",
            )
        texts.append(word)
    return words[:1], texts


def override_of(word: str) -> Override:
    """The override that a word of a command is: it may add a parameter. Raises OverrideError."""
    return parse_override(word)._replace(op=Op.ADD)


def with_word(command: CommandLine, override: Override) -> CommandLine:
    """The command of a notebook with another value of a parameter."""
    name = files.format_key(override.key)
    words = []
    for word in (arguments.split(command) or [])[1:]:
        if split_override(word)[0] != name:
            words.append(word)
    return _like(command, [_first(command), *sorted([*words, f"{name}={override.typed}"])])


def _word(name: str, value: Value) -> str:
    text = value
    if not isinstance(value, str) or parse_value(value) != value:
        text = json.dumps(value, ensure_ascii=False)
    return f"{files.format_key((name,))}={text}"


def _first(command: CommandLine) -> str:
    if isinstance(command, str):
        return next(iter(arguments.split(command) or [""]))
    return command[0]


def _like(command: CommandLine, words: Sequence[str]) -> CommandLine:
    return arguments.join(words) if isinstance(command, str) else tuple(words)
