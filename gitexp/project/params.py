"""The params that a run uses: read from their files and its command, changed as -S says, written back."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from gitexp import errors, files
from gitexp.failpoints import failpoint
from gitexp.files import Override
from gitexp.files.also_changed import also_changed
from gitexp.files.command_words import arguments
from gitexp.files.command_words.credentials import is_secret
from gitexp.files.command_words.masked_arguments import masked
from gitexp.files.command_words.overrides import Op
from gitexp.files.keys import format_key, get, resolve
from gitexp.files.kinds import changed_types, changed_types_of_values
from gitexp.files.limits import read_if_there
from gitexp.model import MISSING, Files, Tree
from gitexp.named_tuple import NamedTuple
from gitexp.objects.paths import lies_in_any
from gitexp.project import whole_file
from gitexp.project.project import Project, foreign, inside, warning_of
from gitexp.project.readable_params import read_params
from gitexp.project.tools.notebook_command import NotebookCommand, is_notebook, with_word
from gitexp.words import shorten

CommandLine = str | tuple[str, ...]  # for the shell, or an argument list

OUTPUT = ".gitexp/output"  # stands for a metrics file where printed metrics are recorded
COMMAND = ".gitexp/command"  # stands for a params file where the command's own options are recorded


class PreparedParams(NamedTuple):
    """The params of a run, with the overrides applied.

    Attributes:
        command: the command with its options changed; () for stages.
        files: the values of the params files, and of the command's options under `COMMAND`.
        contents: the coming content of each params file.
        edited: changed files by their real path relative to the root (a link's target, not the link).
        originals: the content on disk of each edited file, by the same path; None for a file to be made.
        warnings: sentences for the record.
    """

    command: CommandLine
    files: Files
    contents: Mapping[str, bytes]
    edited: Mapping[str, bytes]
    originals: Mapping[str, bytes | None]
    warnings: tuple[str, ...] = ()


def prepare(
    project: Project,
    overrides: Sequence[Override],
    command: CommandLine,
    *,
    written_later: Sequence[str],
    workspace: Path,
    composed: Mapping[str, bytes] | None = None,
    notebook: NotebookCommand | None = None,
) -> PreparedParams:
    """The params of a run of `command`; nothing is written.

    Paths `written_later` are written by the run itself: results, not to be changed here. `composed` is the
    coming content of files made for the run, before the overrides. `notebook` is the command, if it
    is one.
    Of a link to outside the repository, no values are recorded: a link in a stranger's repository must not
    publish files of this machine. A link to the user's own `workspace` is allowed; isolated runs may share
    paths.

    Raises ParseError, unknown-param, OverrideError, or SnapshotRefused for a change to a file outside the
    repository.
    """
    root = project.repo.root
    of_notebook, of_command, others = _by_place(project, overrides, notebook)
    others = _with_names(project, others)
    _refuse_written(project, others, written_later)
    named = [override.file for override in others if override.file is not None]
    in_notebook: Mapping[str, bytes] = {}
    if notebook is not None:
        in_notebook = notebook.contents()
    composed = composed or {}
    before = {**_contents(project, others, but=written_later), **in_notebook}
    found = read_params({**before, **composed}, {*project.config.declared, *named, *in_notebook})
    inputs = found.contents
    more_of_command, of_files = _of_options(others, command, inputs)
    of_command += more_of_command
    if found.unread is not None and any(override.file is None for override in of_files):
        raise found.unread  # it may have the key
    changed = _applied(inputs, [*of_notebook, *of_files], notebook)
    after = {**composed, **changed}
    for name in in_notebook:
        after.pop(name, None)
    edited, originals = _edits(root, before, after)
    final = {**inputs, **changed}
    in_notebook = {name: final.pop(name) for name in in_notebook}
    unrecorded = []
    for name in foreign(root, final):
        if inside(workspace, root / name) is None:
            unrecorded.append(name)
    options = _options(command)
    command, values = _with_options(command, of_command, notebook, in_notebook)
    warnings = (
        *warning_of(unrecorded),
        *found.warnings,
        *_of_other_types(inputs, changed),
        *_by_aliases(inputs, changed, of_files),
        *_unlisted(project, named, notebook),
        *changed_types_of_values(options, _options(command)),
        *_secrets(of_files, notebook, inputs),
    )
    trees = {name: tree for name, tree in found.trees.items() if name not in in_notebook}
    recorded = _recorded(trees, changed, unrecorded)
    if values:
        recorded[COMMAND] = values
    return PreparedParams(command, recorded, final, edited, originals, warnings)


def _by_place(
    project: Project, overrides: Sequence[Override], notebook: NotebookCommand | None
) -> tuple[list[Override], list[Override], list[Override]]:
    """The overrides of the notebook, those of the command's options, and all others."""
    of_notebook, of_command, others = list[Override](), list[Override](), list[Override]()
    for override in overrides:
        if notebook is not None and notebook.is_meant(override, project.repo.root, project.here, COMMAND):
            of_notebook.append(override._replace(file=notebook.params_file))
        elif override.file == COMMAND:
            of_command.append(override)
        else:
            others.append(override)
    return of_notebook, of_command, others


def _of_options(
    overrides: Sequence[Override], command: CommandLine, inputs: Mapping[str, bytes]
) -> tuple[list[Override], list[Override]]:
    """The overrides of the command's options, and the overrides of files."""
    of_options, of_files = list[Override](), list[Override]()
    for override in overrides:
        if _is_of_command(override, command, inputs):
            of_options.append(override)
        else:
            of_files.append(override)
    return of_options, of_files


def _edits(
    root: Path, before: Mapping[str, bytes], after: Mapping[str, bytes]
) -> tuple[dict[str, bytes], dict[str, bytes | None]]:
    """The new content of each file that changes, and the old one, by the path without links."""
    edited, originals = dict[str, bytes](), dict[str, bytes | None]()
    for name, data in after.items():
        if data != before.get(name):
            real = _real(root, name)
            edited[real] = data
            originals[real] = before.get(name)
    return edited, originals


def _with_options(
    command: CommandLine,
    options: Sequence[Override],
    notebook: NotebookCommand | None,
    contents: Mapping[str, bytes],
) -> tuple[CommandLine, Tree]:
    """The command with its options changed, and the params in it; `contents` are those of the notebook."""
    if notebook is None:
        changed = changed_command(command, options)
        return changed, _options(changed)
    line = notebook.line_for(options, contents)
    return line, notebook.params(line, contents)


def _applied(
    inputs: Mapping[str, bytes], overrides: Sequence[Override], notebook: NotebookCommand | None
) -> dict[str, bytes]:
    """The params files that overrides change, as they are then. Raises unknown-param and OverrideError."""
    try:
        return files.apply_overrides(inputs, overrides)
    except errors.GitexpError as error:
        if error.code == "unknown-param" and notebook is not None and notebook.cell is None:
            raise notebook.without_parameters(overrides[-1].text) from error
        raise


def _recorded(before: Files, changed: Mapping[str, bytes], unrecorded: Sequence[str]) -> dict[str, Tree]:
    """The params of files, for the record."""
    trees: dict[str, Tree] = {}
    for name, tree in before.items():
        if name in changed:
            tree = files.parse_params(name, changed[name]).tree
        if name not in unrecorded:
            trees[name] = tree
    return trees


def _options(command: CommandLine) -> Tree:
    """The options of a command as params, without secrets."""
    return arguments.parse(arguments.split(masked(command).command) or ())


def _contents(project: Project, overrides: Sequence[Override], *, but: Sequence[str]) -> dict[str, bytes]:
    """The content of each existing params file, including files named by overrides."""
    found = {}
    for name in _names(project, overrides):
        data = _read(project.repo.root, name)
        if data is not None and not lies_in_any(name, but):
            found[name] = data
    return found


def _refuse_written(project: Project, overrides: Sequence[Override], written_later: Sequence[str]) -> None:
    """Raise OverrideError for a change to a file that the run itself writes."""
    for override in overrides:
        having = [override.file]
        if override.file is None:
            having = _having(project, override)
        written = []
        for name in having:
            if name is not None and lies_in_any(name, written_later):
                written.append(name)
        if written and len(written) == len(having):
            raise errors.OverrideError(
                f"`{override.text}` cannot change {written[0]}: the run itself writes that file.",
                "Change what the run reads: another params file, or an option of the command: -S args.lr=0.1",
            )


def _having(project: Project, override: Override) -> list[str | None]:
    """The params files with the key of an override; none for an override with leave to add the key."""
    having: list[str | None] = []
    if override.op is Op.ADD:
        return having
    for name in project.config.params:
        data = _read(project.repo.root, name)
        with contextlib.suppress(errors.ParseError):
            tree = files.parse(name, data or b"")
            if get(tree, resolve(tree, override.key)) is not MISSING:
                having.append(name)
    return having


def _of_other_types(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> Iterator[str]:
    """A warning for each value with a changed type, perhaps a mistake."""
    for name, data in after.items():
        yield from changed_types(name, before[name], data)


def _by_aliases(
    before: Mapping[str, bytes], after: Mapping[str, bytes], overrides: Sequence[Override]
) -> Iterator[str]:
    """A warning for each file whose overrides change other values, too."""
    for name, data in after.items():
        meant = [override.key for override in overrides if override.file in (None, name)]
        if keys := also_changed(name, before[name], data, meant):
            yield f"changed with what -S sets, by an alias in {name}: {shorten(keys)}"


def _unlisted(project: Project, named: Iterable[str], notebook: NotebookCommand | None) -> Iterator[str]:
    """A warning for each file with overrides that other runs record no values of."""
    listed = {*project.config.declared, *project.config.params}
    for name in dict.fromkeys(named):
        if name not in listed and not (notebook is not None and name == notebook.params_file):
            yield f"{name} is not under params: in gitexp.yaml, so only runs that set its values record them"


def _secrets(
    overrides: Sequence[Override], notebook: NotebookCommand | None, inputs: Mapping[str, bytes]
) -> Iterator[str]:
    """A warning for each stored value of a params file with the look of a secret; a notebook's are masked."""
    cell: Tree = {}
    if notebook is not None and notebook.params_file in inputs:
        cell = files.parse_leniently(notebook.params_file, inputs[notebook.params_file])
    for override in overrides:
        if override.file is None and get(cell, resolve(cell, override.key)) is not MISSING:
            continue
        if override.op is not Op.REMOVE and is_secret(format_key(override.key), override.typed):
            yield f"stored with the params file, though it looks like a secret: {format_key(override.key)}"


def _is_of_command(override: Override, command: CommandLine, inputs: Mapping[str, bytes]) -> bool:
    """Whether an override without a file means an option of the command.

    Raises OverrideError for an override that may also mean a key of a file.
    """
    if override.file is not None or override.key[0] != arguments.SECTION:
        return False
    having, has_section = [], False
    for name, data in inputs.items():
        tree = files.parse_leniently(name, data)
        has_section |= arguments.SECTION in tree
        if get(tree, resolve(tree, override.key)) is not MISSING:
            having.append(name)
    words = arguments.split(command)
    if words is not None and having and arguments.has(words, override):
        key = format_key(override.key)
        raise errors.OverrideError(
            f"`{key}` stands in {' and in '.join(having)} and is an option of the command.",
            f"Say which one is meant: {having[0]}:{key} or {COMMAND}:{key}",
        )
    return not having and not has_section


def changed_command(command: CommandLine, overrides: Sequence[Override]) -> CommandLine:
    """The command with its options changed; a list stays a list, a shell line a shell line."""
    if not overrides:
        return command
    if is_notebook(command):
        for override in overrides:
            command = with_word(command, override)
        return command
    words = arguments.split(command)
    if words is None:
        raise errors.GitexpError(
            f"`{overrides[0].text}` cannot change the command: it is a line for the shell, {command}",
            "Give the command in plain words: gitexp run -- python train.py --lr 0.1",
            code="unknown-param",
        )
    words = arguments.apply(words, overrides)
    if isinstance(command, str):
        return arguments.join(words)
    return tuple(words)


def require_writable(root: Path, params: PreparedParams) -> None:
    """Raise FileError for a file to be edited, but protected or somebody else's."""
    for name in params.edited:
        path = root / name
        if params.originals[name] is None:
            continue
        # The mode besides: to root every file is writable.
        if not (os.access(path, os.W_OK) and path.stat().st_mode & stat.S_IWUSR):
            raise errors.FileError("cannot be written: it is read-only", file=name)


def as_stored(project: Project, tree: str, params: PreparedParams) -> PreparedParams:
    """The params as they are in the snapshot: somebody may have saved a file meanwhile."""
    names = {}
    for name in params.contents:
        if (real := inside(project.repo.root, name)) is not None:
            names[name] = f"{tree}:{real}"
    trees, contents = dict(params.files), dict(params.contents)
    for name, blob in zip(names, project.repo.read_blobs([*names.values()]), strict=True):
        if blob is not None and blob != contents[name]:
            trees[name], contents[name] = files.parse_params(name, blob).tree, blob
    return params._replace(files=trees, contents=contents)


def write(root: Path, scratch: Path, params: PreparedParams) -> None:
    """Write edited files in place, each whole or not at all; mode bits stay.

    Raises StorageError, also for a file changed since the reading.
    """
    for name, data in params.edited.items():
        path = root / name
        try:
            with whole_file.prepared(path, data, scratch) as new:
                failpoint("params:temporary")
                whole_file.move_in(new, root, name, original=params.originals[name])
        except OSError as error:
            raise errors.StorageError(
                f"{name} could not be written: {error.strerror}.", "Check its permissions and the disk."
            ) from error
        failpoint("params:written")


def _with_names(project: Project, overrides: Sequence[Override]) -> list[Override]:
    """The overrides, each with the name of its file: the config's name, if the config names the file.

    A file is looked for in the project's folder first, then at the root of the repository.
    """
    root = project.repo.root
    known = {(root / name).resolve(): name for name in reversed(project.config.params)}
    named = []
    for override in overrides:
        if override.file is not None and override.file not in project.config.params:
            path = Path(os.path.normpath(project.folder / override.file))
            if not path.is_file():
                path = Path(os.path.normpath(root / override.file))
            name = known.setdefault(path.resolve(), Path(os.path.relpath(path, root)).as_posix())
            override = override._replace(file=name)
        named.append(override)
    return named


def _names(project: Project, overrides: Sequence[Override]) -> list[str]:
    named = []
    for override in overrides:
        if override.file is None:
            continue
        root = project.repo.root
        if not (root / override.file).is_file():
            there = [name for name in project.config.params if (root / name).is_file()]
            raise errors.GitexpError(
                f"There is no file '{override.file}' to change.",
                f"Params files here: {', '.join(there) or 'none'}.",
                code="unknown-param",
            )
        named.append(override.file)
    return list(dict.fromkeys((*project.config.params, *named)))


def _read(root: Path, name: str) -> bytes | None:
    try:
        return read_if_there(root / name)
    except OSError as error:
        raise errors.FileError(f"cannot be read: {error.strerror}", file=name) from error


def _real(root: Path, name: str) -> str:
    real = inside(root, name)
    if real is None:
        raise errors.SnapshotRefused(
            f"{name} is a link to outside the repository: a change to it could not be stored.",
            "Put the file itself into the repository.",
            paths=[name],
        )
    return real
