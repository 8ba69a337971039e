"""The stages of a project: the files that they name, and the pipeline to run.

A config takes only the names of files from its stages, and passes over what it does not understand: whoever
looks at experiments must neither pay for a pipeline nor fail at a mistake in it. `read_stages` is for those
who run them.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path, PurePosixPath

from gitexp import errors, files
from gitexp.files.dvc_yaml import DEFAULT_PARAMS, DvcFiles, files_of_vars, is_templated, names_of
from gitexp.files.limits import read_if_there, read_limited
from gitexp.model import Tree, Value
from gitexp.objects.paths import joined_paths, overlap
from gitexp.pipeline.paths import inside
from gitexp.pipeline.stage import Pipeline, ReadFile
from gitexp.project.config import CONFIG_FILE, Config


def with_stages(config: Config, tree: Tree, data: bytes, folder: Path) -> Config:
    """The config with the files that its own stages name; `data` is its text, `tree` its content."""
    name = str(PurePosixPath(config.folder, CONFIG_FILE))
    found = named_files(name, tree, data, folder)
    return joined(config._replace(pipeline_file=name), found)


def named_files(name: str, tree: Tree, data: bytes, folder: Path) -> DvcFiles:
    """The files that the stages in the file `name` of the project's `folder` name."""
    return names_of(name, tree, _variables(tree, data, folder))


def joined(config: Config, found: DvcFiles, instead: frozenset[str] = frozenset()) -> Config:
    """The config with the files named by stages, except the kinds of files named in `instead`."""

    def united(names: tuple[str, ...], more: tuple[str, ...]) -> tuple[str, ...]:
        if instead.intersection(names):
            return names
        return joined_paths(names, more)

    return config._replace(
        params=united(config.params, found.params),
        metrics=united(config.metrics, found.metrics),
        plots=united(config.plots, found.plots),
    )


def _variables(tree: Tree, data: bytes, folder: Path) -> Tree:
    """The values for `${…}` in the stages: from params.yaml and the files named by `vars`."""
    found: dict[str, Value] = {}
    if not is_templated(data):
        return found
    for name in (DEFAULT_PARAMS, *files_of_vars(tree)):
        path = inside("", name)
        try:
            if path is not None and (folder / path).is_file():
                found.update(files.parse(path, read_limited(folder / path)))
        except (OSError, errors.FileError):
            continue
    return found


def read_stages(root: Path, config: Config, read_file: ReadFile | None = None) -> Pipeline | None:
    """The pipeline of a project; None if it has no stages.

    `read_file` gives the content of a file by its path from the root, for the variables in the stages; by
    default the content in the workspace. Raises ParseError and ConfigError with the file and line.
    """
    name = config.pipeline_file
    if name is None:
        return None
    try:
        data = read_limited(root / name)
    except OSError as error:
        raise errors.ConfigError(f"cannot be read: {error.strerror}", file=name) from error
    from gitexp.pipeline.read import read  # most projects have no stages

    own = PurePosixPath(name).name == CONFIG_FILE
    pipeline = read(name, data, config.folder, read_file or partial(_read_file, root), only_stages=own)
    for stage in pipeline.stages:
        for out in stage.outs:
            for path in config.data:
                if overlap(path, out.path):
                    message = f"'{out.path}' of the stage '{stage.name}' is data too: '{path}' is under data:"
                    raise errors.ConfigError(message, "Take one of them away.", file=name, line=stage.line)
            for path in config.checkpoints:
                if overlap(path, out.path):
                    message = f"'{out.path}' of the stage '{stage.name}' and the checkpoint '{path}' overlap"
                    hint = "Outs go before their stage runs: give checkpoints a folder of their own."
                    raise errors.ConfigError(message, hint, file=name, line=stage.line)
    return pipeline


def _read_file(root: Path, name: str) -> bytes | None:
    try:
        return read_if_there(root / name)
    except OSError as error:
        raise errors.ConfigError(f"cannot be read: {error.strerror}", file=name) from error
