"""What is to run, and where: the command or the stages, with the params as `-S` changes them."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from functools import partial
from pathlib import Path, PurePosixPath
from types import MappingProxyType

from gitexp import errors, files, plugins
from gitexp.files.dvc_yaml import DVC_YAML
from gitexp.model import Record
from gitexp.named_tuple import NamedTuple
from gitexp.objects.paths import lies_in_any
from gitexp.pipeline.paths import without_dot
from gitexp.pipeline.state import StageSelection
from gitexp.process.programs import find_program
from gitexp.project import params
from gitexp.project.config import CONFIG_FILE
from gitexp.project.hydra import hydra_app, hydra_params
from gitexp.project.params import CommandLine, PreparedParams
from gitexp.project.project import Project, read
from gitexp.project.tools import notebook_command, tool_files
from gitexp.project.tools.notebook_command import NotebookCommand
from gitexp.regex import regex
from gitexp.repo.scope import Scope
from gitexp.runs.checks import surroundings
from gitexp.runs.checks.secrets import with_secrets
from gitexp.runs.checks.written_params import refuse_override
from gitexp.runs.ready import PlainCommand, Work
from gitexp.runs.request import RunRequest, TypedCode

_STAGES = ("gitexp", "run")  # how the command of a run of stages begins in its record
_WRITTEN = regex(r"(?:^|/)(?:dvclive/params\.yaml|\.hydra/.*)\Z")
_NO_COMMAND = "Give one: gitexp run -- python train.py; or write it into gitexp.yaml: gitexp init"


class Checked(NamedTuple):
    """Work and params, checked for everything that can be refused.

    Attributes:
        work: the command or the stages.
        params: the params with the overrides applied, not written yet.
        folder: the folder of the command, relative to the root.
        code: contents for the snapshot in place of the disk's, by path.
        of_code: sentences about these.
    """

    work: Work
    params: PreparedParams
    folder: str
    code: Mapping[str, bytes] = MappingProxyType({})
    of_code: tuple[str, ...] = ()

    @property
    def warnings(self) -> tuple[str, ...]:
        if isinstance(self.work, PlainCommand):
            return (*self.of_code, *self.params.warnings)
        return (*self.params.warnings, *self.work.warnings)


def check(code: Project, request: RunRequest, before: Record | None, workspace: Path) -> Checked:
    """The work of a run with its params; writes nothing.

    `before`: the record of an experiment to be run again. `workspace`: the user's own. Raises no-command,
    command-not-found, the errors of `params.prepare`, and UsageError for a folder outside the workspace.
    """
    root = code.repo.root
    selection = _selection(code, request, before)
    command: CommandLine = ()
    cwd, texts = code.folder, request.overrides
    notebook = None
    if selection is None:
        command, cwd = _command(code, request, before)
        notebook = notebook_command.find(command, cwd, root)
        if notebook is None:
            find_program(command, cwd, os.environ)
        command, texts = hydra_app.configured(code, command, cwd, texts)
    composed = hydra_params.compose(code, command, cwd, texts, again=before is not None)
    overrides = list(map(files.parse_override, composed.overrides))
    prepared = params.prepare(
        code,
        overrides,
        command,
        written_later=(*written_params(code), *code.written()),
        workspace=workspace,
        composed=composed.contents,
        notebook=notebook,
    )
    prepared = prepared._replace(warnings=(*prepared.warnings, *composed.warnings))
    if prepared.edited:
        refuse_override(code, prepared)
    folder = _folder(root, cwd)
    if selection is None:
        prepared = prepared._replace(command=with_secrets(prepared.command, request))
        checked = Checked(PlainCommand(prepared.command), prepared, folder)
        return checked if notebook is None else _of_notebook(checked, notebook, cwd)
    from gitexp.stages import plan  # takes half as long as a short run without stages

    return Checked(plan.choose(code, selection, partial(_as_prepared, root, prepared)), prepared, folder)


def _of_notebook(checked: Checked, notebook: NotebookCommand, folder: Path) -> Checked:
    """The same for a command that is a notebook: its outputs are not the code. Raises command-not-found."""
    program = plugins.load("program", "notebook")(checked.params.command, folder)
    return checked._replace(code={notebook.name: notebook.code}, of_code=program.warnings)


def of_own_code(code: Project, request: RunRequest) -> Checked:
    """The work of a run whose own code asks for the run: nothing is to be started or overridden."""
    prepared = params.prepare(
        code,
        [],
        request.command or (),
        written_later=(*written_params(code), *code.written()),
        workspace=code.repo.root,
    )
    typed = request.typed or TypedCode({})
    folder = _folder(code.repo.root, code.here)
    return Checked(PlainCommand(prepared.command), prepared, folder, typed.files, typed.warnings)


def complete(
    checked: Checked, project: Project, code: Project, root: Path, *, written: Mapping[str, bytes]
) -> Checked:
    """The same, with the needs of its stages in the workspace at `root`.

    `written` are files still to be written there.
    """
    if isinstance(checked.work, PlainCommand):
        return checked
    read_file = partial(_as_prepared, root, checked.params)
    return checked._replace(work=checked.work.complete(project, code, root, read_file, written))


def scope_of(code: Project, work: Work) -> Scope:
    """The paths of a run of `work`, without earlier results named in gitexp.lock."""
    config, written = code.config, written_params(code)
    results, by_stages = (*config.results, *written), tuple[str, ...]()
    if isinstance(work, PlainCommand):
        in_store = code.elsewhere()
    else:
        in_store, by_stages = (*config.data, *work.in_store), work.in_git
        results = (*results, *work.results(code))
    around = surroundings.before(code, work)
    return Scope(
        project=config.folder,
        metrics=config.metrics,
        written_params=written,
        results=results,
        max_size=config.max_untracked,
        declared=tuple(sorted(config.declared)),
        by_stages=by_stages,
        share=config.share,
        in_store=in_store,
        stored=config.data,
        params=config.params,
        aside=around.aside,
        watched=around.watched,
        pointers=around.pointers,
        metric_patterns=config.patterns.metrics,
        param_patterns=config.patterns.params,
        result_patterns=config.patterns.results,
        checkpoints=config.to_go_on_from,
    )


def written_params(code: Project) -> tuple[str, ...]:
    """The params files that runs write: dvclive's, Hydra's, and results. Read after a run, not before."""
    results = code.written()
    named = tool_files.written_dvc_yaml(code.repo.root, code.config.folder)
    of_live = named.params if named is not None else ()
    found = []
    for name in code.config.params:
        if _WRITTEN.search(name) or name in of_live or lies_in_any(name, results):
            found.append(name)
    return tuple(found)


def queued_stages(record: Record) -> StageSelection | None:
    """The stages of a queued run, with its `--force`; None for a command."""
    argv = record.argv or ()
    if argv[: len(_STAGES)] != _STAGES:
        return None
    return StageSelection.of_argv(argv)._replace(force="--force" in argv)


def _selection(code: Project, request: RunRequest, before: Record | None) -> StageSelection | None:
    """The stages to run; None to run a command. Raises UsageError without any stages."""
    argv = before.argv or () if before is not None else ()
    repeats_stages = argv[: len(_STAGES)] == _STAGES
    repeats_command = before is not None and before.command is not None and not repeats_stages
    asked = request.selection
    is_asked_for = asked is not None and asked.is_asked_for
    if code.config.pipeline_file is None or request.command or repeats_command:
        if is_asked_for:
            raise errors.UsageError(
                "There are no stages to choose from.",
                f"They stand under stages: in {CONFIG_FILE}; a command follows --.",
            )
        return None
    if asked is not None and (is_asked_for or not repeats_stages):
        return asked
    return StageSelection.of_argv(argv) if repeats_stages else StageSelection()


def _command(code: Project, request: RunRequest, before: Record | None) -> tuple[CommandLine, Path]:
    """The command and its folder.

    A typed command runs in the user's folder, an earlier experiment's command in its own, and the config's
    command in the project's.
    """
    if request.command:
        return request.command, code.here
    if before is not None and (command := before.argv or before.command):
        return command, code.repo.root / PurePosixPath(before.folder)
    if code.config.command:
        return code.config.command, code.folder
    if not request.from_:
        raise errors.UsageError("There is no command to run.", _NO_COMMAND, code="no-command")
    usual = "dvc repro" if (code.folder / DVC_YAML).is_file() else "python train.py"
    if cells := sorted(code.here.glob("*.cells.py")):  # of a notebook, kept by gitexp
        usual = f"python -m IPython {shlex.quote(cells[0].name)}"
    raise errors.UsageError(
        f"There is no command to run: {request.from_} has none, nor has its {CONFIG_FILE}.",
        f"Give one: gitexp run --from {shlex.quote(request.from_)} -- {usual}",
        code="no-command",
    )


def _folder(root: Path, cwd: Path) -> str:
    """The folder relative to the root; raises UsageError for a folder outside the workspace."""
    top, real = root.resolve(), cwd.resolve()
    if not real.is_relative_to(top):
        raise errors.UsageError(f"{real} is not in the workspace, which is {top}.", "Run it from there.")
    return without_dot(real.relative_to(top).as_posix())


def _as_prepared(root: Path, prepared: PreparedParams, name: str) -> bytes | None:
    """The content that a file will have when the run starts."""
    found = prepared.contents.get(name)
    return read(root / name) if found is None else found
